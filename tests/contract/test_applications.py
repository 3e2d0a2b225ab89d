"""Applications as a destination, and a park that ends by itself: what arrives, what is refused."""

from collections.abc import Mapping

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    loopback,
    new_id,
    reason_of,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
AWKWARD = [
    "contract_value=plain",
    "contract_value=it's 'quoted' and \"double\"",
    "contract_value=a|b,c;d:e=f",
    r"contract_value=\d+ \| \, back\hash \x",
    "contract_value=()[]{}<>^^%&!@#~*?/$1$",
    "contract_value=Grüße, 日本 ✓",
    "contract_value=%41 + &amp; \u00a0 x",
    "contract_value=m:|:park|park inline",
    "contract_value=" + "x" * 2_000,
]


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return {
        "raw_applications": ["set contract_.*", "sleep [0-9]+", "park", "log .*", "no_such_thing"]
    }


def applications(*items: tuple[str, str]) -> call_pb2.Destination:
    listed = [call_pb2.Application(name=name, data=data) for name, data in items]
    return call_pb2.Destination(applications=call_pb2.Applications(items=listed))


def transfer(call_id: str, destination: call_pb2.Destination) -> calls_pb2.TransferRequest:
    return calls_pb2.TransferRequest(call_id=call_id, destination=destination)


def parked_for(seconds: int) -> call_pb2.Destination:
    return call_pb2.Destination(park=call_pb2.Park(timeout=Duration(seconds=seconds)))


async def ran(phone: Phone, call_id: str, name: str, data: str) -> event_pb2.Event:
    """The start of an application with exactly this argument."""
    return await phone.tape.event(
        "application_started",
        call_id,
        lambda e: (
            e.application_started.application.name == name
            and e.application_started.application.data == data
        ),
    )


async def test_awkward_arguments_arrive_as_they_are_by_transfer(phone: Phone) -> None:
    call_id = await phone.answered()
    items = [("set", data) for data in AWKWARD]
    moved = await phone.calls.Transfer(
        transfer(call_id, applications(*items, ("park", ""))), timeout=DEADLINE_S
    )
    for data in AWKWARD:
        await ran(phone, call_id, "set", data)
    await phone.hang_up(call_id)
    assert moved.status.confirmation == CONFIRMED


async def test_awkward_arguments_arrive_as_they_are_by_originate(phone: Phone) -> None:
    items = [("set", data) for data in AWKWARD]
    response = await phone.calls.Originate(
        calls_pb2.OriginateRequest(
            endpoints=[loopback("answer")],
            destination=applications(*items, ("park", "")),
            wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
        ),
        timeout=DEADLINE_S,
    )
    call_id = response.call.call_id
    for data in AWKWARD:
        await ran(phone, call_id, "set", data)
    await phone.hang_up(call_id)


async def test_the_switch_hangs_up_after_the_last_application(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Transfer(
        transfer(call_id, applications(("log", "INFO bye"))), timeout=DEADLINE_S
    )
    over = await phone.tape.event("call_ended", call_id)
    assert over.call_ended.call.hangup_cause.name == "NORMAL_CLEARING"


async def test_an_application_that_does_not_exist_ends_the_call(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await phone.calls.Transfer(
            transfer(call_id, applications(("no_such_thing", ""))), timeout=DEADLINE_S
        )
    over = await phone.tape.event("call_ended", call_id)
    assert reason_of(ended.value) == "CALL_ENDED"
    assert over.call_ended.call.hangup_cause.name == "DESTINATION_OUT_OF_ORDER"


@pytest.mark.parametrize(
    ("name", "data"),
    [("system", "id"), ("set", "other=1"), ("sleep", "1;"), ("SET", "other=1"), ("park", "x")],
)
async def test_what_is_not_on_the_list_is_not_run(phone: Phone, name: str, data: str) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Transfer(
            transfer(call_id, applications(("sleep", "1"), (name, data))), timeout=DEADLINE_S
        )
    with pytest.raises(grpc.aio.AioRpcError) as refused_at_first:
        await phone.calls.Originate(
            calls_pb2.OriginateRequest(
                endpoints=[loopback("answer")], destination=applications((name, data))
            ),
            timeout=DEADLINE_S,
        )
    got = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)
    for error in (refused.value, refused_at_first.value):
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        assert reason_of(error) == "COMMAND_NOT_ALLOWED"
    assert got.call.state == State.STATE_PARKED


@pytest.mark.parametrize(
    "data",
    [
        "contract_a=${system id}",
        "contract_a=$'{'x}",
        "contract_a=a\nb",
        r"contract_a=\'",
        r"contract_a=\\",
        r"contract_a=\n",
        " contract_a=1",
        "%[x=y]contract_a=1",
    ],
)
async def test_what_would_not_arrive_as_it_is_is_refused(phone: Phone, data: str) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Transfer(
            transfer(call_id, applications(("set", data))), timeout=DEADLINE_S
        )
    await phone.hang_up(call_id)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["destination.applications.items[0].data"]


async def test_a_park_ends_by_itself_when_its_time_is_over(phone: Phone) -> None:
    call_id = new_id()
    await phone.calls.Originate(
        calls_pb2.OriginateRequest(
            call_id=call_id,
            endpoints=[loopback("answer")],
            destination=parked_for(1),
            wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
        ),
        timeout=DEADLINE_S,
    )
    over = await phone.tape.event("call_ended", call_id)
    parked = await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_PARKED,
    )
    assert over.call_ended.call.hangup_cause.name == "ALLOTTED_TIMEOUT"
    assert (
        1
        <= over.receive_time.ToMicroseconds() / 1e6 - parked.receive_time.ToMicroseconds() / 1e6
        < 3
    )


async def test_a_call_can_be_transferred_to_a_park_that_ends(phone: Phone) -> None:
    call_id = await phone.answered()
    moved = await phone.calls.Transfer(transfer(call_id, parked_for(1)), timeout=DEADLINE_S)
    over = await phone.tape.event("call_ended", call_id)
    assert moved.status.confirmation == CONFIRMED
    assert over.call_ended.call.hangup_cause.name == "ALLOTTED_TIMEOUT"


async def test_a_call_that_leaves_the_park_in_time_goes_on(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Transfer(transfer(call_id, parked_for(1)), timeout=DEADLINE_S)
    await phone.calls.Transfer(
        transfer(call_id, applications(("sleep", "3500"), ("park", ""))), timeout=DEADLINE_S
    )
    await ran(phone, call_id, "park", "")
    got = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)
    assert got.call.state in (State.STATE_PARKED, State.STATE_ACTIVE)
