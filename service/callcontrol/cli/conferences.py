"""The command on conferences: `conferences`."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer

from callcontrol.cli import words
from callcontrol.cli.options import AsJson, Target, Timeout
from callcontrol.cli.showing import show_json, show_table
from callcontrol.client.client import Client
from callcontrol.v1 import conference_service_pb2 as pb

PAGE_SIZE: Final = 500


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(conferences)


def conferences(
    name: Annotated[str, typer.Argument(help="Who is in this one; all otherwise.")] = "",
    *,
    node: Annotated[str, typer.Option(metavar="NAME", help="Only on this node.")] = "",
    target: Target = "",
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> None:
    """List conferences, or who is in one."""
    found = asyncio.run(read_conferences(target, name, node, timeout))
    if as_json:
        show_json(found)
    elif name:
        show_table(
            ("member", "call", "party", "in since", ""),
            (
                (
                    str(member.member_id),
                    member.call_id,
                    words.party(member.party),
                    words.age(member.join_time, words.now_us()),
                    ", ".join(_marks(member)),
                )
                for member in found[0].members
            ),
        )
    else:
        show_table(
            ("conference", "node", "members", "since", ""),
            (
                (
                    conference.name,
                    conference.node_id,
                    str(len(conference.members)),
                    words.age(conference.create_time, words.now_us()),
                    ", ".join(_states(conference)),
                )
                for conference in found
            ),
        )


async def read_conferences(
    target: str, name: str, node_id: str, timeout_s: float
) -> Sequence[pb.Conference]:
    """One conference, or all of them, all pages within the time. Raises AioRpcError."""
    now_s = asyncio.get_running_loop().time
    ends_s = now_s() + timeout_s
    async with Client(target) as client:
        if name:
            one = pb.GetConferenceRequest(name=name, node_id=node_id)
            return [(await client.conferences.GetConference(one, timeout=timeout_s)).conference]
        request = pb.ListConferencesRequest(page_size=PAGE_SIZE, node_id=node_id)
        found: list[pb.Conference] = []
        while True:
            left_s = max(0.0, ends_s - now_s())
            page = await client.conferences.ListConferences(request, timeout=left_s)
            found += page.conferences
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


def _states(conference: pb.Conference) -> Iterator[str]:
    if conference.locked:
        yield "locked"
    if conference.recording:
        yield "recorded"


def _marks(member: pb.Member) -> Iterator[str]:
    if member.moderator:
        yield "moderator"
    if member.has_floor:
        yield "floor"
    if member.talking:
        yield "talking"
    if not member.can_speak:
        yield "muted"
    if not member.can_hear:
        yield "deaf"
