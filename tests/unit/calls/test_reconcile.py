"""Comparing what is known of a node's calls with the node."""

from itertools import count

import pytest
from tests.support import transcripts
from tests.support.channels import CORE, NODE, START_US, Channel, Switch, apply_all
from tests.support.tables import SwitchTables

from callcontrol.calls.call import CallState
from callcontrol.calls.payloads import (
    CallBridged,
    CallCreated,
    CallEnded,
    CallStateChanged,
    CallUnbridged,
)
from callcontrol.calls.picture.fields import RECONCILED_SUBCLASS
from callcontrol.calls.picture.questions import ReconcileSettings
from callcontrol.calls.picture.reconcile import Differences, Reconciler
from callcontrol.calls.picture.snapshot import conference_of, read_dump, read_listing
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CallHasEnded, NodeUnavailable
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event
from callcontrol.ids import CallId, CoreUuid

THIS_CORE = CoreUuid(CORE)


class Bench:
    """A tracker, a switch to compare it with, and what was published."""

    def __init__(self) -> None:
        self.switch = Switch()
        self.tables = SwitchTables(numbers=self.switch.numbers)
        self.tracker = CallTracker(now_us=lambda: START_US + 9_000_000)
        self.published: list[Event] = []
        self.slept: list[float] = []
        settings = ReconcileSettings(retries=3)
        self.reconciler = Reconciler(
            self.tracker, self.published.append, settings, sleep=self._sleep
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def apply(self, *events: SwitchEvent) -> None:
        apply_all(self.tracker, *events)

    def begin(self, *call_ids: str) -> list[Channel]:
        """Calls that are answered and known on both sides."""
        channels = [self.switch.channel(call_id) for call_id in call_ids]
        for channel in channels:
            self.apply(channel.event("CHANNEL_CREATE"), channel.event("CHANNEL_ANSWER"))
            self.tables.add(channel.call_id)
        return channels

    async def compare(self) -> Differences:
        return await self.reconciler.resynchronise(self.tables, THIS_CORE)

    @property
    def found(self) -> list[object]:
        return [event.payload for event in self.published]


@pytest.fixture
def bench():
    return Bench()


async def test_calls_that_agree_with_the_switch_are_left_alone(bench):
    bench.begin("ann", "ben")
    differences = await bench.compare()
    assert differences.total == 0
    assert bench.published == []
    assert bench.slept == []


async def test_an_unknown_call_is_announced_with_all_that_the_switch_tells(bench):
    bench.tables.add(
        "ann", "HELD", Call_Direction="inbound", variable_cc_label_team="sales", Caller_Context="x"
    )
    differences = await bench.compare()
    (event,) = bench.published
    assert isinstance(event.payload, CallCreated)
    call = event.payload.call
    assert (call.call_id, call.state, call.context) == ("ann", CallState.HELD, "x")
    assert call.labels == event.labels == {"team": "sales"}
    assert event.synthetic
    assert (event.name, event.subclass) == ("CUSTOM", RECONCILED_SUBCLASS)
    assert bench.tracker.calls() == [call]
    assert differences.found == 1


async def test_a_parked_call_is_found_parked(bench):
    bench.tables.add("ann", variable_current_application="park")
    await bench.compare()
    assert bench.tracker.require(CallId("ann")).state is CallState.PARKED


async def test_a_call_seen_since_its_create_was_missed_is_announced(bench):
    bench.apply(bench.switch.channel("ann").event("CHANNEL_EXECUTE"))
    bench.tables.add("ann")
    await bench.compare()
    assert [type(found) for found in bench.found] == [CallCreated]


async def test_its_create_event_that_comes_after_all_is_not_a_second_one(bench):
    ann = bench.switch.channel("ann")
    bench.tables.add("ann")
    await bench.compare()
    assert bench.tracker.apply(NODE, ann.event("CHANNEL_CREATE")).payload is None


async def test_a_call_that_vanished_ends_once_it_was_missing_twice(bench):
    (ann,) = bench.begin("ann")
    del bench.tables.channels["ann"]
    differences = await bench.compare()
    (ended,) = bench.found
    assert isinstance(ended, CallEnded)
    assert (ended.call.state, ended.cause) == (CallState.ENDED, None)
    assert ended.call.ended_us == START_US + 9_000_000
    assert bench.slept == [1.0]
    assert bench.tables.asked[-1] == "uuid_exists ann"
    assert differences.ended == 1
    assert bench.tracker.apply(NODE, ann.event("CHANNEL_HANGUP_COMPLETE")).payload is None


async def test_a_watch_learns_of_an_end_that_was_found_out(bench):
    (ann,) = bench.begin("ann")
    del bench.tables.channels["ann"]
    with bench.tracker.watch(ann.call_id) as watch:
        await bench.compare()
        with pytest.raises(CallHasEnded):
            await watch.until(lambda event: event.name == "CHANNEL_BRIDGE")


async def test_a_call_that_only_the_listing_lacks_lives_on(bench):
    bench.begin("ann")
    bench.tables.shown = {}
    await bench.compare()
    assert bench.published == []


async def test_a_call_that_shows_up_in_the_second_listing_lives_on(bench):
    bench.begin("ann")
    bench.tables.shown = {}

    def catch_up(question: str) -> None:
        if question == "show bridged_calls as json":
            bench.tables.shown = None

    bench.tables.before_answer = catch_up
    await bench.compare()
    assert "uuid_exists ann" not in bench.tables.asked
    assert bench.published == []


async def test_an_event_that_comes_meanwhile_wins(bench):
    (ann,) = bench.begin("ann")
    del bench.tables.channels["ann"]

    def hang_up(question: str) -> None:
        if question == "uuid_exists ann":
            bench.apply(ann.hangup())

    bench.tables.before_answer = hang_up
    await bench.compare()
    assert bench.published == []
    assert bench.tracker.require(ann.call_id).state is CallState.ENDING


async def test_a_call_whose_events_are_under_way_is_not_found(bench):
    ann = bench.switch.channel("ann")
    bench.tables.add("ann")
    begun = (ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_ANSWER"))
    bench.tables.under_way = lambda: bench.apply(*begun)
    await bench.compare()
    assert bench.published == []
    assert "uuid_dump ann json" not in bench.tables.asked


async def test_a_change_whose_event_is_under_way_when_the_switch_tells_of_it_is_not_found(bench):
    (ann,) = bench.begin("ann")
    bench.tables.add("ann", "HELD")
    hold = ann.event("CHANNEL_HOLD")

    def let_it_come(question: str) -> None:
        if question == "uuid_dump ann json":
            bench.tables.under_way = lambda: bench.apply(hold)

    bench.tables.before_answer = let_it_come
    await bench.compare()
    assert bench.published == []
    assert bench.tracker.require(ann.call_id).state is CallState.HELD


async def test_a_call_whose_end_is_under_way_is_not_missing(bench):
    (ann,) = bench.begin("ann")
    del bench.tables.channels["ann"]
    bench.tables.under_way = lambda: bench.apply(ann.hangup())
    await bench.compare()
    assert bench.published == []
    assert bench.slept == []


async def test_a_call_that_ends_just_before_it_is_asked_for_is_not_taken_for_lost(bench):
    (ann,) = bench.begin("ann")
    bench.tables.shown = {}
    del bench.tables.channels["ann"]

    def end(question: str) -> None:
        if question == "uuid_exists ann":
            bench.tables.under_way = lambda: bench.apply(ann.hangup())

    bench.tables.before_answer = end
    await bench.compare()
    assert "uuid_exists ann" in bench.tables.asked
    assert bench.published == []


@pytest.mark.parametrize("listing", [1, 2])
async def test_a_bridge_whose_event_is_under_way_is_not_told_for_missed(bench, listing):
    ann, _ = bench.begin("ann", "ben")
    bench.tables.pairs = [("ann", "ben")]
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    listings = count(1)

    def join(question: str) -> None:
        if question == "show bridged_calls as json" and next(listings) == listing:
            bench.tables.under_way = lambda: bench.apply(ann.event("CHANNEL_BRIDGE", **pair))

    bench.tables.before_answer = join
    await bench.compare()
    assert bench.published == []


async def test_a_bridge_that_ended_since_it_was_listed_does_not_come_back(bench):
    ann, _ = bench.begin("ann", "ben")
    bench.tables.pairs = [("ann", "ben")]
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    both = (ann.event("CHANNEL_BRIDGE", **pair), ann.event("CHANNEL_UNBRIDGE", **pair))
    listings = count(1)

    def come_and_go(question: str) -> None:
        if question == "show bridged_calls as json" and next(listings) == 2:
            bench.tables.under_way = lambda: bench.apply(*both)

    bench.tables.before_answer = come_and_go
    await bench.compare()
    assert bench.published == []


async def test_what_agrees_with_the_events_is_not_waited_for(bench):
    bench.begin("ann")
    bench.tables.catching_up.clear()
    assert (await bench.compare()).total == 0


async def test_events_that_stay_behind_put_off_what_is_to_be_found_out(bench):
    bench.begin("ann")
    del bench.tables.channels["ann"]
    bench.tables.catching_up.clear()
    settings = ReconcileSettings(max_behind_s=0.01)
    impatient = Reconciler(bench.tracker, bench.published.append, settings)
    with pytest.raises(NodeUnavailable, match="events are more than"):
        await impatient.resynchronise(bench.tables, THIS_CORE)
    assert bench.published == []


async def test_more_calls_than_are_looked_at_at_a_time_are_all_found(bench):
    for number in range(250):
        bench.tables.add(f"call-{number}")
    assert (await bench.compare()).found == 250


async def test_a_call_that_begins_during_the_comparison_is_not_taken_for_lost(bench):
    ann = bench.switch.channel("ann")
    begun: list[str] = []

    def begin(question: str) -> None:
        if not begun:
            begun.append(question)
            bench.apply(ann.event("CHANNEL_CREATE"))

    bench.tables.before_answer = begin
    await bench.compare()
    assert bench.published == []


async def test_a_call_that_ends_during_the_comparison_does_not_come_back(bench):
    (ann,) = bench.begin("ann")
    bench.tables.add("ann", "HELD")

    def end(question: str) -> None:
        if question.startswith("uuid_dump"):
            bench.apply(ann.event("CHANNEL_DESTROY"))

    bench.tables.before_answer = end
    await bench.compare()
    assert bench.published == []
    assert bench.tracker.calls() == []


async def test_a_missed_state_change_is_told(bench):
    bench.begin("ann")
    bench.tables.add("ann", "HELD")
    differences = await bench.compare()
    (changed,) = bench.found
    assert isinstance(changed, CallStateChanged)
    assert (changed.previous_state, changed.call.state) == (CallState.ACTIVE, CallState.HELD)
    assert differences.changed == 1


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"variable_current_application": "sleep"}, CallState.ACTIVE),
        (
            {"Channel_State": "CS_EXCHANGE_MEDIA", "variable_current_application": "park"},
            CallState.ACTIVE,
        ),
        ({"variable_current_application": "playback"}, CallState.PARKED),
        ({"variable_current_application": "set"}, CallState.PARKED),
        ({"Channel_State": "CS_PARK", "variable_current_application": "sleep"}, CallState.PARKED),
    ],
)
async def test_a_call_that_left_the_park_unseen_is_found_out_there(bench, shown, state):
    (ann,) = bench.begin("ann")
    bench.apply(ann.event("CHANNEL_PARK"))
    bench.tables.add("ann", **shown)
    await bench.compare()
    assert bench.tracker.require(ann.call_id).state is state
    assert [type(found) for found in bench.found] == [CallStateChanged] * (
        state is not CallState.PARKED
    )


