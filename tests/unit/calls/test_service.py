"""What becomes of a node's coming, going and events in the history that subscribers read."""

import asyncio
from itertools import count

import pytest
from tests.support.channels import CORE, NODE, START_US, Switch
from tests.support.nodes import until
from tests.support.tables import SwitchTables

from callcontrol.calls.call import Call, CallState, HangupCause
from callcontrol.calls.payloads import CallCreated, CallEnded, NodeChanged
from callcontrol.calls.picture.expected import OVERDUE_S
from callcontrol.calls.picture.fields import NODE_SUBCLASS
from callcontrol.calls.picture.questions import ReconcileSettings
from callcontrol.calls.picture.service import CallService
from callcontrol.calls.picture.settle import Settlement
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import OutcomeUnknown
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fields import Place
from callcontrol.freeswitch.observer import NodeObserver, NodeUp
from callcontrol.ids import CallId, CoreUuid, JobId


class FakeHistory:
    """Keeps what it is given, in order."""

    def __init__(self) -> None:
        self.items: list[Event | Gap] = []
        self.linked: list[tuple[int, Position]] = []
        """How many items were there before a link came up, and where its canary stood."""
        self.grew = asyncio.Event()

    def append(self, event: Event) -> int:
        return self._keep(event)

    def append_gap(self, gap: Gap) -> int:
        return self._keep(gap)

    def node_linked(self, position: Position) -> None:
        self.linked.append((len(self.items), position))

    def _keep(self, item: Event | Gap) -> int:
        self.items.append(item)
        self.grew.set()
        return len(self.items)

    def take(self) -> list[Event | Gap]:
        items, self.items = self.items, []
        return items


class House:
    """A call service with one node."""

    def __init__(self, settings: ReconcileSettings | None = None) -> None:
        self.switch, self.tables = Switch(), SwitchTables()
        self.history = FakeHistory()
        self.tracker = CallTracker(now_us=lambda: START_US)
        self.service = CallService(
            self.tracker,
            self.history,
            lambda _: self.tables,
            settings=settings,
            sleep=self._sleep,
        )
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def begin(self, call_id: str) -> None:
        self.service.on_event(NODE, self.switch.channel(call_id).event("CHANNEL_CREATE"))
        self.tables.add(call_id, "DOWN")


@pytest.fixture
def house():
    return House()


def up(*, first: bool = False, core: str = CORE, overloaded: bool = False) -> NodeUp:
    last = Place(node_id=NODE, core_uuid=CoreUuid(CORE), sequence=7, time_us=START_US)
    canary = Place(node_id=NODE, core_uuid=CoreUuid(core), sequence=19, time_us=START_US + 9)
    return NodeUp(
        node_id=NODE,
        core_uuid=CoreUuid(core),
        position=canary,
        first=first,
        restarted=core != CORE,
        last_before=None if first else last,
        overloaded=overloaded,
    )


def kinds(items: list[Event | Gap]) -> list[object]:
    return [item.reason if isinstance(item, Gap) else type(item.payload) for item in items]


def test_the_service_is_what_a_node_reports_to(house):
    observer: NodeObserver = house.service
    assert observer is house.service


def test_the_event_log_is_such_a_history(house):
    log = EventLog()
    service = CallService(house.tracker, log, lambda _: house.tables)
    service.on_event(NODE, house.switch.channel("ann").event("CHANNEL_CREATE"))
    service.events_lost(NODE, 1)
    assert log.next_number == 3


def test_each_event_goes_into_the_history_with_its_meaning(house):
    house.begin("ann")
    (event,) = house.history.take()
    assert isinstance(event, Event)
    assert isinstance(event.payload, CallCreated)


async def test_what_was_before_the_first_connection_is_missing_and_the_calls_there_are_found(house):
    house.tables.add("ann")
    await house.service.node_up(up(first=True))
    items = house.history.take()
    assert kinds(items) == [GapReason.NODE_CONNECTION_LOST, NodeChanged, CallCreated]
    gap, node = items[:2]
    assert isinstance(gap, Gap)
    assert (gap.last_before, gap.first_after) == (None, (NODE, CORE, 19, START_US + 9))
    assert isinstance(node, Event)
    assert (node.name, node.subclass, node.synthetic) == ("CUSTOM", NODE_SUBCLASS, True)
    assert isinstance(node.payload, NodeChanged)
    assert node.payload.connected


