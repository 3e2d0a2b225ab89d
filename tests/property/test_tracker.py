"""The tracker under events in any order: repeated, swapped, missing, and after restarts."""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.channels import CORE, NODE, Channel, Switch
from tests.support.tables import SwitchTables

from callcontrol.calls.call import TRANSITIONS, CallState
from callcontrol.calls.payloads import CallCreated, CallEnded, CallStateChanged
from callcontrol.calls.picture.reconcile import Reconciler
from callcontrol.calls.picture.tracker import CallTracker, TrackerLimits
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event
from callcontrol.ids import CallId, CoreUuid

CALLS = ["ann", "ben", "cid"]
NAMES = [
    "CHANNEL_CREATE",
    "CHANNEL_ORIGINATE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_ANSWER",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DESTROY",
    "PLAYBACK_START",
    "RECORD_START",
    "RECORD_STOP",
    "DTMF",
    "CALL_UPDATE",
    "CODEC",
    "CUSTOM",
]
CALL_STATES = ["DOWN", "RINGING", "EARLY", "ACTIVE", "HELD", "UNHELD", "HANGUP", "NONSENSE"]
ANSWER_STATES = ["ringing", "early", "answered", "hangup", ""]
ENDS = {"CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"}

plain = st.builds(
    lambda name, answer, application: (name, {"Answer_State": answer, "Application": application}),
    st.sampled_from(NAMES),
    st.sampled_from(ANSWER_STATES),
    st.sampled_from(["playback", "park", "record_session"]),
)
call_state = st.builds(
    lambda state: ("CHANNEL_CALLSTATE", {"Channel_Call_State": state}), st.sampled_from(CALL_STATES)
)
bridge = st.builds(
    lambda name, first, second: (
        name,
        {"Bridge_A_Unique_ID": first, "Bridge_B_Unique_ID": second},
    ),
    st.sampled_from(["CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"]),
    st.sampled_from(CALLS),
    st.sampled_from(CALLS),
)
rename = st.builds(
    lambda former: ("CHANNEL_UUID", {"Old_Unique_ID": former}), st.sampled_from(CALLS)
)
steps = st.lists(
    st.tuples(st.sampled_from(CALLS), st.one_of(plain, call_state, bridge, rename)), max_size=40
)


@dataclass
class Consumer:
    """Keeps what a subscriber would keep, and objects to what cannot be."""

    states: dict[CallId, CallState]
    ended: set[CallId]
    created: set[CallId]

    def take(self, event: Event) -> None:
        match event.payload:
            case CallCreated(call=call):
                assert call.call_id not in self.created
                assert call.call_id not in self.ended
                self.created.add(call.call_id)
                self._see(call.call_id, call.state)
            case CallStateChanged(call=call, previous_state=previous):
                assert call.state in TRANSITIONS[previous]
                assert call.call_id in self.created - self.ended
                self._see(call.call_id, call.state)
            case CallEnded(call=call):
                assert call.call_id not in self.ended, "ended twice"
                assert call.state is CallState.ENDED
                assert call.bridged_call_id is None
                self.ended.add(call.call_id)
                self._see(call.call_id, call.state)
            case _:
                pass

    def _see(self, call_id: CallId, state: CallState) -> None:
        before = self.states.get(call_id, CallState.CREATING)
        assert state is before or state in TRANSITIONS[before], f"{before} to {state}"
        self.states[call_id] = state


def new_consumer(tracker: CallTracker) -> Consumer:
    consumer = Consumer({}, set(), set())
    tracker.publish = consumer.take
    return consumer


def events_of(script, switch: Switch) -> list[SwitchEvent]:
    return [
        Channel(switch, call_id, "outbound").event(name, **headers)
        for call_id, (name, headers) in script
    ]


def check_tables(tracker: CallTracker) -> None:
    """The tracker agrees with itself."""
    calls = {call.call_id: call for call in tracker.calls()}
    assert tracker.count(NODE) == len(calls)
    for call in calls.values():
        assert call.state is not CallState.ENDED
        if call.bridged_call_id is not None:
            assert call.bridged_call_id != call.call_id
            assert calls[call.bridged_call_id].bridged_call_id == call.call_id


