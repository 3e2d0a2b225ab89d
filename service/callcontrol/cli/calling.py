"""Commands on calls: `originate`, `calls`, `hangup`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from enum import Enum
from typing import Annotated, Final

import grpc.aio
import typer

from callcontrol.cli import words
from callcontrol.cli.nodes import is_up, read_nodes
from callcontrol.cli.options import (
    DESTINATION_HELP,
    ENDPOINT_HELP,
    AsJson,
    Target,
    Timeout,
    duration,
    read_destination,
    read_endpoint,
    read_pairs,
)
from callcontrol.cli.showing import show_json, show_table
from callcontrol.client.client import Client
from callcontrol.client.enum_names import name_of
from callcontrol.v1 import call_control_service_pb2, call_pb2, common_pb2

NOT_ANSWERED: Final = 3
"""Exit status where the call was placed and the far end did not take it."""
PAGE_SIZE: Final = 500
MARGIN_S: Final = 10.0
"""How much longer than the far end may ring the request may take."""


class Wait(Enum):
    """When originate returns."""

    accepted = "accepted"
    ringing = "ringing"
    answered = "answered"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (originate, calls, hangup):
        app.command()(command)


def originate(
    endpoint: Annotated[str, typer.Argument(help=f"Whom to call: {ENDPOINT_HELP}")],
    *,
    to: Annotated[
        str, typer.Option(metavar="WHERE", help=f"What the call does then: {DESTINATION_HELP}")
    ] = "park",
    wait: Annotated[Wait, typer.Option(help="When to return.")] = Wait.answered,
    ring: Annotated[float, typer.Option(metavar="SECONDS", help="Give up after.", min=1)] = 60.0,
    caller: Annotated[str, typer.Option(metavar="NUMBER", help="Caller number to show.")] = "",
    caller_name: Annotated[str, typer.Option(metavar="NAME", help="Caller name to show.")] = "",
    node: Annotated[
        str, typer.Option(metavar="NAME", help="Node to call from; any otherwise.")
    ] = "",
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Comes back in events; may be repeated."),
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="For the new leg; may be repeated."),
    ] = None,
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="Makes it safe to repeat the command.")
    ] = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Place a call and print its id; exit status 3 if it was not answered."""
    request = call_control_service_pb2.OriginateRequest(
        request_id=request_id,
        node_id=node,
        endpoints=[read_endpoint(endpoint)],
        destination=read_destination(to),
        caller=call_pb2.Party(number=caller, name=caller_name),
        ring_timeout=duration(ring),
        labels=read_pairs(label or (), "--label"),
        variables=read_pairs(variable or (), "--variable"),
        wait_until=call_control_service_pb2.WaitUntil.Value(f"WAIT_UNTIL_{wait.name.upper()}"),
        hangup_on_cancel=True,
    )
    response = asyncio.run(place_call(target, request, ring + MARGIN_S))
    dispositions = call_control_service_pb2.Disposition
    if as_json:
        show_json([response])
    else:
        outcome = name_of(dispositions, response.disposition, "DISPOSITION_")
        outcome = outcome.lower().replace("_", " ")
        if response.disposition == call_control_service_pb2.DISPOSITION_UNSPECIFIED:
            outcome = words.state_name(response.call.state).lower()
        why = f"  {words.cause(response.hangup_cause)}" if response.hangup_cause.name else ""
        typer.echo(f"{response.call.call_id}  {outcome}{why}")
    if response.disposition > call_control_service_pb2.DISPOSITION_ANSWERED:
        raise typer.Exit(NOT_ANSWERED)


async def place_call(
    target: str, request: call_control_service_pb2.OriginateRequest, timeout_s: float
) -> call_control_service_pb2.OriginateResponse:
    """Place a call. Raises AioRpcError."""
    async with Client(target) as client:
        return await client.calls.Originate(request, timeout=timeout_s)


