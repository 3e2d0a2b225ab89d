"""The commands of the torture, of a node and by gRPC: each shows its marker, or what is its own."""

from collections.abc import Awaitable
from typing import Final, TypeVar

import grpc.aio
from tests.support.torture import DEADLINE_S, ECHO, Command, Findings, Scene, digits, text

from callcontrol.cli.options import read_destination, read_endpoint
from callcontrol.client.failure import failure_of
from callcontrol.esl.messaging import execute
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import JobId
from callcontrol.v1 import call_control_service_pb2 as pb

T = TypeVar("T")

HANGS_UP: Final = "sofia/internal/short@example.org"
BUSY: Final = "sofia/internal/busy@example.org"
NAMES: Final = tuple(f"note_{number}" for number in range(4))


class RequestFailed(Exception):
    """A command failed, for a reason."""

    def __init__(self, reason_name: str) -> None:
        super().__init__(reason_name)
        self.reason_name = reason_name


async def api_echo(scene: Scene, marker: int, findings: Findings) -> None:
    reply = await scene.node.api(ECHO, text(marker))
    if reply != f"+OK {text(marker)}\n":
        findings.mismatch("api", text(marker), reply)


async def api_digits(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    reply = await scene.node.api("uuid_send_dtmf", f"{call_id} {digits(marker)}")
    if call_id not in reply or digits(marker) not in reply:
        findings.mismatch("uuid_send_dtmf", digits(marker), reply)


async def api_variable(scene: Scene, marker: int, findings: Findings) -> None:
    """Its reply shows what only that call has."""
    call_id, own = scene.a_call()
    reply = await scene.node.api("uuid_getvar", f"{call_id} own")
    if reply.strip() != own:
        findings.mismatch("uuid_getvar", own, reply)


async def background_echo(scene: Scene, marker: int, findings: Findings) -> None:
    job_id = JobId(f"{marker:08x}-0000-4000-8000-000000000000")
    try:
        with await scene.node.start_job(ECHO, text(marker), job_id) as job:
            result = await job.result()
    except JobLost as lost:
        raise RequestFailed("job lost") from lost
    if result != f"+OK {text(marker)}\n":
        findings.mismatch("bgapi", text(marker), result)


async def message(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    reply = await scene.node.command(execute(call_id, "set", f"note={text(marker)}"))
    if not reply.ok:
        findings.mismatch("sendmsg", "+OK", reply.text)


async def rpc_set_variables(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    name = NAMES[marker % len(NAMES)]
    request = pb.SetVariablesRequest(call_id=call_id, variables={name: text(marker)})
    await _told(
        scene.stage.client.calls.SetVariables(request, timeout=DEADLINE_S), marker, findings
    )


async def rpc_get_variables(scene: Scene, marker: int, findings: Findings) -> None:
    """Its reply shows what only that call has."""
    call_id, own = scene.a_call()
    request = pb.GetVariablesRequest(call_id=call_id, names=["own"])
    call = scene.stage.client.calls.GetVariables(request, timeout=DEADLINE_S)
    answer = await _told(call, marker, findings)
    if dict(answer.variables) != {"own": own}:
        findings.mismatch("GetVariables", own, str(answer.variables))


async def rpc_send_dtmf(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    request = pb.SendDtmfRequest(call_id=call_id, digits=digits(marker))
    await _told(scene.stage.client.calls.SendDtmf(request, timeout=DEADLINE_S), marker, findings)


async def rpc_hold(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    request = pb.HoldRequest(call_id=call_id, display=text(marker))
    call = scene.stage.client.calls.Hold(request, timeout=DEADLINE_S)
    answer = await _held(call, marker, findings)
    if answer.call.call_id != call_id:
        findings.mismatch("Hold", call_id, answer.call.call_id)


async def rpc_unhold(scene: Scene, marker: int, findings: Findings) -> None:
    call_id, _ = scene.a_call()
    request = pb.UnholdRequest(call_id=call_id)
    call = scene.stage.client.calls.Unhold(request, timeout=DEADLINE_S)
    answer = await _held(call, marker, findings)
    if answer.call.call_id != call_id:
        findings.mismatch("Unhold", call_id, answer.call.call_id)


async def rpc_originate(scene: Scene, marker: int, findings: Findings) -> None:
    """Busy, or answered and hung up by the far end."""
    whom = HANGS_UP if marker % 2 else BUSY
    request = pb.OriginateRequest(
        endpoints=[read_endpoint(whom)],
        destination=read_destination("park"),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
        labels={"marker": text(marker)},
        hangup_on_cancel=marker % 3 == 0,
    )
    call = scene.stage.client.calls.Originate(request, timeout=DEADLINE_S)
    answer = await _told(call, marker, findings)
    expected = pb.DISPOSITION_ANSWERED if marker % 2 else pb.DISPOSITION_BUSY
    # A call that ended while no events came has an end, and no cause that anybody knows.
    as_expected = answer.disposition == expected or not answer.HasField("hangup_cause")
    if not as_expected or answer.call.labels.get("marker") != text(marker):
        findings.mismatch("Originate", text(marker), str(answer))


async def _held(call: Awaitable[T], marker: int, findings: Findings) -> T:
    """The response. Another command may have been there first, which the switch does not like."""
    try:
        return await _told(call, marker, findings)
    except RequestFailed as failed:
        if failed.reason_name == "FAILED_PRECONDITION SWITCH_REFUSED":
            raise RequestFailed("held or not already") from failed
        raise


async def _told(call: Awaitable[T], marker: int, findings: Findings) -> T:
    """The response. Where the caller is told that nothing was sent, the marker must not be seen."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        failure = failure_of(error)
        nothing = error.code() is grpc.StatusCode.UNAVAILABLE
        if nothing or (failure.metadata or {}).get("nothing_was_sent"):
            findings.unsent.add(marker)
        raise RequestFailed(f"{error.code().name} {failure.reason}") from error


OF_THE_NODE: Final[tuple[Command, ...]] = (
    api_echo,
    api_digits,
    api_variable,
    background_echo,
    message,
)
BY_GRPC: Final[tuple[Command, ...]] = (
    rpc_set_variables,
    rpc_get_variables,
    rpc_send_dtmf,
    rpc_hold,
    rpc_unhold,
    rpc_originate,
)
EVERY_KIND: Final[tuple[Command, ...]] = (*OF_THE_NODE * 3, *BY_GRPC)
"""Those of the node are cheaper, so there are more of them."""
