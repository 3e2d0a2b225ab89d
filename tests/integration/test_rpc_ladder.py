"""What every RPC has around it: deadlines, repeats, faults, cancellation, audit, figures."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from tests.support.rpc import CALL_ID, UNKNOWN_ID, Replica, refusal_of, replica

from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.ids import NodeId
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_service_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

NODE = NodeId("east")


class Figures:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.replayed: list[str] = []
        self.open = 0

    def rpc_started(self, method: str) -> None:
        self.started.append(method)

    def rpc_ended(self, method: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append((method, code))

    def rpc_replayed(self, method: str) -> None:
        self.replayed.append(method)

    def subscription_opened(self) -> None:
        self.open += 1

    def subscription_closed(self) -> None:
        self.open -= 1

    def batch_sent(self, events: int, size: int, write_s: float) -> None:
        pass

    def expression_failed(self) -> None:
        pass

    def events_skipped(self, count: int) -> None:
        pass


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest_asyncio.fixture
async def served(figures: Figures) -> AsyncIterator[Replica]:
    async with replica(recorder=figures) as running:
        yield running


@pytest.fixture
def calls(served: Replica) -> CallControlServiceStub:
    return CallControlServiceStub(served.channel)


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until this holds; the limit of time is that of the test."""
    while not holds():  # noqa: ASYNC110 - what is awaited has no event of its own
        await asyncio.sleep(0.001)


async def test_bytes_that_are_no_request_are_malformed(served):
    hangup = served.channel.unary_unary("/callcontrol.v1.CallControlService/Hangup")
    told = await refusal_of(hangup(b"\xff\xff\xff", timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_request_beyond_the_limit_never_reaches_a_handler(served, calls, figures):
    huge = pb.SetVariablesRequest(call_id=CALL_ID, variables={"a": "x" * 300_000})
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await calls.SetVariables(huge, timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.node.sent == []


async def test_a_deadline_after_sending_says_what_was_reached(served, calls):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    told = await refusal_of(calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=0.5))
    assert (told.code, told.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
    assert told.metadata == {"call_id": CALL_ID, "node_id": "east", "call_state": "ACTIVE"}
    assert len(served.node.sent) == 1


async def test_a_proof_is_not_waited_for_until_the_deadline_has_passed():
    patient = ControlSettings(confirm_timeout_s=30)
    async with replica(control=patient) as served:
        served.place(CALL_ID)
        calls = CallControlServiceStub(served.channel)
        answer = await calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=0.5)
        assert answer.status.confirmation == common_pb2.CONFIRMATION_ACCEPTED


async def test_a_deadline_tells_the_id_of_a_call_that_the_server_chose(served, calls):
    served.node.hold = asyncio.Event()
    request = originate_request()
    told = await refusal_of(calls.Originate(request, timeout=0.5))
    assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert f"origination_uuid={told.metadata['call_id']}" in served.node.sent[0]


async def test_a_deadline_that_has_passed_sends_nothing(served, calls):
    served.place(CALL_ID)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=0)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.node.sent == []


async def test_a_fault_of_ours_is_told_by_an_id_that_the_log_has(served, calls, caplog):
    served.place(CALL_ID)
    served.node.answers["uuid_hold"] = RuntimeError("the secret 4711 leaked")
    told = await refusal_of(calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "4711" not in repr(told)
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert vars(record)["error_id"] == told.metadata["error_id"]
    assert "4711" in caplog.text


async def test_a_node_that_is_away_is_unavailable_and_says_when_to_come_again(served, calls):
    served.place(CALL_ID)
    served.node.down = NodeUnavailable(NODE, "no link", 2.5)
    told = await refusal_of(calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE")
    assert told.retry_after_ms == 2500
    assert served.node.sent == []


async def test_clients_that_retry_by_themselves_are_told_when(served, calls):
    served.place(CALL_ID)
    served.node.down = CommandQueueFull(NODE, 1000, 0.5)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=5)
    trailers = dict(caught.value.trailing_metadata() or ())
    assert trailers["grpc-retry-pushback-ms"] == "500"


async def test_a_client_that_goes_away_ends_its_request(served, calls, figures):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    hold = calls.Hold(pb.HoldRequest(call_id=CALL_ID))
    await served.node.arrived.wait()
    hold.cancel()
    await until(lambda: figures.ended == [("CallControlService/Hold", "CANCELLED")])


async def test_a_repeat_gets_the_first_answer_marked_as_replayed(served, calls, figures):
    served.place(CALL_ID)
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123")
    first = await calls.SendDtmf(request, timeout=5)
    second = await calls.SendDtmf(request, timeout=5)
    assert not first.status.replayed
    assert second.status.replayed
    assert second.status.confirmation == first.status.confirmation
    assert len(served.node.sent) == 1
    assert figures.replayed == ["CallControlService/SendDtmf"]


async def test_an_answer_that_no_client_would_receive_is_told_by_its_size_also_to_a_repeat():
    may = ControlSettings(raw_apis=(read_permission("show .*"),))
    async with replica(control=may) as running:
        running.node.answers["show"] = "x" * (4 * 1024 * 1024 - 50)
        admin = AdminServiceStub(running.channel)
        request = nodes_pb.ExecuteApiRequest(
            request_id="r-1", node_id=NODE, command="show", arguments="channels"
        )
        for replayed in (False, True):
            told = await refusal_of(admin.ExecuteApi(request, timeout=5))
            assert (told.code, told.reason) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "ANSWER_TOO_LARGE",
            )
            assert ("replayed" in told.metadata) is replayed
        assert running.node.sent == ["show channels"]


async def test_a_request_without_an_id_is_done_each_time(served, calls):
    served.place(CALL_ID)
    for _ in range(2):
        await calls.SendDtmf(pb.SendDtmfRequest(call_id=CALL_ID, digits="1"), timeout=5)
    assert len(served.node.sent) == 2


async def test_a_repeat_with_its_variables_in_another_order_is_the_same_request(served, calls):
    served.place(CALL_ID)
    served.node.answers["uuid_dump"] = '{"variable_aa": "1", "variable_bb": "2"}'
    raw = served.channel.unary_unary("/callcontrol.v1.CallControlService/SetVariables")
    one = pb.SetVariablesRequest(request_id="r-1", call_id=CALL_ID, variables={"aa": "1"})
    two = pb.SetVariablesRequest(variables={"bb": "2"})
    await raw(one.SerializeToString() + two.SerializeToString(), timeout=5)
    sent = len(served.node.sent)
    answer = await raw(two.SerializeToString() + one.SerializeToString(), timeout=5)
    assert pb.SetVariablesResponse.FromString(answer).status.replayed
    assert len(served.node.sent) == sent


async def test_the_same_id_with_another_request_or_method_is_aborted(served, calls):
    served.place(CALL_ID)
    await calls.SendDtmf(
        pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123"), timeout=5
    )
    for other in (
        calls.SendDtmf(
            pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="9"), timeout=5
        ),
        calls.Hold(pb.HoldRequest(request_id="r-1", call_id=CALL_ID), timeout=5),
    ):
        told = await refusal_of(other)
        assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "REQUEST_ID_REUSED")
    assert len(served.node.sent) == 1


