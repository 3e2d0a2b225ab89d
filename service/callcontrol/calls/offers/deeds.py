"""The actions of the offer machine: what is told to workers, and which errands are sent on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from callcontrol.calls.call import Call
from callcontrol.calls.offers.errands import Errands
from callcontrol.calls.offers.handed import HandedCall, OutstandingOffer
from callcontrol.calls.offers.machine import Action
from callcontrol.calls.offers.ports import Assignment, CallResult, DeskObserver, Offer
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.offers.timers import Timers
from callcontrol.calls.offers.workers import RegisteredWorker, Workers
from callcontrol.ids import CallId, OfferId


class Picture(Protocol):
    """What is known of calls without asking."""

    def get(self, call_id: CallId) -> Call | None:
        """The call as last seen."""

    def is_parked(self, call_id: CallId) -> bool:
        """Whether it is parked, as last seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the desk works with."""

    errands: Errands
    workers: Workers
    picture: Picture
    timers: Timers
    settings: OfferSettings
    observer: DeskObserver


class Followers(Protocol):
    """What follows from actions."""

    def expired(self, call: HandedCall, offer_id: OfferId) -> None:
        """The time to answer an offer is over; it may have been answered."""

    def room(self, worker: RegisteredWorker) -> None:
        """A worker has one thing less."""

    def forgotten(self, call: HandedCall) -> None:
        """A call is none of the desk's any more."""


class Deeds:
    """Does each action, in the turn of the loop in which it is asked for."""

    def __init__(self, means: Means, followers: Followers) -> None:
        self._errands, self._workers, self._picture = means.errands, means.workers, means.picture
        self._timers, self._settings, self._observer = means.timers, means.settings, means.observer
        self._followers = followers
        self._deeds: Mapping[Action, Callable[[HandedCall], None]] = {
            Action.OFFER: self._offer,
            Action.WITHDRAW: self._withdraw,
            Action.ASSIGN: self._assign,
            Action.HOLD_MUSIC: self._hold_music,
            Action.STOP_MUSIC: self._stop_music,
            Action.LOOK_ANEW: self._look_anew,
            Action.LEAVE_CLAIM: self._errands.leave_claim,
            Action.GO_ON: self._errands.go_on,
            Action.TRANSFER: self._errands.transfer,
            Action.HANG_UP: self._errands.hang_up,
            Action.TELL_RELEASED: self._tell_released,
            Action.FORGET: self._forget,
        }

    def do(self, action: Action, call: HandedCall) -> None:
        """Do this to a call."""
        self._deeds[action](call)

    def _offer(self, call: HandedCall) -> None:
        worker, call.heir = call.heir, None
        if worker is None:
            raise AssertionError("an offer to nobody")
        offer_id, timeout_s = OfferId(str(uuid4())), self._settings.offer_timeout_s
        alarm = self._timers.call_later(timeout_s, lambda: self._followers.expired(call, offer_id))
        call.offer = OutstandingOffer(worker, offer_id, alarm)
        worker.offers[offer_id] = call.call_id
        self._workers.touch(worker)
        if not call.attempts:
            self._observer.offered_after(call.application, self._timers.time() - call.rang_s)
        worker.stream.offer(
            Offer(
                offer_id=offer_id,
                application=call.application,
                call=self._look(call),
                timeout_s=timeout_s,
                attempt=call.attempts,
            )
        )
        call.attempts += 1

    def _withdraw(self, call: HandedCall) -> None:
        if call.offer is not None:
            call.offer.worker.stream.withdraw(call.offer.offer_id)

    def _assign(self, call: HandedCall) -> None:
        worker, offer_id, call.heir = call.heir, None, None
        if worker is None and call.offer is not None:
            worker, offer_id = call.offer.worker, call.offer.offer_id
            self._observer.accepted_after(call.application, self._timers.time() - call.rang_s)
        if worker is None:
            raise AssertionError("a call for nobody")
        call.owner, call.worker_name, call.policy = worker, worker.name, worker.policy
        call.worker_id = worker.worker_id
        call.was_owned, call.tenure = True, object()
        worker.owned.add(call.call_id)
        # Another replica may have had the claim for a moment and left it: one that the worker asked
        # just before and that was slower, or one that came back to the switch as this one was to
        # free the call.
        self._timers.call_later(self._settings.retry_s, lambda: self._verify(call, worker))
        self._workers.touch(worker)
        had_music, call.music = call.music, False
        if offer_id is None and not had_music:
            self._tell_assigned(call, worker, offer_id)
            self._errands.note_owner(call)
        else:
            # Once the switch knows: if this replica died before, the call would be offered to
            # others while it is this worker's. And the music has ended then: its end must not end
            # what the worker plays first.
            self._errands.note_owner(call, lambda: self._tell_assigned(call, worker, offer_id))

    def _verify(self, call: HandedCall, worker: RegisteredWorker) -> None:
        if call.owner is worker:
            self._errands.verify(call)

    def _tell_assigned(
        self, call: HandedCall, worker: RegisteredWorker, offer_id: OfferId | None
    ) -> None:
        if call.owner is not worker:
            return
        assignment = Assignment(offer_id=offer_id, call=self._look(call))
        if worker.resumed is not None:
            worker.resumed.append(assignment)
        else:
            worker.stream.assigned(assignment)

    def _hold_music(self, call: HandedCall) -> None:
        call.music = True
        self._errands.play_music(call)

    def _stop_music(self, call: HandedCall) -> None:
        waited_s = self._timers.time() - call.rang_s
        # Another replica without a worker may have begun it.
        others = bool(self._settings.wait_music) and waited_s >= self._settings.others_first_s
        call.music = call.music or others
        if call.music:
            self._errands.stop_music(call)

    def _look_anew(self, call: HandedCall) -> None:
        call.look_anew(self._timers.time())

    def _tell_released(self, call: HandedCall) -> None:
        worker, call.owner = call.owner, None
        if worker is not None:
            worker.owned.discard(call.call_id)
            worker.stream.released(call.call_id, self._look(call).hangup_cause)
            self._followers.room(worker)

    def _forget(self, call: HandedCall) -> None:
        self._followers.forgotten(call)
        if call.may_be_claimed or call.is_asking:
            self._errands.leave_claim(call)
        self.count(call, CallResult.GONE)

    def count(self, call: HandedCall, otherwise: CallResult) -> None:
        """Say once how a call ended for us."""
        if call.result is None:
            call.result = CallResult.ACCEPTED if call.was_owned else otherwise
            self._observer.call_done(call.application, call.result)

    def _look(self, call: HandedCall) -> Call:
        """The call as last seen; hardly anything of one that was forgotten."""
        return self._picture.get(call.call_id) or Call(call_id=call.call_id, node_id=call.node_id)
