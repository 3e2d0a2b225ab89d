"""Whatever is put into any string of any request: on the wire there is one command a packet, of
those that the RPC is for, nothing that would be expanded, and the string as it was or not at all.

The oracle reads the bytes as the switch does and compares them with what a valid request came to:
all is the same but for the value. It shares no code with the encoder.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.desk_runner import RPCS, DeskRunner
from tests.support.hostile_strings import drawn, each_piece, each_sign_within, hostile
from tests.support.string_fields import StringField, string_fields, value_in, with_value
from tests.support.switch_packets import Packet, atoms_of, variables_of, without_ids
from tests.support.valid_requests import A_RECORDING, A_ROOMS_RECORDING, VALID, Valid
from tests.support.willing_answers import CALLS
from tests.support.willing_switch import ALLOWED, PLAYBACK

from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import CONFIRMATIONS
from callcontrol.errors import CommandNotAllowed, InvalidRequest, NotImplementedYet

LONG_PATIENCE_S = 0.2
KNOWN = (*CALLS, PLAYBACK, A_RECORDING, A_ROOMS_RECORDING)
NOTHING_SENT = (InvalidRequest, CommandNotAllowed, NotImplementedYet)
MESSAGES = {"sendmsg", "sendevent"}
NEVER_EXPANDED = {
    "CallControlService/SendMessage:body",
    "EventService/PublishEvent:headers{value}",
}
"""Where `${` may be sent: a message of SIP goes out as it is (mod_commands.c
uuid_send_info_function, uuid_send_message_function), an event too (mod_event_socket.c
parse_command)."""
WRITTEN_ANEW = re.compile(r"[^0-9]")
"""What stands in a pattern of digits and is written in another way for the switch."""
FORMS: dict[str, Callable[[str], str]] = {
    "CallControlService/SendMessage:content_type": lambda text: text.replace("/", " "),
    "EventService/PublishEvent:headers{key}": str.lower,  # as the packet is read here
}
"""How a value looks on the wire, where that is not as it is."""
FUZZES = settings.default.max_examples > 1_000 if settings.default else False
DRAWN = 10_000 if FUZZES else 10
"""Strings by chance for each field; so many take twenty minutes, so that is for `make fuzz`."""
EXAMPLES, EXAMPLES_OF_READERS = 50, 20
"""What Hypothesis draws for a field, and for one of an RPC that sends nothing."""
COMMANDS = re.compile(r"(?i)api_|exec|bridge_pre_|campon_fallback")
"""Variables that the switch runs."""
NEVER_DONE = {"CallControlService/CollectDigits", "AdminService/CloseSubscription"}
"""RPCs that cannot come to their end here: nobody presses a digit, and no stream is open."""


@dataclass(frozen=True)
class Place:
    """A string field of an RPC, and each valid request that has it, to put strings into."""

    label: str
    field: StringField
    requests: tuple[Message, ...]

    def __str__(self) -> str:
        return f"{self.label}:{self.field}"


def places() -> Iterator[Place]:
    """Every string field of every RPC that is served; where no valid request has it, in one."""
    for label in RPCS:
        requests = VALID[label].requests if label in VALID else ()
        for field in fields_of(requests[0]) if requests else ():
            having = tuple(each for each in requests if value_in(each, field) is not None)
            yield Place(label, field, having or requests[:1])


def fields_of(request: Message) -> list[StringField]:
    """Every string field of a request."""
    kind = request.DESCRIPTOR
    return list(string_fields(kind))  # type: ignore[arg-type]  # the same class, by another name


@pytest.fixture(scope="module")
def runner() -> Iterator[DeskRunner]:
    runner = DeskRunner()
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
def test_a_valid_request_does_what_the_rpc_is_for(runner: DeskRunner, label: str) -> None:
    valid = VALID[label]
    for request in valid.requests:
        runner.forget()
        packets, failure = runner.sent_for(label, request, LONG_PATIENCE_S)
        assert failure is None or label in NEVER_DONE, failure
        check_names(packets, valid)
        acts = any(not packet.only_reads for packet in packets)
        assert acts is bool(valid.verbs and not valid.only_reads)


@dataclass(frozen=True)
class Shape:
    """A valid request, what its field holds, and what it comes to."""

    request: Message
    valid: str
    atoms: Sequence[str]


class Oracle:
    """Knows what valid requests come to, and so what any other string in one place must."""

    def __init__(self, runner: DeskRunner, place: Place) -> None:
        self._runner, self._place = runner, place
        self.shapes = [self._shape(request) for request in place.requests]
        self._form = FORMS.get(str(place), str)

    def _shape(self, request: Message) -> Shape:
        self._runner.forget()
        usual, _ = self._runner.sent_for(self._place.label, request, LONG_PATIENCE_S)
        valid = value_in(request, self._place.field) or ""
        return Shape(request, valid, atoms_of(usual, KNOWN))

    def check(self, text: str, shape: Shape) -> None:
        """Put a string there, and look at what is sent."""
        place, valid = self._place, VALID[self._place.label]
        request = with_value(shape.request, place.field, text)
        packets, failure = self._runner.sent_for(place.label, request)
        if isinstance(failure, NOTHING_SENT):
            assert [packet for packet in packets if not packet.only_reads] == []
            return
        check_names(packets, valid)
        assert str(place) in NEVER_EXPANDED or not any("${" in each.line for each in packets)
        is_raw = place.field.steps[-1] == "raw"  # in the switch's own language
        assert is_raw or not any(map(COMMANDS.match, variables_of(packets)))
        is_cut_off = isinstance(failure, TimeoutError)
        if (failure and not is_cut_off) or not packets or not shape.valid or not text:
            return
        marked, form = self._form(shape.valid), self._form
        wanted = [without_ids(atom.replace(marked, form(text)), KNOWN) for atom in shape.atoms]
        if place.field.steps[-1] == "pattern" and WRITTEN_ANEW.search(text):
            return
        found, due = Counter(atoms_of(packets, KNOWN)), Counter(wanted)
        if is_raw:  # but no second leg
            assert legs_in(found) <= legs_in(due)
            return
        assert found == due or (is_cut_off and found <= due)


def legs_in(atoms: Counter[str]) -> int:
    """How many legs are dialled."""
    sizes = {atom: atom.removeprefix("group of ") for atom in atoms if atom.startswith("group of ")}
    return sum(atoms[atom] * int(size) for atom, size in sizes.items())


PLACES = list(places())


@pytest.mark.parametrize("place", [each for each in PLACES if VALID[each.label].verbs], ids=str)
def test_a_piece_alone_or_in_a_valid_string_is_sent_as_it_is_or_not_at_all(
    runner: DeskRunner, place: Place
) -> None:
    oracle = Oracle(runner, place)
    first, *others = oracle.shapes
    for text in each_piece(first.valid):
        checked(oracle, text, first)
    for shape in others:
        for text in each_sign_within(shape.valid):
            checked(oracle, text, shape)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_string_is_sent_as_it_is_or_not_at_all(runner: DeskRunner, place: Place) -> None:
    oracle = Oracle(runner, place)
    drawn_with = st.sampled_from(oracle.shapes).flatmap(
        lambda shape: st.tuples(hostile(shape.valid), st.just(shape))
    )
    examples = EXAMPLES if VALID[place.label].verbs else EXAMPLES_OF_READERS

    @settings(suppress_health_check=list(HealthCheck), max_examples=examples)
    @given(drawn_with=drawn_with)
    def holds(drawn_with: tuple[str, Shape]) -> None:
        oracle.check(*drawn_with)

    holds()


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_so_are_strings_by_chance(runner: DeskRunner, place: Place) -> None:
    oracle, random = Oracle(runner, place), Random(str(place))
    for _ in range(DRAWN):
        shape = random.choice(oracle.shapes)
        checked(oracle, drawn(shape.valid, random), shape)


def checked(oracle: Oracle, text: str, shape: Shape) -> None:
    """Check a string, and name it as Hypothesis would where it fails."""
    try:
        oracle.check(text, shape)
    except AssertionError:
        print("the string was", repr(text))
        raise


@given(st.data())
@settings(max_examples=20)
def test_every_field_is_found(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(PLACES))
    changed = with_value(place.requests[0], place.field, "changed")
    assert value_in(changed, place.field) == "changed"
