"""Whatever is put into any string of any request: on the wire there is one command a packet, of
those that the RPC is for, nothing that would be expanded, and the string as it was or not at all.

The oracle reads the bytes as the switch does and compares them with what a valid request came to:
all is the same but for the value. It shares no code with the encoder.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.hostile_strings import drawn, hostile
from tests.support.string_fields import StringField, string_fields, value_in, with_value
from tests.support.switch_packets import Packet, atoms_of, read_packets, without_ids
from tests.support.valid_requests import AN_ID, VALID, Valid
from tests.support.willing_switch import ALLOWED, CALLS, Desk, settle

from callcontrol.calls.verb import Verb
from callcontrol.calls.verbs import CONFIRMATIONS
from callcontrol.errors import (
    CallControlError,
    CommandNotAllowed,
    InvalidRequest,
    NotImplementedYet,
)
from callcontrol.rpc.handlers import UnaryHandler
from callcontrol.rpc.methods import SERVICES

PATIENCE_S = 0.02
KNOWN = (*CALLS, AN_ID)
NOTHING_SENT = (InvalidRequest, CommandNotAllowed, NotImplementedYet)
MESSAGES = {"sendmsg", "sendevent"}
NEVER_EXPANDED = {"CallControlService/SendMessage:body"}
"""Where `${` may be sent: a message of SIP goes out as it is (mod_commands.c
uuid_send_info_function, uuid_send_message_function)."""
WRITTEN_ANEW = re.compile(r"[^0-9]")
"""What stands in a pattern of digits and is written in another way for the switch."""
FORMS: dict[str, Callable[[str], str]] = {
    "CallControlService/SendMessage:content_type": lambda text: text.replace("/", " "),
}
"""How a value looks on the wire, where that is not as it is."""
FUZZES = settings.default.max_examples > 1_000 if settings.default else False
EXAMPLES, EXAMPLES_OF_READERS = 100, 20
"""What Hypothesis draws for a field, and for one of an RPC that sends nothing."""
A_NEW_DESK_AFTER = 200
"""Requests that one desk takes: it remembers what it was asked for."""


def unary_rpcs() -> Iterator[tuple[str, str, str]]:
    """Every unary RPC that is served: its label, its service, its name."""
    with asyncio.Runner() as runner:
        served = runner.run(_served())
    for service, methods in SERVICES.items():
        for method in methods:
            if isinstance(served.get(service, {}).get(method.name), UnaryHandler):
                yield method.label, service, method.name


async def _served() -> dict[str, dict[str, object]]:
    return {name: dict(handlers) for name, handlers in Desk().services.items()}


RPCS = {label: (service, name) for label, service, name in unary_rpcs()}


@dataclass(frozen=True)
class Place:
    """A string field of an RPC, and a valid request to put strings into."""

    label: str
    field: StringField
    request: Message

    def __str__(self) -> str:
        return f"{self.label}:{self.field}"

    @property
    def valid(self) -> str:
        """What the request has there; empty where it has nothing."""
        return value_in(self.request, self.field) or ""


def places() -> Iterator[Place]:
    """Every string field of every RPC that is served, in the first request that has it."""
    for label in RPCS:
        requests = VALID[label].requests if label in VALID else ()
        for field in fields_of(requests[0]) if requests else ():
            having = [each for each in requests if value_in(each, field) is not None]
            yield Place(label, field, (having or requests)[0])


def fields_of(request: Message) -> list[StringField]:
    """Every string field of a request."""
    kind = request.DESCRIPTOR
    return list(string_fields(kind))  # type: ignore[arg-type]  # the same class, by another name


class Runner:
    """Gives requests to handlers, and reads what they sent."""

    def __init__(self) -> None:
        self._loop = asyncio.Runner()
        self._desk: Desk | None = None
        self._asked = 0

    def close(self) -> None:
        self._loop.close()

    def forget(self) -> None:
        """Begin anew with the next request."""
        self._asked = 0

    def sent_for(
        self, label: str, request: Message, patience_s: float = PATIENCE_S
    ) -> tuple[list[Packet], Exception | None]:
        """What was sent for a request, and how it failed if it did."""
        return self._loop.run(self._ask(label, request, patience_s))

    async def _ask(
        self, label: str, request: Message, patience_s: float
    ) -> tuple[list[Packet], Exception | None]:
        if self._desk is None or self._asked % A_NEW_DESK_AFTER == 0:
            self._desk = Desk()
        self._asked += 1
        service, name = RPCS[label]
        handler = self._desk.services[service][name]
        assert isinstance(handler, UnaryHandler)
        node = self._desk.node
        node.packets.clear()
        failure: Exception | None = None
        decoded = handler.request_type.FromString(request.SerializeToString())
        try:
            async with asyncio.timeout(patience_s):
                await handler.answer(decoded)
        except (CallControlError, TimeoutError) as error:
            failure = error
        await settle()
        packets = []
        for data in node.packets:
            found = read_packets(data)
            assert len(found) == 1, "one command a packet"
            assert b"mod_event_socket" not in data.lower()
            packets += found
        return packets, failure


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


def words_of(valid: Valid) -> set[str]:
    """Every word that the table of verbs has for what may be sent, and for how it is proven."""
    rows = [CONFIRMATIONS[Verb[verb]] for verb in valid.verbs]
    text = " ".join(f"{row.sends} {row.proven_by}" for row in rows)
    return set(re.findall(r"[a-z][a-z_0-9]+", text)) | set(valid.reads)


def check_names(packets: list[Packet], valid: Valid) -> None:
    """Only commands and applications that the table of verbs has, and the operator's."""
    words = words_of(valid)
    listed = {each.name for each in ALLOWED.raw_apis} | {
        each.name for each in ALLOWED.raw_applications
    }
    for packet in packets:
        if packet.only_reads:
            continue
        if packet.command in MESSAGES:
            assert packet.application in words | listed | {""}
            assert dict(packet.headers).get("call-command", "") in {"", "execute", "hangup"}
        else:
            assert packet.command in {"api", "bgapi"}
            assert packet.name in words | listed