@pytest.mark.parametrize(
    "shown",
    [
        {"variable_current_application": "park"},
        {"Channel_State": "CS_PARK", "variable_current_application": "sleep"},
    ],
)
async def test_a_call_that_was_parked_unseen_is_found_in_the_park(bench, shown):
    (ann,) = bench.begin("ann")
    bench.tables.add("ann", **shown)
    await bench.compare()
    assert bench.tracker.require(ann.call_id).state is CallState.PARKED
    assert [type(found) for found in bench.found] == [CallStateChanged]


async def test_that_a_call_that_rings_was_parked_unseen_counts_though_its_state_is_the_same(bench):
    ann = bench.switch.channel("ann")
    bench.apply(ann.event("CHANNEL_CREATE"))
    bench.tables.add("ann", "RINGING", variable_current_application="park")
    bench.apply(ann.event("CHANNEL_PROGRESS"))
    differences = await bench.compare()
    leg = bench.tracker.legs.alive(ann.call_id)
    assert leg.is_parked
    assert (leg.state, bench.published) == (CallState.RINGING, [])
    assert differences.changed == 1


async def test_a_parked_call_that_the_switch_shows_parked_is_not_asked_about(bench):
    (ann,) = bench.begin("ann")
    bench.apply(ann.event("CHANNEL_PARK"))
    bench.tables.add("ann", variable_current_application="park")
    await bench.compare()
    assert "uuid_dump ann json" not in bench.tables.asked


