"""What comes of what two event links tell, one step at a time; see tests/integration for links."""

from tests.support.channels import CORE, NODE, START_US, Switch

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.backoff import Backoff
from callcontrol.freeswitch.event_links import EventLinks
from callcontrol.freeswitch.feed import Fresh
from callcontrol.freeswitch.fields import Place
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.merge import Side
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import CoreUuid

LEFT, RIGHT = Side.LEFT, Side.RIGHT


class Nobody:
    """An owner of events that has not begun to synchronise: all are held for it."""

    def on_event(self, event: ArrivedEvent) -> None:
        raise AssertionError(event)

    async def on_up(self, fresh: Fresh) -> None:
        raise AssertionError(fresh)

    def on_down(self, reason: str, last_event: SwitchEvent | None) -> None:
        raise AssertionError(reason)


class Desk:
    """The links of a node, told by hand what their feeds would tell."""

    def __init__(self, event_links: int) -> None:
        settings = NodeSettings(node_id=NODE, host="x", password="x", event_links=event_links)
        timings, self.counters = LinkTimings(), NodeCounters()
        redial = Redial(NODE, timings, self.counters, Backoff(0.1, 1.0, lambda low, _: low))
        self.links = EventLinks(settings, timings, self.counters, redial, Nobody())
        self.switch = Switch()

    def join(self, side: Side, canary_id: str, early: list[ArrivedEvent] | None = None) -> None:
        place = Place(node_id=NODE, core_uuid=CoreUuid(CORE), sequence=1, time_us=START_US)
        self.links.on_joined(side, Fresh(place, "host", canary_id), early or [])

    def tell(self, side: Side, *events: SwitchEvent) -> None:
        for event in events:
            self.links.on_told(side, event)

    @property
    def passed_on(self) -> list[ArrivedEvent]:
        assert self.links._coverage is not None
        return self.links._coverage.held or []


async def test_what_a_waiting_link_told_is_passed_on_once_both_have_met():
    desk = Desk(event_links=2)
    first, second = desk.switch.event("ONE"), desk.switch.event("TWO")
    desk.join(LEFT, "left's")
    desk.join(RIGHT, "right's")
    desk.tell(RIGHT, first)
    assert desk.passed_on == []
    desk.links.on_canary(LEFT, "right's")
    desk.tell(LEFT, first, second)
    assert desk.passed_on == [first, second]


async def test_what_one_link_did_not_tell_is_counted():
    desk = Desk(event_links=2)
    first, second = desk.switch.event("ONE"), desk.switch.event("TWO")
    desk.join(LEFT, "left's")
    desk.join(RIGHT, "right's")
    desk.links.on_canary(LEFT, "right's")
    desk.tell(LEFT, first, second)
    desk.tell(RIGHT, second)
    assert desk.passed_on == [first, second]
    assert desk.counters.mended_events == 1


async def test_what_came_before_its_canary_is_passed_on_for_a_link_alone_only():
    for event_links, passed_on in ((1, 1), (2, 0)):
        desk = Desk(event_links)
        desk.join(LEFT, "left's", [desk.switch.event("EARLY")])
        assert len(desk.passed_on) == passed_on
