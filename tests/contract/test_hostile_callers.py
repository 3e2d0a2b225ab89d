"""Whoever may call writes what he likes into the events of his call: it is told, and nothing falls.

Towards a real switch a call with these bytes comes in over SIP; at the simulator one whose number
has them, as far as they are text.
"""

import socket
import uuid
from dataclasses import dataclass

import pytest
from tests.contract.conftest import connected_phone
from tests.contract.phone import DEADLINE_S, SIP_PORT, Phone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2


@dataclass(frozen=True)
class Caller:
    """What somebody says of himself."""

    name: bytes = b"somebody"
    number: bytes = b"5550123"
    headers: tuple[bytes, ...] = ()
    sdp: bytes = b""


CALLERS = {
    "no UTF-8": Caller(b"J\xf6rg \xff\xfe", headers=(b"User-Agent: \xff\x80", b"X-Raw: \xc0\x80")),
    "half pairs": Caller(b"\xed\xa0\x80\xf4\x90\x80\x80", headers=(b"X-J: \\ud800\\u0000",)),
    "controls": Caller(b"a\x01\x02\x1b[31m\x7f", b"10%00%0A%0DEvent-Name%3A%20HEARTBEAT%0A%0A"),
    "arrays": Caller(b"ARRAY::a|:b", b"ARRAY%3A%3Aa%7C%3Ab", (b"X-L: ARRAY::|:", b"X-E: ARRAY::")),
    "JSON": Caller(
        b'\\"}],{\\"Unique-ID\\":\\"x', headers=(b'X-J: "},{"Event-Name":"X","_body":{}}',)
    ),
    "labels": Caller(headers=(b"X-cc_label_team: red", b"cc_label_team: red", b"X-cc_request: x")),
    "variables": Caller(b"${hostname}", b"%24%7Bhostname%7D", (b"X-V: ${system(true)}",)),
    "many headers": Caller(headers=tuple(b"X-H%d: %s" % (each, b"v" * 100) for each in range(300))),
    "a long header": Caller(headers=(b"X-Long: " + b"x" * 45_000,)),
    "odd SDP": Caller(sdp=b"a=x:\xff\xfe\x01\r\na=y:" + b"z" * 5_000 + b"\r\n"),
}


def invitation(caller: Caller, switch: SwitchUnderTest, host: str, port: int) -> bytes:
    """A call to the extension `answer`."""
    media = (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    ).encode() + caller.sdp
    to = f"sip:answer@{switch.host}:{SIP_PORT}"
    head = (
        f"INVITE {to} SIP/2.0".encode(),
        f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{uuid.uuid4().hex}".encode(),
        b"Max-Forwards: 70",
        b'From: "%s" <sip:%s@callcontrol.test>;tag=1' % (caller.name, caller.number),
        f"To: <{to}>".encode(),
        f"Call-ID: {uuid.uuid4().hex}".encode(),
        b"CSeq: 1 INVITE",
        f"Contact: <sip:somebody@{host}:{port}>".encode(),
        *caller.headers,
        b"Content-Type: application/sdp",
        b"Content-Length: %d" % len(media),
    )
    return b"\r\n".join((*head, b"", media))


def call_in(caller: Caller, switch: SwitchUnderTest) -> None:
    if switch.simulator is not None:
        number = b"".join((caller.name, caller.number, *caller.headers))
        switch.simulator.call_in("answer", number.decode("utf-8", "replace"))
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((switch.host, 0))
        call = invitation(caller, switch, *line.getsockname())
        line.sendto(call, (switch.host, SIP_PORT))


async def listed(phone: Phone) -> dict[str, call_pb2.Call]:
    request = calls_pb2.ListCallsRequest(filter="size(call.variables) > 10")
    answer = await phone.calls.ListCalls(request, timeout=DEADLINE_S)
    return {call.call_id: call for call in answer.calls}


@pytest.mark.parametrize("caller", list(CALLERS.values()), ids=list(CALLERS))
async def test_the_call_is_told_and_listed_also_by_a_replica_that_comes_later_and_can_be_ended(
    phone: Phone, switch: SwitchUnderTest, caller: Caller
) -> None:
    every_header = events_pb2.EventsRequest(view=common_pb2.VIEW_FULL)
    stream = phone.events.Events(every_header, timeout=DEADLINE_S)
    await stream.read()
    call_in(caller, switch)
    created = await phone.tape.event(
        "call_created",
        where=lambda e: e.call_created.call.direction == call_pb2.Call.DIRECTION_INBOUND,
    )
    call_id = created.call_id
    await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == call_pb2.Call.STATE_ACTIVE,
    )
    known = await listed(phone)
    async with connected_phone(switch, {}) as late:
        found = await listed(late)
        while call_id not in found:  # the tables that it reads lag behind by a moment
            found = await listed(late)
    await phone.hang_up(call_id)
    told: set[str] = set()
    while "CHANNEL_DESTROY" not in told:
        response = await stream.read()
        assert isinstance(response, events_pb2.EventsResponse)  # and not the end of the stream
        assert not response.HasField("gap")
        told |= {event.name for event in response.events if event.call_id == call_id}

    for call in (known[call_id], found[call_id]):
        assert dict(call.labels) == {}
        assert call.state == call_pb2.Call.STATE_ACTIVE
    assert found[call_id].caller == known[call_id].caller
    assert known[call_id].callee.number == "answer"
    assert {"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"} <= told
    assert [notice.WhichOneof("notice") for notice in phone.tape.notices] == ["started"]