async def test_an_unhold_that_is_newer_than_the_answer_wins(bench):
    bench.tables._numbers = iter(range(1, 100))
    (ann,) = bench.begin("ann")
    bench.apply(ann.event("CHANNEL_HOLD"), ann.event("CHANNEL_UNHOLD"))
    bench.tables.add("ann", "HELD")
    await bench.compare()
    assert bench.published == []
    assert bench.tracker.require(ann.call_id).state is CallState.ACTIVE


async def test_a_missed_bridge_is_told_for_both_legs(bench):
    bench.begin("ann", "ben")
    bench.tables.pairs = [("ben", "ann")]
    await bench.compare()
    assert bench.found == [CallBridged(CallId("ann"), CallId("ben"))]
    assert bench.published[0].peer_call_ids == ("ben",)
    assert bench.tracker.require(CallId("ben")).bridged_call_id == "ann"


async def test_unknown_calls_that_are_bridged_are_found_bridged_at_once(bench):
    bench.tables.add("ann")
    bench.tables.add("ben")
    bench.tables.pairs = [("ben", "ann")]
    await bench.compare()
    assert bench.slept == []
    assert bench.found[-1] == CallBridged(CallId("ann"), CallId("ben"))
    assert bench.tracker.require(CallId("ann")).bridged_call_id == "ben"