async def test_a_repeat_while_the_first_is_under_way_waits_for_it(served, calls):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123")
    first, second = calls.SendDtmf(request, timeout=5), calls.SendDtmf(request, timeout=5)
    await served.node.arrived.wait()
    served.node.hold.set()
    replayed = {(await first).status.replayed, (await second).status.replayed}
    assert replayed == {False, True}
    assert len(served.node.sent) == 1


async def test_after_unavailable_a_repeat_tries_again(served, calls):
    served.place(CALL_ID)
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123")
    served.node.down = NodeUnavailable(NODE, "no link", 1.0)
    await refusal_of(calls.SendDtmf(request, timeout=5))
    served.node.down = None
    assert not (await calls.SendDtmf(request, timeout=5)).status.replayed


async def test_a_call_that_was_not_known_yet_may_be_asked_for_again(served, calls):
    request = pb.HoldRequest(request_id="r-1", call_id=CALL_ID)
    assert (await refusal_of(calls.Hold(request, timeout=5))).reason == "CALL_NOT_FOUND"
    channel = served.place(CALL_ID, answered=False)
    assert (await refusal_of(calls.Hold(request, timeout=5))).reason == "CALL_STATE"
    served.tell(channel.event("CHANNEL_ANSWER"))
    assert not (await calls.Hold(request, timeout=5)).status.replayed
    assert len(served.node.sent) == 1


async def test_that_a_call_is_over_is_not_told_as_a_replay(served, calls):
    request = pb.HoldRequest(request_id="r-1", call_id=CALL_ID)
    served.end(served.place(CALL_ID))
    for _ in range(2):
        told = await refusal_of(calls.Hold(request, timeout=5))
        assert (told.reason, "replayed" in told.metadata) == ("CALL_ENDED", False)
    assert served.node.sent == []


