"""Whom a call can reach: users, gateways, and dial strings that the operator lists."""

from collections.abc import Mapping

import grpc
import pytest
from tests.contract.phone import Phone, loopback, new_id, parked, reason_of, violated_fields

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2

LISTED = r"loopback/(answer|busy)/callcontrol;\[mine=[^\]]*\]loopback/answer/callcontrol"


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return {"raw_dial_strings": LISTED}


def user(name: str) -> call_pb2.Endpoint:
    return call_pb2.Endpoint(user=call_pb2.User(id=name, domain="callcontrol.test"))


def gateway(name: str, number: str = "answer") -> call_pb2.Endpoint:
    return call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway=name, number=number))


def raw(text: str) -> call_pb2.Endpoint:
    return call_pb2.Endpoint(raw=text)


async def test_a_user_of_the_directory_is_called(phone: Phone) -> None:
    response = await phone.originate(user("answer"), variables={"mine": "a, b's"})
    await phone.hang_up(response.call.call_id)

    assert response.disposition == pb.DISPOSITION_ANSWERED


@pytest.mark.parametrize(
    ("name", "disposition", "cause"),
    [
        ("busy", pb.DISPOSITION_BUSY, "USER_BUSY"),
        ("1000", pb.DISPOSITION_UNREACHABLE, "USER_NOT_REGISTERED"),
        ("nobody-at-all", pb.DISPOSITION_UNREACHABLE, "SUBSCRIBER_ABSENT"),
    ],
)
async def test_a_user_who_cannot_be_reached_is_an_outcome(
    phone: Phone, name: str, disposition: int, cause: str
) -> None:
    response = await phone.originate(user(name))
    await phone.tape.event("call_ended", response.call.call_id)

    assert response.disposition == disposition
    assert response.hangup_cause.name == cause


async def test_users_are_called_one_after_the_other(phone: Phone) -> None:
    request = pb.OriginateRequest(
        call_id=new_id(),
        endpoints=[user("busy"), user("1000"), user("answer")],
        destination=parked(),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )
    response = await phone.calls.Originate(request, timeout=30)
    await phone.hang_up(response.call.call_id)

    assert response.disposition == pb.DISPOSITION_ANSWERED
    assert response.call.call_id == response.legs[2].call_id
    assert response.legs[0].disposition == pb.DISPOSITION_BUSY


async def test_a_number_is_called_by_way_of_a_gateway(phone: Phone) -> None:
    response = await phone.originate(gateway("carrier", "100"))
    await phone.tape.event("call_ended", response.call.call_id)

    assert response.disposition == pb.DISPOSITION_UNREACHABLE
    assert response.hangup_cause.name == "NO_ROUTE_DESTINATION"
    assert response.hangup_cause.sip_code == 404


async def test_a_gateway_that_is_down_is_an_outcome(phone: Phone) -> None:
    response = await phone.originate(gateway("fallen", "100"))
    await phone.tape.event("call_ended", response.call.call_id)

    assert response.disposition == pb.DISPOSITION_UNREACHABLE
    assert response.hangup_cause.name == "GATEWAY_DOWN"


async def test_a_listed_dial_string_is_called(phone: Phone) -> None:
    busy = await phone.originate(raw("loopback/busy/callcontrol"))

    answered = await phone.originate(raw("[mine=a,b c]loopback/answer/callcontrol"))
    await phone.hang_up(answered.call.call_id)

    assert busy.disposition == pb.DISPOSITION_BUSY
    assert answered.disposition == pb.DISPOSITION_ANSWERED


@pytest.mark.parametrize(
    "text",
    [
        "loopback/answer/default",
        "loopback/answer/callcontrolx",
        "sofia/internal/answer@127.0.0.1",
        "error/user_busy",
    ],
)
async def test_a_dial_string_that_is_not_listed_is_refused(phone: Phone, text: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(raw(text))

    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(refused.value) == "COMMAND_NOT_ALLOWED"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loopback/answer/callcontrol,loopback/busy/callcontrol",
        "loopback/answer/callcontrol|loopback/busy/callcontrol",
        "loopback/answer/callcontrol[|loopback/busy/callcontrol|]",
        "loopback/answer/callcontrol[\\\\,loopback/busy/callcontrol\\\\,]",
        "loopback/answer/callcontrol:_:loopback/busy/callcontrol",
        "{a=b}loopback/answer/callcontrol",
        "<a=b>loopback/answer/callcontrol",
        "loopback/answer/${x}",
        "loopback/answer/callcontrol\n\napi status",
        " loopback/answer/callcontrol",
    ],
)
async def test_a_dial_string_that_is_not_one_leg_is_refused(phone: Phone, text: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(raw(text))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["endpoints[0].raw"]


async def test_a_listed_dial_string_may_be_one_of_several(phone: Phone) -> None:
    request = pb.OriginateRequest(
        endpoints=[raw("loopback/busy/callcontrol"), loopback("answer")],
        destination=parked(),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )
    response = await phone.calls.Originate(request, timeout=30)
    await phone.hang_up(response.call.call_id)

    assert [leg.disposition for leg in response.legs] == [
        pb.DISPOSITION_BUSY,
        pb.DISPOSITION_ANSWERED,
    ]