async def test_a_bridge_of_unknown_calls_that_ends_meanwhile_is_not_found(bench):
    ann = bench.switch.channel("ann")
    bench.tables.add("ann")
    bench.tables.add("ben")
    bench.tables.pairs = [("ann", "ben")]
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}

    def part(question: str) -> None:
        if question.startswith("uuid_dump ben"):
            bench.tables.under_way = lambda: bench.apply(ann.event("CHANNEL_UNBRIDGE", **pair))

    bench.tables.before_answer = part
    await bench.compare()
    assert {type(payload) for payload in bench.found} == {CallCreated}
    assert bench.tracker.require(CallId("ann")).bridged_call_id is None


async def test_a_missed_unbridge_is_told(bench):
    ann, _ = bench.begin("ann", "ben")
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    bench.apply(ann.event("CHANNEL_BRIDGE", **pair))
    await bench.compare()
    assert bench.found == [CallUnbridged(CallId("ann"), CallId("ben"))]
    assert bench.tracker.require(CallId("ann")).bridged_call_id is None


async def test_a_restart_ends_every_call_of_the_former_process(bench):
    bench.begin("ann", "ben")
    bench.apply(Switch("core-2").channel("cid").event("CHANNEL_CREATE"))
    assert bench.reconciler.end_former(NODE, CoreUuid("core-2")) == 2
    assert {event.call_id for event in bench.published} == {"ann", "ben"}
    assert all(isinstance(found, CallEnded) for found in bench.found)
    assert [call.call_id for call in bench.tracker.calls()] == ["cid"]
    assert {event.position.core_uuid for event in bench.published} == {CORE}