async def test_a_reconnection_is_a_gap_between_the_last_event_seen_and_the_canary(house):
    house.begin("ann")
    house.history.take()
    await house.service.node_up(up())
    gap, node = house.history.take()
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.node_id) == (GapReason.NODE_CONNECTION_LOST, NODE)
    assert gap.last_before is not None
    assert (gap.last_before.core_uuid, gap.last_before.sequence) == (CORE, 7)
    assert gap.first_after == (NODE, CORE, 19, START_US + 9)
    assert kinds([node]) == [NodeChanged]


async def test_a_place_can_be_found_again_from_behind_the_gap_and_the_canary(house):
    await house.service.node_up(up(first=True))
    await house.service.node_up(up())
    assert [position for _, position in house.history.linked] == [
        (NODE, CORE, 19, START_US + 9)
    ] * 2
    for before, _ in house.history.linked:
        assert isinstance(house.history.items[before - 1], Gap)


async def test_a_link_cut_for_slowness_is_told_as_such(house):
    await house.service.node_up(up(overloaded=True))
    assert kinds(house.history.take())[0] is GapReason.SWITCH_OVERLOADED


async def test_a_restart_ends_the_former_calls_before_new_ones_are_found(house):
    house.begin("ann")
    house.history.take()
    house.tables.channels.clear()
    house.tables.core_uuid = "core-2"
    house.tables.add("ben")
    await house.service.node_up(up(core="core-2"))
    items = house.history.take()
    assert kinds(items) == [GapReason.NODE_RESTARTED, NodeChanged, CallEnded, CallCreated]
    assert [item.call_id for item in items[2:] if isinstance(item, Event)] == ["ann", "ben"]
    assert house.slept == []