@given(steps, st.randoms(use_true_random=False))
@settings(max_examples=400)
def test_no_order_of_events_takes_a_call_backwards_or_ends_it_twice(script, random):
    events = events_of(script, Switch())
    events += random.sample(events, len(events) // 3)
    random.shuffle(events)
    tracker = CallTracker()
    consumer = new_consumer(tracker)
    for event in events:
        consumer.take(tracker.apply(NODE, event))
        check_tables(tracker)


@given(steps)
def test_a_call_whose_end_was_seen_is_not_among_the_living(script):
    script = [step for step in script if step[1][0] != "CHANNEL_UUID"]
    tracker = CallTracker()
    for event in events_of(script, Switch()):
        tracker.apply(NODE, event)
    over = {call_id for call_id, (name, _) in script if name in ENDS}
    assert not over & {call.call_id for call in tracker.calls()}


@given(steps)
def test_the_same_events_twice_tell_everything_once(script):
    events = events_of(script, Switch())
    tracker = CallTracker()
    consumer = new_consumer(tracker)
    for event in events:
        consumer.take(tracker.apply(NODE, event))
        consumer.take(tracker.apply(NODE, event))


@given(steps, st.sets(st.sampled_from(CALLS)), st.sets(st.sampled_from(CALLS)), st.booleans())
def test_after_a_gap_the_living_are_those_that_the_switch_has(script, alive, restarts, restarted):
    """Whatever was seen before the gap, and whatever comes late after it."""
    tracker = CallTracker()
    consumer = new_consumer(tracker)
    events = events_of(script, Switch())
    for event in events:
        consumer.take(tracker.apply(NODE, event))
    core = "core-2" if restarted else CORE
    tables = SwitchTables(core_uuid=core)
    for call_id in sorted(restarts if restarted else alive):
        tables.add(call_id, "ACTIVE")

    async def at_once(_: float) -> None:
        return None

    reconciler = Reconciler(tracker, consumer.take, sleep=at_once)
    known_over = {call_id for call_id in CALLS if tracker.legs.has_ended(CallId(call_id))}
    reconciler.end_former(NODE, CoreUuid(core))
    known_over |= {call_id for call_id in CALLS if tracker.legs.has_ended(CallId(call_id))}
    asyncio.run(reconciler.resynchronise(tables, CoreUuid(core)))
    assert {call.call_id for call in tracker.calls()} == set(tables.channels) - known_over
    check_tables(tracker)
    for event in events:
        consumer.take(tracker.apply(NODE, event))


@given(st.lists(st.integers(0, 200), max_size=300), st.integers(1, 20), st.integers(1, 40))
def test_what_is_kept_of_calls_that_are_over_is_bounded(numbers, max_ended, max_ids):
    limits = TrackerLimits(max_ended=max_ended, max_ids=max_ids)
    tracker, switch = CallTracker(limits), Switch()
    for number in numbers:
        channel = switch.channel(str(number))
        tracker.apply(NODE, channel.event("CHANNEL_CREATE"))
        tracker.apply(NODE, channel.event("CHANNEL_HANGUP_COMPLETE"))
        assert tracker.legs.ended_count <= max_ended
    known = sum(tracker.legs.has_ended(CallId(str(number))) for number in range(201))
    assert known <= max_ids
    assert tracker.calls() == []


headers = st.dictionaries(
    st.sampled_from(
        ["Event-Name", "Core-UUID", "Event-Sequence", "Event-Date-Timestamp", "Unique-ID",
         "Other-Leg-Unique-ID", "Old-Unique-ID", "Bridge-A-Unique-ID", "Bridge-B-Unique-ID",
         "Channel-Call-State", "Answer-State", "Caller-Channel-Created-Time", "DTMF-Duration",
         "variable_uuid", "variable_cc_label_a", "variable_record_ms", "Application",
         "Application-UUID", "Event-Subclass", "Action", "Session-Count"]
    ),
    st.one_of(
        st.sampled_from(NAMES + CALLS + CALL_STATES + ["conference::maintenance", "add-member"]),
        st.text(max_size=5),
        st.integers().map(str),
        st.lists(st.text(max_size=3), max_size=3),
    ),
)  # fmt: skip


@given(st.lists(headers, max_size=20))
def test_no_headers_however_forged_break_the_tracker(forged):
    tracker = CallTracker()
    for each in forged:
        event = tracker.apply(NODE, SwitchEvent(dict(each)))
        assert 0 <= event.position.sequence < 1 << 63
        assert 0 <= event.position.time_us < 1 << 63
        assert isinstance(event.name, str)
    for call in tracker.calls():
        assert all(isinstance(value, str) for value in call.variables.values())