async def test_two_replicas_give_the_same_finding_the_same_id():
    ids = []
    for _ in range(2):
        bench = Bench()
        bench.begin("ann")
        bench.tables.add("ben")
        del bench.tables.channels["ann"]
        await bench.compare()
        ids.append([event.event_id for event in bench.published])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


async def test_a_switch_without_tables_is_asked_about_each_call(bench):
    bench.begin("ann", "ben")
    del bench.tables.channels["ann"]
    bench.tables.keeps_tables = False
    await bench.compare()
    assert [event.call_id for event in bench.published] == ["ann"]


async def test_the_answer_of_a_switch_that_has_just_restarted_is_not_believed(bench):
    bench.tables.core_uuid = "core-2"
    bench.tables.add("ann")
    await bench.compare()
    assert bench.published == []


async def test_questions_wait_for_a_command_link(bench):
    bench.tables.add("ann")
    bench.tables.unavailable = 3
    await bench.compare()
    assert bench.slept == [0.25] * 3
    assert len(bench.published) == 1


async def test_a_node_that_cannot_be_asked_is_given_up(bench):
    bench.tables.unavailable = 4
    with pytest.raises(NodeUnavailable):
        await bench.compare()


def answers(name: str, command: str) -> list[str]:
    """What a real switch answered to a command; events are not in these recordings."""
    stream = transcripts.recording(name)
    (connection,) = stream.connections
    found, asked = [], False
    for chunk in stream.chunks:
        if not chunk.from_switch:
            asked = chunk.data.decode().strip() == command
        elif asked and chunk.connection == connection:
            found.append(chunk.data.decode().split("\n\n", 1)[1])
            asked = False
    return found


def test_the_listings_of_a_real_switch_are_understood():
    channels = answers("show-channels-0-1-3", "api show channels as json")
    bridges = answers("show-channels-0-1-3", "api show bridged_calls as json")
    last = read_listing(channels[-1], bridges[-1])
    assert last is not None
    assert list(last.call_states.values()) == ["ACTIVE"] * 3
    first, second, _ = last.call_states
    assert last.pairs == {frozenset({first, second})}
    empty = read_listing(channels[0], bridges[0])
    assert empty is not None
    assert not empty.call_states
    assert read_listing("-ERR SQL disabled, no data available!\n", bridges[0]) is None


def test_the_dump_of_a_call_that_is_not_there_is_none():
    assert read_dump("-ERR No such channel!\n") is None
    assert read_dump("[]") is None
    assert read_dump('{"Unique-ID": "ann", "variable_a": ["x", "y"]}') == {
        "Unique-ID": "ann",
        "variable_a": ["x", "y"],
    }


@pytest.mark.parametrize(
    ("state", "application", "conference"),
    [
        ("CS_EXECUTE", "conference", "staff"),
        ("CS_EXECUTE", "playback", ""),
        ("CS_PARK", "conference", ""),
    ],
)
def test_a_dump_tells_the_conference_while_that_is_what_runs(
    state: str, application: str, conference: str
):
    dump = {
        "Channel-State": state,
        "variable_current_application": application,
        "variable_conference_name": "staff",
    }
    assert conference_of(dump) == conference