def calls(
    call_id: Annotated[str, typer.Argument(help="One call; all that are up otherwise.")] = "",
    *,
    where: Annotated[
        str, typer.Option(metavar="CEL", help="Only those for which this holds of `call`.")
    ] = "",
    node: Annotated[str, typer.Option(metavar="NAME", help="Only on this node.")] = "",
    full: Annotated[bool, typer.Option(help="With channel variables; for --json.")] = False,
    target: Target = "",
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> None:
    """List calls, or show one."""
    view = common_pb2.VIEW_FULL if full else common_pb2.VIEW_BASIC
    if call_id and where:
        raise typer.BadParameter("give a call or --where, not both")
    wanted = call_control_service_pb2.ListCallsRequest(
        page_size=PAGE_SIZE, node_id=node, view=view, filter=where
    )
    found, away = asyncio.run(read_calls(target, call_id, wanted, timeout))
    for name in away:
        typer.echo(
            f"{words.printable(name)} is not connected; its calls are as last seen", err=True
        )
    if as_json:
        show_json(found)
        return
    now = words.now_us()
    show_table(
        ("call", "node", "state", "direction", "caller", "callee", "since", "with"),
        (
            (
                call.call_id,
                call.node_id,
                words.state_name(call.state),
                words.direction_name(call.direction),
                words.party(call.caller),
                words.party(call.callee),
                words.age(call.create_time, now),
                call.bridged_call_id[: words.SHOWN_OF_CALL_ID] or call.conference_name,
            )
            for call in found
        ),
    )


async def read_calls(
    target: str,
    call_id: str,
    wanted: call_control_service_pb2.ListCallsRequest,
    timeout_s: float,
) -> tuple[list[call_pb2.Call], list[str]]:
    """One call, or all that are wanted, all pages within the time; and which of their nodes are
    away. Raises AioRpcError.
    """
    ends_s = asyncio.get_running_loop().time() + timeout_s
    async with Client(target) as client:
        if call_id:
            one = call_control_service_pb2.GetCallRequest(call_id=call_id, view=wanted.view)
            found = [(await client.calls.GetCall(one, timeout=timeout_s)).call]
        else:
            found = [call async for call in every_call(client, wanted, timeout_s)]
        used = {call.node_id for call in found if call.state != call_pb2.Call.STATE_ENDED}
        away: set[str] = set()
        with suppress(grpc.aio.AioRpcError):  # the calls are worth showing without the note, too
            left_s = max(0.0, ends_s - asyncio.get_running_loop().time())
            nodes = await read_nodes(client, left_s) if used else ()
            away = {node.node_id for node in nodes if not is_up(node)}
    return found, sorted(used & away)


async def every_call(
    client: Client, wanted: call_control_service_pb2.ListCallsRequest, timeout_s: float
) -> AsyncIterator[call_pb2.Call]:
    """The calls that are wanted, page by page. Raises AioRpcError."""
    request = call_control_service_pb2.ListCallsRequest()
    request.CopyFrom(wanted)
    now_s = asyncio.get_running_loop().time
    ends_s = now_s() + timeout_s
    while True:
        page = await client.calls.ListCalls(request, timeout=max(0.0, ends_s - now_s()))
        for call in page.calls:
            yield call
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def hangup(
    call_id: Annotated[str, typer.Argument(help="The call.")],
    *,
    cause: Annotated[str, typer.Option(help="The switch's name for why.")] = "",
    target: Target = "",
    timeout: Timeout = 10.0,
) -> None:
    """End a call."""
    request = call_control_service_pb2.HangupRequest(call_id=call_id, cause=cause)

    async def end_call() -> call_control_service_pb2.HangupResponse:
        async with Client(target) as client:
            return await client.calls.Hangup(request, timeout=timeout)

    response = asyncio.run(end_call())
    typer.echo(f"{call_id}  {words.state_name(response.call.state).lower()}")