async def test_everything_that_must_come_before_new_events_is_done_without_waiting(house):
    house.begin("ann")
    house.history.take()
    house.tables.answering.clear()
    task = asyncio.create_task(house.service.node_up(up(core="core-2")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kinds(house.history.take()) == [GapReason.NODE_RESTARTED, NodeChanged, CallEnded]


async def test_calls_of_a_node_that_is_away_stay_as_last_seen(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    house.history.take()
    house.service.node_down(NODE, "the link was reset")
    (away,) = house.history.take()
    assert isinstance(away, Event)
    assert away.payload == NodeChanged(NODE, False, 1, CoreUuid(CORE), "the link was reset")
    assert house.tracker.require(CallId("ann")).state is CallState.CREATING


async def test_what_waits_for_a_node_that_goes_away_ends(house):
    house.begin("ann")
    with house.tracker.watch(CallId("ann")) as watch:
        house.service.node_down(NODE, "the link was reset")
        with pytest.raises(OutcomeUnknown):
            await watch.until(lambda event: event.name == "CHANNEL_ANSWER")


async def test_unreadable_events_are_a_gap_and_lead_to_an_audit(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    running = asyncio.create_task(house.service.run())
    house.history.take()
    house.tables.channels.clear()
    house.service.events_lost(NODE, 2)
    while len(house.history.items) < 2:
        house.history.grew.clear()
        await house.history.grew.wait()
    running.cancel()
    gap, ended = house.history.take()
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.count) == (GapReason.UNREADABLE_EVENT, 2)
    assert kinds([ended]) == [CallEnded]


async def test_a_call_that_the_tables_show_late_is_found_within_seconds_and_no_further_gap():
    house = House(ReconcileSettings(confirm_after_s=0.001))
    house.tables.add("ann")
    house.tables.shown = {}
    await house.service.node_up(up(first=True))
    house.history.take()
    listings = count(1)

    def show(question: str) -> None:
        if question == "show channels as json" and next(listings) == 4:
            house.tables.shown = None

    house.tables.before_answer = show
    running = asyncio.create_task(house.service.run())
    await until(lambda: house.tracker.seen(CallId("ann")) is not None)
    running.cancel()
    assert kinds(house.history.take()) == [CallCreated]


async def test_an_audit_that_the_node_cannot_answer_is_put_off(house):
    await house.service.node_up(up(first=True))
    house.history.take()
    house.tables.unavailable = 1_000
    await house.service.audit(NODE)
    assert house.history.take() == []


async def test_an_audit_that_gets_no_answer_is_put_off_in_time(house):
    await house.service.node_up(up(first=True))
    house.tables.answering.clear()
    impatient = CallService(
        house.tracker,
        house.history,
        lambda _: house.tables,
        settings=ReconcileSettings(audit_timeout_s=0.01),
    )
    impatient._connected[NODE] = CoreUuid(CORE)
    await impatient.audit(NODE)


class Asked:
    """A call with an id of its client's, whose job failed for what may be the life of another."""

    def __init__(self, house: House) -> None:
        self.house = house
        call = Call(call_id=CallId("ann"), node_id=NODE, labels={"tenant": "acme"})
        house.tracker.expected.expect(JobId("job-1"), call, may_exist=True)
        fired = house.switch.event("BACKGROUND_JOB", {"Job-UUID": "job-1"})
        result = SwitchEvent(fired.headers, "-ERR DESTINATION_OUT_OF_ORDER\n", 100)
        house.service.on_event(NODE, result)
        house.history.take()

    async def settled(self) -> list[Event | Gap]:
        """What was published, once `run` has nothing to settle."""
        running = asyncio.create_task(self.house.service.run())
        await until(lambda: not self.house.tracker.expected.doubts(NODE))
        running.cancel()
        return self.house.history.take()


async def test_a_call_that_is_not_there_ends_though_its_id_could_be_anothers(house):
    (ended,) = await Asked(house).settled()
    assert isinstance(ended, Event)
    assert isinstance(ended.payload, CallEnded)
    assert ended.payload.cause == HangupCause(name="DESTINATION_OUT_OF_ORDER", q850_code=27)
    assert (ended.call_id, ended.labels, ended.synthetic) == ("ann", {"tenant": "acme"}, True)
    assert house.tracker.require(CallId("ann")).state is CallState.ENDED


async def test_a_call_of_that_id_that_is_there_is_not_ended(house):
    asked = Asked(house)
    house.tables.add("ann")
    assert await asked.settled() == []
    assert house.tracker.get(CallId("ann")) is None


async def test_a_call_that_is_over_and_whose_events_are_under_way_is_told_by_them(house):
    asked = Asked(house)
    ann = house.switch.channel("ann")
    life = (ann.event("CHANNEL_CREATE"), ann.hangup())
    house.tables.under_way = lambda: [house.service.on_event(NODE, event) for event in life]
    created, _ = await asked.settled()
    assert isinstance(created, Event)
    assert isinstance(created.payload, CallCreated)
    assert not created.synthetic


async def test_another_attempt_under_the_same_id_is_not_ended_for_the_former_one(house):
    Asked(house)
    again = Call(call_id=CallId("ann"), node_id=NODE)

    class Asks:
        node_id = NODE

        async def api(self, name: str, arguments: str = "") -> str:
            house.tracker.expected.expect(JobId("job-2"), again, may_exist=True)
            return "false"

        async def caught_up(self) -> None:
            pass

    await Settlement(house.tracker, house.history.append).settle(Asks())
    assert house.history.take() == []
    assert house.tracker.get(CallId("ann")) is again


async def test_what_the_node_cannot_tell_now_is_asked_again_with_the_next_audit(house):
    asked = Asked(house)
    house.tables.unavailable = 1
    await house.service.settle(NODE)
    assert house.history.take() == []
    assert len(await asked.settled()) == 1


async def test_a_call_whose_job_was_lost_ends_in_the_end(house):
    now_s = 0.0
    house.tracker = CallTracker(now_us=lambda: START_US, clock=lambda: now_s)
    house.service = CallService(house.tracker, house.history, lambda _: house.tables)
    for call_id in ("ann", "ben", "cid"):
        asked = Call(call_id=CallId(call_id), node_id=NODE)
        house.tracker.expected.expect(JobId(call_id), asked, may_exist=False)
    house.begin("ben")
    house.tables.add("cid")
    house.history.take()
    await house.service.settle(NODE)
    assert house.history.take() == []
    now_s = OVERDUE_S
    await house.service.settle(NODE)
    (ended,) = house.history.take()
    assert isinstance(ended, Event)
    assert isinstance(ended.payload, CallEnded)
    assert (ended.call_id, ended.payload.cause) == ("ann", None)
    assert [doubt.call.call_id for doubt in house.tracker.expected.doubts(NODE)] == ["cid"]


async def test_a_node_that_is_away_is_not_audited(house):
    await house.service.node_up(up(first=True))
    house.service.node_down(NODE, "gone")
    house.tables.asked.clear()
    await house.service.audit(NODE)
    assert house.tables.asked == []


async def test_what_an_audit_finds_out_of_the_blue_comes_behind_a_gap(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    await house.service.audit(NODE)
    house.history.take()
    house.tables.channels.clear()
    await house.service.audit(NODE)
    gap, ended = house.history.take()
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.node_id) == (GapReason.SWITCH_OVERLOADED, NODE)
    assert kinds([ended]) == [CallEnded]


async def test_what_the_audit_after_a_gap_finds_belongs_to_that_gap(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    house.history.take()
    house.tables.channels.clear()
    await house.service.audit(NODE)
    assert kinds(house.history.take()) == [CallEnded]


async def test_what_a_gap_missed_belongs_to_it_though_the_audit_had_to_be_put_off(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    house.history.take()
    house.tables.channels.clear()
    house.tables.unavailable = 1_000
    await house.service.audit(NODE)
    house.tables.unavailable = 0
    await house.service.audit(NODE)
    assert kinds(house.history.take()) == [CallEnded]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_only_what_no_gap_announced_is_logged_as_missed(house, caplog, is_announced):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    if not is_announced:
        await house.service.audit(NODE)
    house.tables.channels.clear()
    await house.service.audit(NODE)
    assert ("missed unannounced" in caplog.text) is not is_announced


async def test_what_events_under_way_tell_is_no_gap(house):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    await house.service.audit(NODE)
    house.history.take()
    house.tables.channels.clear()
    hangup = house.switch.channel("ann").event("CHANNEL_DESTROY")
    house.tables.under_way = lambda: house.service.on_event(NODE, hangup)
    await house.service.audit(NODE)
    (ended,) = house.history.take()
    assert isinstance(ended, Event)
    assert not ended.synthetic


@pytest.mark.parametrize("odd", ["reload mod_event_socket", "reload-mod_event_socket", " x", "a b"])
async def test_a_call_whose_id_no_command_can_carry_harms_nobody(house, odd):
    house.begin("ann")
    house.tables.add(odd)
    await house.service.node_up(up(first=True))
    house.service.on_event(NODE, house.switch.channel(odd).event("CHANNEL_CREATE"))
    house.tables.channels.clear()
    house.history.take()
    await house.service.audit(NODE)
    assert kinds(house.history.take()) == [CallEnded, CallEnded]
    assert all(odd not in question for question in house.tables.asked)


async def test_a_fault_in_an_audit_does_not_end_the_service(house, caplog):
    house.begin("ann")
    await house.service.node_up(up(first=True))
    house.tables.before_answer = fail
    running = asyncio.create_task(house.service.run())
    await until(lambda: "audit failed" in caplog.text)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


def fail(_: str) -> None:
    raise RuntimeError("a bug")


async def test_who_wants_to_know_is_told_when_the_picture_agrees_with_the_switch_again(house):
    parked: list[bool] = []

    def look() -> None:
        leg = house.tracker.legs.alive(CallId("ann"))
        parked.append(leg is not None and leg.is_parked)

    house.service.on_compared = look
    house.begin("ann")
    await house.service.node_up(up())
    assert parked == [False]
    await house.service.audit(NODE)
    assert parked == [False], "nothing was found"
    house.tables.add("ann", "DOWN", variable_current_application="park")
    await house.service.audit(NODE)
    assert parked == [False, True]
