"""Every recording of a real switch through the tracker: what happened is what is told."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
from tests.support import transcripts
from tests.support.channels import NODE

from callcontrol.calls.call import TRANSITIONS, Call, CallState, Direction, HangupSide
from callcontrol.calls.payloads import CallCreated, CallEnded, CallStateChanged
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.event import Event
from callcontrol.freeswitch.wanted_events import CALL_EVENTS, NODE_EVENTS
from callcontrol.ids import CallId

RECORDINGS = [name for name in transcripts.names() if name.endswith("-json")]


def events_in(stream: bytes) -> Iterator[SwitchEvent]:
    for frame in FrameReader().feed(stream):
        if frame.content_type == "text/event-json":
            event = parse_event_json(frame.body, frame.size)
            if isinstance(event, SwitchEvent):
                yield event


class Told:
    """What a subscriber would have learned."""

    def __init__(self) -> None:
        self.tracker = CallTracker()
        self.events: list[Event] = []
        self.states: dict[CallId, list[CallState]] = {}
        self.ends: dict[CallId, list[CallEnded]] = {}
        self.destroyed: set[str] = set()

    def replay(self, events: Iterator[SwitchEvent]) -> "Told":
        for event in events:
            if event.text("Event-Name") == "CHANNEL_DESTROY":
                self.destroyed.add(event.text("Unique-ID"))
            seen = self.tracker.apply(NODE, event)
            self.events.append(seen)
            match seen.payload:
                case CallCreated(call=call) | CallStateChanged(call=call):
                    self.states.setdefault(call.call_id, []).append(call.state)
                case CallEnded(call=call):
                    self.states.setdefault(call.call_id, []).append(call.state)
                    self.ends.setdefault(call.call_id, []).append(seen.payload)
        return self

    def call(self, channel_name: str) -> Call:
        """The first call on a channel of this name."""
        calls = [end.call for ends in self.ends.values() for end in ends]
        return next(call for call in calls if call.channel_name.startswith(channel_name))

    def life(self, channel_name: str) -> list[str]:
        """The states that this call was told to be in."""
        return [state.value for state in self.states[self.call(channel_name).call_id]]


@cache
def told(name: str) -> Told:
    recording = transcripts.recording(name)
    connection = recording.connections[0]
    return Told().replay(events_in(recording.stream(connection, from_switch=True)))


@pytest.mark.parametrize("name", RECORDINGS)
def test_no_call_that_was_destroyed_lives_on(name):
    assert not told(name).destroyed & {call.call_id for call in told(name).tracker.calls()}


@pytest.mark.parametrize("name", RECORDINGS)
def test_each_call_ends_once(name):
    assert all(len(ends) == 1 for ends in told(name).ends.values())


@pytest.mark.parametrize("name", RECORDINGS)
def test_no_call_goes_backwards(name):
    for states in told(name).states.values():
        for before, after in pairwise(states):
            assert after is before or after in TRANSITIONS[before]


@pytest.mark.parametrize("name", RECORDINGS)
def test_partners_agree_about_each_other(name):
    calls = {call.call_id: call for call in told(name).tracker.calls()}
    for call in calls.values():
        if call.bridged_call_id is not None:
            assert calls[call.bridged_call_id].bridged_call_id == call.call_id


def test_the_corpus_of_three_hundred_calls_leaves_none_behind():
    seen = Told().replay(events_in(transcripts.corpus("json")))
    assert len(seen.ends) == 290
    assert not seen.tracker.calls()
    assert seen.tracker.count(NODE) == 0
    assert len({event.event_id for event in seen.events}) == len(seen.events) == 7_023


def test_the_events_that_are_asked_for_are_enough():
    wanted = {*CALL_EVENTS, *NODE_EVENTS, "CUSTOM"}
    corpus = transcripts.corpus("json")
    seen = Told().replay(e for e in events_in(corpus) if e.text("Event-Name") in wanted)
    everything = Told().replay(events_in(corpus))
    assert seen.states == everything.states
    assert not seen.tracker.calls()


def test_a_loopback_call_that_is_parked_and_killed():
    seen = told("call-originate-park-kill-loopback-json")
    assert seen.life("loopback/answer-a") == ["creating", "active", "parked", "ending", "ended"]
    assert seen.life("loopback/answer-b") == ["creating", "ringing", "active", "ending", "ended"]
    cause = seen.call("loopback/answer-a").hangup_cause
    assert cause is not None
    assert (cause.name, cause.q850_code, cause.side) == ("CALL_REJECTED", 21, None)


def test_a_sip_call_that_is_parked_and_killed():
    seen = told("call-originate-park-kill-sofia-json")
    out, in_ = seen.call("sofia/internal/answer@"), seen.call("sofia/internal/0000000000@")
    assert (out.direction, in_.direction) == (Direction.OUTBOUND, Direction.INBOUND)
    assert out.answered
    assert out.codecs.read == "PCMU"
    assert out.codecs.read_rate_hz == 8_000
    assert (out.caller.number, out.callee.number) == ("0000000000", "answer")
    assert out.hangup_cause is not None
    assert out.hangup_cause.side is HangupSide.LOCAL
    assert in_.hangup_cause is not None
    assert in_.hangup_cause.side is HangupSide.REMOTE
    assert 0 < out.created_us <= out.answered_us < out.ended_us


def test_a_ringing_call():
    seen = told("call-ringing-then-answer-json")
    assert seen.life("sofia/internal/ring-answer@") == [
        "creating", "ringing", "active", "parked", "ending", "ended"
    ]  # fmt: skip


def test_early_media_that_is_never_answered_and_then_some_that_is():
    seen = told("call-early-media-json")
    assert seen.life("sofia/internal/early@") == ["creating", "early_media", "ending", "ended"]
    assert not seen.call("sofia/internal/early@").answered
    assert seen.call("sofia/internal/early@").answered_us == 0
    assert seen.life("sofia/internal/early-answer@") == [
        "creating", "early_media", "active", "parked", "ending", "ended"
    ]  # fmt: skip


def test_a_call_that_is_held_twice():
    assert told("call-hold-json").life("sofia/internal/answer@") == [
        "creating", "active", "parked", "active", "held", "active", "held", "active", "ending",
        "ended",
    ]  # fmt: skip


def test_a_busy_line_has_its_sip_code_and_was_refused_from_there():
    cause = told("call-busy-json").call("sofia/internal/busy@").hangup_cause
    assert cause is not None
    assert (cause.name, cause.q850_code, cause.sip_code) == ("USER_BUSY", 17, 486)
    assert cause.side is HangupSide.REMOTE


def test_a_caller_who_gives_up():
    seen = told("call-sip-inbound-cancel-json")
    call = seen.call("sofia/internal/")
    assert call.hangup_cause is not None
    assert call.hangup_cause.name == "ORIGINATOR_CANCEL"
    assert call.hangup_cause.side is HangupSide.REMOTE
    assert not call.answered


def test_a_channel_of_an_unknown_gateway_is_no_call():
    names = {
        end.call.channel_name for ends in told("call-no-route-json").ends.values() for end in ends
    }
    assert "N/A" not in names
    assert len(names) >= 4


def test_a_call_with_an_id_of_our_own_on_loopback_is_one_call():
    seen = told("events-sendevent-to-call-json")
    wanted = CallId("11111111-1111-4111-8111-111111111111")
    assert [state.value for state in seen.states[wanted]] == [
        "creating", "active", "parked", "ending", "ended"
    ]  # fmt: skip
    assert len(seen.states) == 2


def test_an_event_sent_to_a_call_changes_nothing_and_is_passed_on():
    events = [event for event in told("events-sendevent-to-call-json").events
              if event.subclass == "lab::to-call"]  # fmt: skip
    assert [(event.name, event.payload) for event in events] == [("CUSTOM", None)]
    assert events[0].position.core_uuid
    assert events[0].position.sequence == 0