async def test_after_an_unknown_outcome_a_repeat_is_told_so_and_sends_nothing(served, calls):
    served.place(CALL_ID)
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123")
    served.node.answers["uuid_send_dtmf"] = OutcomeUnknown(NODE, "link lost")
    first = await refusal_of(calls.SendDtmf(request, timeout=5))
    second = await refusal_of(calls.SendDtmf(request, timeout=5))
    assert (first.code, first.reason) == (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    assert (second.code, second.reason) == (first.code, first.reason)
    assert second.metadata["replayed"] == "true"
    assert len(served.node.sent) == 1


async def test_after_a_client_went_away_a_repeat_sends_nothing(served, calls, figures):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="123")
    first = calls.SendDtmf(request)
    await served.node.arrived.wait()
    first.cancel()
    await until(lambda: figures.ended)
    told = await refusal_of(calls.SendDtmf(request, timeout=5))
    assert told.reason == "OUTCOME_UNKNOWN"
    assert len(served.node.sent) == 1


@pytest.mark.parametrize("request_id", ["x" * 65, "a\nb", "\u200b", "größe"])
async def test_a_request_id_must_be_short_and_of_printable_ascii(served, calls, request_id):
    request = pb.HoldRequest(request_id=request_id, call_id=CALL_ID)
    told = await refusal_of(calls.Hold(request, timeout=5))
    assert (told.code, list(told.violations)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        ["request_id"],
    )


async def test_a_check_of_a_request_does_not_use_up_its_id(served, calls):
    request = originate_request(request_id="r-1", validate_only=True)
    await calls.Originate(request, timeout=5)
    assert served.node.sent == []
    request.validate_only = False
    answer = await calls.Originate(request, timeout=5)
    assert answer.status.confirmation == common_pb2.CONFIRMATION_ACCEPTED


async def test_each_rpc_that_changes_something_leaves_one_audit_record(served, calls, caplog):
    served.place(CALL_ID)
    caplog.set_level(logging.INFO, logger="callcontrol.audit")
    await calls.SendDtmf(
        pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="4711"), timeout=5
    )
    await calls.GetCall(pb.GetCallRequest(call_id=CALL_ID), timeout=5)
    await refusal_of(calls.Hangup(pb.HangupRequest(call_id=UNKNOWN_ID), timeout=5))
    done, failed = [vars(each) for each in caplog.records if each.name == "callcontrol.audit"]
    assert (done["rpc_method"], done["code"]) == ("CallControlService/SendDtmf", "OK")
    assert (done["call_id"], done["node_id"], done["request_id"]) == (CALL_ID, "east", "r-1")
    assert done["confirmation"] == "ACCEPTED"
    assert (failed["code"], failed["reason"]) == ("NOT_FOUND", "CALL_NOT_FOUND")
    assert "4711" not in caplog.text
    assert "4711" not in repr([done, failed])


async def test_each_rpc_is_counted_once_from_its_start_to_its_end(served, calls, figures):
    await refusal_of(calls.Hangup(pb.HangupRequest(call_id=UNKNOWN_ID), timeout=5))
    checked = EventServiceStub(served.channel).CheckFilter
    await checked(event_service_pb2.CheckFilterRequest(), timeout=5)
    assert figures.started == ["CallControlService/Hangup", "EventService/CheckFilter"]
    assert figures.ended == [
        ("CallControlService/Hangup", "NOT_FOUND"),
        ("EventService/CheckFilter", "OK"),
    ]


def originate_request(*, request_id: str = "", validate_only: bool = False) -> pb.OriginateRequest:
    gateway = call_pb2.GatewayNumber(gateway="acme", number="+4930123456")
    return pb.OriginateRequest(
        request_id=request_id,
        endpoints=[call_pb2.Endpoint(gateway=gateway)],
        destination=call_pb2.Destination(park=call_pb2.Park()),
        validate_only=validate_only,
    )


IsAlive = Callable[[str], bool]


@pytest.fixture
def is_alive() -> Iterator[IsAlive]:
    """Whether there is an object of a type which was not there before; it may be garbage in a
    cycle. What tests that failed before leave is not looked at.
    """
    gc.collect()
    gc.disable()
    before = gc.get_objects()
    known = {id(each) for each in before}

    def look(kind: str) -> bool:
        return any(
            type(each).__name__ == kind and id(each) not in known for each in gc.get_objects()
        )

    yield look
    gc.enable()


async def test_what_was_refused_leaves_nothing_that_only_the_collector_could_find(
    is_alive, served, calls
):
    await refusal_of(calls.GetCall(pb.GetCallRequest(call_id=UNKNOWN_ID)))
    await until(lambda: not is_alive("_Attempt"))


async def test_a_stream_that_was_ended_leaves_nothing_either(is_alive, served):
    stream = EventServiceStub(served.channel).Events(event_service_pb2.EventsRequest())
    await stream.read()
    served.server.streams[0].close()
    await refusal_of(stream.read())
    await until(lambda: not is_alive("EventStream"))
