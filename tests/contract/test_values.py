"""A value comes back from the switch as it was sent, byte for byte, or the request was refused."""

from collections.abc import Mapping

import grpc
import pytest
from tests.contract.phone import DEADLINE_S, Phone, loopback, parked, violated_fields

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2

ASCII = [chr(code) for code in range(0x20, 0x7F)]
EACH_CHARACTER = [form for each in ASCII for form in (f"x{each}y", each, each * 2)]
SEQUENCES = [
    "%41", "%0a", "%25", r"\n", r"\s", r"\t", r"\\", r"\'", r"\"", r"\,", r"\$", "\\", "a\\",
    "^^", "^^|a|b", "|", ",", ",,", ";", "=", "a=b=c", "::", "!", "&park()", "&park", "undef",
    "''", "'a b'", "it's", "'", '"a b"', "a'b'c'd", "[a]", "[", "]", "<a>", "(a)", "@@0", "$",
    "$$", "$ {x}", "$1", "#{x}", "-bleg", "--", "ARRAY", "ARRAY:", "a|:b", "_undef_", "true",
    "+OK", "-ERR x", " a", "a ", "  a  ", "a  b", " ", "   ", "a\tb", "a\u00a0b",
    "Grüße", "日本語", "\U0001f600", "e\u0301", "\u202eabc", "\ufeffx",
    "\uff04\uff5bx",
    "a" * 4_096, "é" * 4_096, "' \"\\,|" * 600, "x" + " " * 500 + "y",
    "content-length: 5", "Job-UUID: x", "_body", "a:b: c", "http://x/y?z=%20&q=+",
]  # fmt: skip
BRACES = ["{", "}", "a{b}c", "{a=b}", "}sofia/gateway/x/900"]
EXPANDED = ["${x}", "$${x}", "a${b}", "${system id}"]
CONTROLS = ["a\nb", "a\r", "\0", "a\x01", "\x7f", "\x1b[0m", "\n\napi system id"]
NEVER = [
    *EXPANDED,
    *CONTROLS,
    "ARRAY::a",
    "a" * 4_097,
    "reload mod_event_socket",
    "\u2028",
    "\u2028x",
    "\u0085",
    "\ta\tb",
]
ATTEMPTS = [":_:", "a:_:b"]
VALUES = [*dict.fromkeys([*EACH_CHARACTER, *SEQUENCES, *BRACES, *ATTEMPTS, *NEVER])]
BATCH = 90


def batches() -> list[dict[str, str]]:
    named = [(f"contract_{place}", value) for place, value in enumerate(VALUES)]
    return [dict(named[begin : begin + BATCH]) for begin in range(0, len(named), BATCH)]


def refused_names(error: grpc.aio.AioRpcError, field: str) -> set[str]:
    """The entries of a map that were found wrong."""
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    found = violated_fields(error)
    assert all(each.startswith(f"{field}[") for each in found), found
    return {each.removeprefix(f"{field}[").removesuffix("]") for each in found}


async def full(phone: Phone, call_id: str) -> call_pb2.Call:
    request = calls_pb2.GetCallRequest(call_id=call_id, view=common_pb2.VIEW_FULL)
    return (await phone.calls.GetCall(request, timeout=DEADLINE_S)).call


async def read(phone: Phone, call_id: str, names: Mapping[str, str]) -> dict[str, str]:
    if not names:
        return {}
    request = calls_pb2.GetVariablesRequest(call_id=call_id, names=list(names))
    return dict((await phone.calls.GetVariables(request, timeout=DEADLINE_S)).variables)


