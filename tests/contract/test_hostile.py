"""The nastiest strings in every field of every RPC, at a switch: it lives, and nothing ran on it
that nobody asked for.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from tests.contract.phone import DEADLINE_S, Phone, new_id
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.hostile_strings import CANARY
from tests.support.string_fields import StringField, string_fields, value_in, with_value
from tests.support.valid_requests import VALID
from tests.support.willing_answers import ACTIVE, BRIDGED, HELD, OTHER, PARTNER, PLAYING, RINGING
from tests.support.willing_switch import NODE

from callcontrol.rpc.methods import SERVICES, Method
from callcontrol.v1 import call_control_service_pb2 as calls_pb2

PATIENCE_S = 2.0
NASTY = [
    f"\n\napi {CANARY}\n\n",
    f"x\r\n\r\napi {CANARY}\r\n\r\n",
    f"\0\n\napi {CANARY}",
    f"${{{CANARY}}}",
    f"$'{{'{CANARY}}}",
    f"\\${{{CANARY}}}",
    f"x}}{{api_on_answer={CANARY}}}",
    "{execute_on_originate=global_set::callcontrol_canary=1}",
    "}sofia/gateway/x/900",
    "x]loopback/escaped/callcontrol",
    "x,loopback/escaped/callcontrol",
    "x|loopback/escaped/callcontrol",
    "x:_:loopback/escaped/callcontrol",
    "x loopback/escaped/callcontrol",
    "' loopback/escaped/callcontrol '",
    "^^|a|b",
    "m:|:global_set:callcontrol_canary=1",
    "global_set:callcontrol_canary=1 inline",
    "x inline",
    "global_set::callcontrol_canary=1",
    "x!global_set::callcontrol_canary=1",
    "&global_set(callcontrol_canary=1)",
    ")&global_set(callcontrol_canary=1)",
    "ARRAY::a|:b",
    "%[execute_on_answer=hangup]x",
    "reload mod_event_socket",
    "undef",
    "\\",
    "'",
    '"' * 999,
    "x" * 9_999,
    "\u2028" + CANARY,
]
EXPECTED_APPLICATIONS = {
    "answer", "bridge", "att_xfer", "conference", "eavesdrop", "markapp", "park", "phrase",
    "play_and_get_digits", "playback", "set", "sleep", "speak", "say", "ring_ready",
    "unset", "uuid_bridge",
}  # fmt: skip
EXPECTED_CHANNELS = re.compile(
    r"loopback/(?:answer|markextension)-[ab]|sofia/(?:internal|markprofile)/.*|null/.*"
)


@pytest.fixture
def service_settings(switch: SwitchUnderTest) -> Mapping[str, object]:
    return {
        "nodes": f"{NODE}={switch.host}:{switch.port}",
        "confirm_timeout_s": 0.02,
        "media_roots": "/srv/sounds",
        "recording_root": "/tmp/callcontrol-hostile",
        "raw_apis": "markapi .*;status",
        "raw_applications": "markapp .*;park",
    }


@pytest.fixture
async def watcher(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.frame()
        await client.ask(f"auth {switch.password}")
        # The configuration has it off; what we promise must not hang on that.
        await client.ask("api fsctl api_expansion on")
        yield client
        await client.ask("api fsctl api_expansion off")


def unary_methods() -> Iterator[Method]:
    """The RPCs that send something to a switch."""
    for methods in SERVICES.values():
        for method in methods:
            if method.label in VALID and VALID[method.label].verbs:
                yield method


async def calls_to_play_with(phone: Phone) -> dict[str, str]:
    """The ids of calls that are up, by the marks in the valid requests."""
    ids: dict[str, str] = {mark: new_id() for mark in (ACTIVE, OTHER, BRIDGED, PARTNER)}
    for call_id in ids.values():
        await phone.answered(call_id=call_id)
    await phone.calls.Bridge(
        calls_pb2.BridgeRequest(call_id=ids[BRIDGED], peer_call_id=ids[PARTNER]),
        timeout=DEADLINE_S,
    )
    return {**ids, **dict.fromkeys((RINGING, PLAYING, HELD), ids[ACTIVE])}


def about(request: Message, ids: Mapping[str, str]) -> Message:
    """The same request, about these calls."""
    data = request.SerializeToString()
    for mark, call_id in ids.items():
        data = data.replace(mark.encode(), call_id.encode())
    return type(request).FromString(data)


async def ask(phone: Phone, method: Method, request: Message) -> grpc.StatusCode:
    """Send it, and give what came of it."""
    call = phone.channel.unary_unary(
        method.path,
        request_serializer=method.request_type.SerializeToString,
        response_deserializer=method.response_type.FromString,
    )
    try:
        await call(request, timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def fields_of(request: Message) -> list[StringField]:
    kind = request.DESCRIPTOR
    return list(string_fields(kind))  # type: ignore[arg-type]  # the same class, by another name


async def is_up(phone: Phone, call_id: str) -> bool:
    try:
        got = await phone.calls.GetCall(
            calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S
        )
    except grpc.aio.AioRpcError:
        return False
    return not got.call.HasField("end_time")


@pytest.mark.parametrize("method", list(unary_methods()), ids=lambda method: method.label)
@pytest.mark.timeout(180)
async def test_nothing_runs_that_nobody_asked_for(
    phone: Phone, switch: SwitchUnderTest, watcher: RawClient, method: Method
) -> None:
    # The simulator runs nothing that it could; a few show that the test itself is sound.
    nasty = NASTY if switch.is_real else NASTY[::6]
    codes: set[grpc.StatusCode] = set()
    ids = await calls_to_play_with(phone)
    for field in fields_of(VALID[method.label].requests[0]):
        requests = VALID[method.label].requests
        request = next((each for each in requests if value_in(each, field)), requests[0])
        for text in nasty:
            if not await is_up(phone, ids[ACTIVE]):
                ids = await calls_to_play_with(phone)
            hostile = with_value(about(request, ids), field, text)
            codes.add(await ask(phone, method, hostile))

    await phone.calls.HangupCalls(
        calls_pb2.HangupCallsRequest(filter="true", max_calls=10_000), timeout=DEADLINE_S
    )
    assert await watcher.ask("api global_getvar callcontrol_canary") == "-ERR no reply\n"
    assert (await watcher.ask("api status")).startswith("UP ")
    assert grpc.StatusCode.INTERNAL not in codes
    created = [e.call_created.call for e in phone.tape.events if e.HasField("call_created")]
    assert [
        c.channel_name for c in created if not EXPECTED_CHANNELS.fullmatch(c.channel_name)
    ] == []
    ran = {
        event.application_started.application.name
        for event in phone.tape.events
        if event.HasField("application_started")
    }
    assert ran <= EXPECTED_APPLICATIONS


async def test_the_canary_would_have_been_seen(watcher: RawClient, switch: SwitchUnderTest) -> None:
    way = f"api eval ${{{CANARY}}}" if switch.is_real else f"api {CANARY}"
    await watcher.ask(way)
    seen = await watcher.ask("api global_getvar callcontrol_canary")
    await watcher.ask("api global_setvar callcontrol_canary=")
    async with asyncio.timeout(DEADLINE_S):
        gone = await watcher.ask("api global_getvar callcontrol_canary")
    assert (seen, gone) == ("1", "-ERR no reply\n")
