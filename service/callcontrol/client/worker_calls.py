"""What a worker has: offers it accepted, calls that are its own, and calls it asks to get back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callcontrol.client.active_call import ActiveCall
from callcontrol.client.call_endings import Ended, Ending, Lost, Released
from callcontrol.client.call_life import CallLife
from callcontrol.client.recent import RecentIds
from callcontrol.client.refusal import error_of
from callcontrol.v1.call_handling_service_pb2 import (
    CallAssigned,
    CallReleased,
    OfferCall,
    ReleaseRefused,
)
from callcontrol.v1.call_pb2 import Call, Destination
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Gap


@dataclass(eq=False, slots=True)
class OwnedCall:
    """A call, and both of its sides."""

    active: ActiveCall
    life: CallLife
    is_released: bool = False
    """The worker wants to be rid of it."""
    destination: Destination | None = None
    """Where it goes then."""
    unanswered: int = 0
    """Releases that were said since it was assigned last, each of which is answered."""


class WorkerCalls:
    """Plain bookkeeping: every call begins once and ends once, whatever comes how often."""

    def __init__(self, begin: Callable[[str, Call], OwnedCall], *, remembered_ids: int) -> None:
        """`begin` begins with a leg that is assigned for an application."""
        self._begin = begin
        self._calls: dict[str, OwnedCall] = {}
        self._accepted: dict[str, OfferCall] = {}
        """Offers on this stream, by the id of the offer."""
        self._hoped: dict[str, OfferCall] = {}
        """Those that were accepted on a stream that broke, by the id of the call."""
        self._asked: set[str] = set()
        """Calls it asked for, of which nothing came yet."""
        self._partners: dict[str, str] = {}
        """Which call a leg is connected with."""
        self._recent = RecentIds(remembered_ids)

    def __len__(self) -> int:
        """Calls, and what may become one."""
        return len(self._calls) + len(self._accepted) + len(self._hoped)

    def __iter__(self) -> Iterator[OwnedCall]:
        return iter(list(self._calls.values()))

    def get(self, call_id: str) -> OwnedCall | None:
        """A call that is the worker's."""
        return self._calls.get(call_id)

    def is_in_place(self, call_id: str) -> bool:
        """Whether it is not asked for just now: of a call that was not assigned yet the service
        says that it is not the worker's.
        """
        return call_id not in self._asked

    def to_resume(self) -> list[str]:
        """The calls to ask for on another stream: those it has, and those it may have got."""
        accepted = (offer.call.call_id for offer in self._accepted.values())
        return sorted({*self._calls, *self._hoped, *accepted})

    def broke(self) -> None:
        """The stream is over: until the calls are assigned again, the service may not know them."""
        for owned in self:
            owned.life.is_away = True
            owned.life.inbox.wake()

    def registered(self) -> None:
        """That stream is in place: the calls are asked for there, and offers of the one before it
        are off.
        """
        self._asked = set(self.to_resume())
        self._hoped |= {offer.call.call_id: offer for offer in self._accepted.values()}
        self._accepted.clear()

    def accept(self, offer: OfferCall) -> None:
        """The worker has said that it takes that call."""
        self._accepted[offer.offer_id] = offer

    def withdraw(self, offer_id: str) -> None:
        """An offer is off."""
        self._accepted.pop(offer_id, None)

    def assign(self, assigned: CallAssigned) -> OwnedCall:
        """A call is the worker's, or again."""
        leg = assigned.call
        offer = self._accepted.pop(assigned.offer_id, None)
        hoped = self._hoped.pop(leg.call_id, None)
        self._asked.discard(leg.call_id)
        owned = self._calls.get(leg.call_id)
        if owned is not None:
            keep_up_with(owned.active, leg)
            owned.unanswered = 0
            owned.life.is_back()
            return owned
        offer = offer or hoped or OfferCall()
        offered = offer.call
        offered.MergeFrom(leg)  # which may come without its variables
        owned = self._calls[leg.call_id] = self._begin(offer.application, offered)
        return owned

    def release(self, released: CallReleased) -> None:
        """A call is the worker's no more."""
        call_id = released.call_id
        self._hoped.pop(call_id, None)
        was_asked = call_id in self._asked
        self._asked.discard(call_id)
        owned = self._calls.get(call_id)
        if owned is None:
            return
        ending: Ending = Released()
        if released.HasField("hangup_cause"):
            ending = Ended(released.hangup_cause.name)
        elif was_asked and not owned.is_released:
            ending = Lost()
        self._end(owned, ending)

    def lose(self) -> None:
        """What was asked for and did not come is somebody else's."""
        asked, self._asked = self._asked, set()
        for call_id in asked:
            self._hoped.pop(call_id, None)
            owned = self._calls.get(call_id)
            if owned is not None:
                self._end(owned, Lost())

    def refuse_release(self, refused: ReleaseRefused) -> None:
        """A call cannot go where it was released to. It may have been released once more since."""
        owned = self._calls.get(refused.call_id)
        if owned is None or not owned.unanswered:
            return
        owned.unanswered -= 1
        if not owned.unanswered:
            owned.is_released, owned.destination = False, None
            owned.life.refuse(error_of(refused))

    def end_all(self, ending: Ending) -> None:
        """The worker is over."""
        self._accepted.clear()
        self._hoped.clear()
        for owned in self:
            self._end(owned, ending)

    def take(self, event: Event) -> None:
        """An event of a call, or of one that it is connected with."""
        if not self._recent.is_new(event.event_id):
            return
        about = {event.call_id, self._partners.get(event.call_id, "")}
        match event.WhichOneof("payload"):
            case "call_bridged":
                one, two = event.call_bridged.call_id, event.call_bridged.peer_call_id
                self._partners |= {one: two, two: one}
                about |= {one, two}
            case "call_unbridged":
                one, two = event.call_unbridged.call_id, event.call_unbridged.peer_call_id
                about |= {one, two}
                self._part(one, two)
            case _:
                pass
        for call_id in about:
            owned = self._calls.get(call_id)
            if owned is not None:
                follow(owned.active, event)
                owned.life.inbox.take(event)

    def take_gap(self, gap: Gap) -> None:
        """Events are missing, of any of the calls."""
        for owned in self:
            owned.life.inbox.take_gap(gap)

    def _part(self, one: str, two: str) -> None:
        for leg, other in ((one, two), (two, one)):
            if self._partners.get(leg) == other:
                del self._partners[leg]

    def _end(self, owned: OwnedCall, ending: Ending) -> None:
        call_id = owned.active.call_id
        del self._calls[call_id]
        partner = self._partners.get(call_id)
        if partner is not None:
            self._part(call_id, partner)
        owned.life.end(ending)


def follow(call: ActiveCall, event: Event) -> None:
    """Keep the picture of a call by what an event shows."""
    match event.WhichOneof("payload"):
        case "call_created":
            keep_up_with(call, event.call_created.call)
        case "call_state_changed":
            keep_up_with(call, event.call_state_changed.call)
        case "call_ended":
            keep_up_with(call, event.call_ended.call)
        case _:
            pass


def keep_up_with(call: ActiveCall, leg: Call) -> None:
    """The call as it is now."""
    if leg.call_id == call.call_id:
        call.leg = leg