async def test_a_value_that_is_set_is_read_as_it_was_or_refused(phone: Phone) -> None:
    call_id = await phone.answered()
    refused: set[str] = set()
    for batch in batches():
        wanted = dict(batch)
        try:
            request = calls_pb2.SetVariablesRequest(call_id=call_id, variables=wanted)
            await phone.calls.SetVariables(request, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            names = refused_names(error, "variables")
            refused |= {wanted.pop(name) for name in names}
            if wanted:
                request = calls_pb2.SetVariablesRequest(call_id=call_id, variables=wanted)
                await phone.calls.SetVariables(request, timeout=DEADLINE_S)
        assert await read(phone, call_id, wanted) == wanted
    await phone.hang_up(call_id)
    assert refused == {*NEVER}


@pytest.mark.parametrize("where", ["variables", "endpoints[0].variables"])
async def test_a_value_that_a_new_call_gets_is_read_as_it_was_or_refused(
    phone: Phone, where: str
) -> None:
    refused: set[str] = set()

    async def place(values: dict[str, str]) -> str:
        endpoint = loopback("answer")
        shared = values if where == "variables" else {}
        if where != "variables":
            endpoint.variables.update(values)
        return await phone.answered(over=lambda _: endpoint, variables=shared)

    for batch in batches():
        wanted = dict(batch)
        try:
            call_id = await place(wanted)
        except grpc.aio.AioRpcError as error:
            refused |= {wanted.pop(name) for name in refused_names(error, where)}
            call_id = await place(wanted)
        assert await read(phone, call_id, wanted) == wanted
        told = (await full(phone, call_id)).variables
        assert {name: told[name] for name in wanted} == wanted
        await phone.hang_up(call_id)
    assert refused >= {*NEVER, *BRACES, *ATTEMPTS}
    assert refused <= {*NEVER, *ATTEMPTS} | {v for v in VALUES if set(v) & set("{}")}


async def test_legs_of_one_attempt_have_values_of_their_own(phone: Phone) -> None:
    refused: set[str] = set()

    async def place(values: dict[str, str]) -> str:
        first, second = loopback("answer"), loopback("ring")
        first.variables.update(values)
        second.variables.update(dict.fromkeys(values, "other"))
        request = calls_pb2.OriginateRequest(
            endpoints=[first, second],
            strategy=calls_pb2.OriginateRequest.STRATEGY_SIMULTANEOUS,
            destination=parked(),
            wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
        )
        response = await phone.calls.Originate(request, timeout=DEADLINE_S)
        assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
        return str(response.call.call_id)

    for batch in batches():
        wanted = dict(batch)
        try:
            call_id = await place(wanted)
        except grpc.aio.AioRpcError as error:
            names = refused_names(error, "endpoints[0].variables")
            refused |= {wanted.pop(name) for name in names}
            call_id = await place(wanted)
        assert await read(phone, call_id, wanted) == wanted
        await phone.hang_up(call_id)
    assert refused >= {*NEVER, *BRACES, *ATTEMPTS}
    assert len(refused) < len(VALUES) / 2


async def test_labels_come_back_in_the_call(phone: Phone) -> None:
    labels = {"team": "it's 'a|b', \"c\\d\" %41 ^^ Grüße", "a.b-c_D": " x ", "order": "[4711];,="}
    call_id = await phone.answered(labels=labels)
    call = await full(phone, call_id)
    event = await phone.tape.event("call_created", call_id)
    await phone.hang_up(call_id)
    assert dict(call.labels) == labels
    assert dict(event.labels) == labels


@pytest.mark.parametrize(
    "name",
    ["Müller, Jürgen", 'O\'Neil "Bob"', "a|b;c=d[e]<f>", r"back\slash \n %41", "x ^^ :: ! $ @"],
)
async def test_a_callers_name_is_shown_as_it_is(phone: Phone, name: str) -> None:
    call_id = await phone.answered(caller=call_pb2.Party(number="5550100", name=name))
    call = await full(phone, call_id)
    seen = await read(phone, call_id, {"caller_id_name": "", "origination_caller_id_name": ""})
    await phone.hang_up(call_id)
    assert name in {call.caller.name, call.callee.name, *seen.values()}