def test_there_is_a_valid_request_for_every_rpc_that_is_served() -> None:
    assert not RPCS.keys() - VALID.keys()


@pytest.mark.parametrize("label", [label for label in RPCS if label in VALID])
def test_a_valid_request_is_no_malformed_one(runner: Runner, label: str) -> None:
    for request in VALID[label].requests:
        packets, failure = runner.sent_for(label, request)
        assert not isinstance(failure, InvalidRequest | CommandNotAllowed), failure
        check_names(packets, VALID[label])


class Oracle:
    """Knows what a valid request comes to, and so what any other string in its place must."""

    def __init__(self, runner: Runner, place: Place) -> None:
        runner.forget()
        usual, _ = runner.sent_for(place.label, place.request, 10 * PATIENCE_S)
        self._runner, self._place = runner, place
        self._pattern = atoms_of(usual, KNOWN)
        self._form = FORMS.get(str(place), str)

    def check(self, text: str) -> None:
        """Put a string there, and look at what is sent."""
        place, valid = self._place, VALID[self._place.label]
        request = with_value(place.request, place.field, text)
        packets, failure = self._runner.sent_for(place.label, request)
        if isinstance(failure, NOTHING_SENT):
            assert [packet for packet in packets if not packet.only_reads] == []
            return
        check_names(packets, valid)
        assert str(place) in NEVER_EXPANDED or not any("${" in each.line for each in packets)
        is_cut_off = isinstance(failure, TimeoutError)
        if (failure and not is_cut_off) or not packets or not place.valid or not text:
            return
        marked, form = self._form(place.valid), self._form
        wanted = [without_ids(atom.replace(marked, form(text)), KNOWN) for atom in self._pattern]
        if place.field.steps[-1] == "pattern" and WRITTEN_ANEW.search(text):
            return
        found, due = Counter(atoms_of(packets, KNOWN)), Counter(wanted)
        if place.field.steps[-1] == "raw":  # in the switch's own language, but no second leg
            assert legs_in(found) <= legs_in(due)
            return
        assert found == due or (is_cut_off and found <= due)


def legs_in(atoms: Counter[str]) -> int:
    """How many legs are dialled."""
    sizes = {atom: atom.removeprefix("group of ") for atom in atoms if atom.startswith("group of ")}
    return sum(atoms[atom] * int(size) for atom, size in sizes.items())


PLACES = list(places())


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_string_is_sent_as_it_is_or_not_at_all(runner: Runner, place: Place) -> None:
    oracle = Oracle(runner, place)

    examples = EXAMPLES if VALID[place.label].verbs else EXAMPLES_OF_READERS

    @settings(suppress_health_check=list(HealthCheck), max_examples=examples)
    @given(text=hostile(place.valid))
    def holds(text: str) -> None:
        oracle.check(text)

    holds()


@pytest.mark.skipif(not FUZZES, reason="takes twenty minutes: make fuzz")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_so_are_ten_thousand_strings_by_chance(runner: Runner, place: Place) -> None:
    oracle, random = Oracle(runner, place), Random(str(place))
    for _ in range(10_000):
        text = drawn(place.valid, random)
        try:
            oracle.check(text)
        except AssertionError:
            print("the string was", repr(text))  # as Hypothesis would
            raise


@given(st.data())
@settings(max_examples=20)
def test_every_field_is_found(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(list(places())))
    changed = with_value(place.request, place.field, "changed")
    assert value_in(changed, place.field) == "changed"
