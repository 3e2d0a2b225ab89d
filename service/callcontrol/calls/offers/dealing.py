"""Running the offer machine: each call is fed what happens to it, and what follows is done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from callcontrol.calls.offers.deeds import Deeds, Means
from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import Input, Stage, step
from callcontrol.calls.offers.ports import BellKind, CallResult, OfferResult
from callcontrol.calls.offers.workers import RegisteredWorker
from callcontrol.ids import CallId, OfferId

_OFFER_RESULTS: Final[Mapping[Input, OfferResult]] = {
    Input.OFFER_ACCEPTED: OfferResult.ACCEPTED,
    Input.REJECTED: OfferResult.REJECTED,
    Input.REJECTED_FINAL: OfferResult.REJECTED,
    Input.OFFER_EXPIRED: OfferResult.EXPIRED,
    Input.WORKER_LOST: OfferResult.WORKER_LOST,
}
"""Whatever else ends an offer withdraws it."""
_HAD_HIS_CHANCE: Final = frozenset({Input.REJECTED, Input.OFFER_EXPIRED})

_ALMOST_S: Final = 0.001
"""An alarm may ring so much early, as sums of times are rounded."""


class Dealing:
    """The calls at the desk, each brought on by `feed`. Plain functions: what takes time is an
    errand, whose answer comes back as another input. As many calls as the switches have.
    """

    def __init__(self, means: Means) -> None:
        self.calls: dict[CallId, HandedCall] = {}
        self.is_draining = False
        """No worker is asked any more, and what waits is left to others."""
        self._errands, self._workers, self._picture = means.errands, means.workers, means.picture
        self._timers, self._settings, self._observer = means.timers, means.settings, means.observer
        self._waiting: defaultdict[str, dict[CallId, HandedCall]] = defaultdict(dict)
        """Those that wait, by application, in the order in which they came."""
        self._deeds = Deeds(means, self)

    def begin(self, call: HandedCall) -> None:
        """A call that was not here."""
        self.calls[call.call_id] = call
        self._entered(call)

    def feed(self, call: HandedCall, given: Input) -> None:
        """This happens to a call. Raises ImpossibleInput, which is a fault of ours."""
        before = call.stage
        found = step(before, given)
        call.stage = found.stage
        for action in found.actions:
            self._deeds.do(action, call)
        if call.stage is not before:
            self._left(call, before, given)
        if call.stage is not before or given is Input.TAKEN_ELSEWHERE:
            self._entered(call)

    def consider(self, call: HandedCall) -> None:
        """Look what can be done now for a call that waits."""
        if call.stage is not Stage.WAITING or call.is_asking:
            return
        if self.is_draining:
            self._let_go(call)
        elif not call.is_known and not call.is_claimed:
            self._errands.claim(call)
        elif call.is_claimed and call.worker_name:
            self.feed(call, Input.OWNER_AWAY)
        elif call.is_claimed and call.was_found and self._has_left(call):
            self.feed(call, Input.LEFT)
        else:
            self._seek(call)

    def _seek(self, call: HandedCall) -> None:
        """A call is nobody's: let a worker be asked, or keep it, or send it on."""
        worker, now_s = self._next_worker(call), self._timers.time() + _ALMOST_S
        due_s = 0.0 if call.onward else self._due_s(call)
        if worker is None and now_s < due_s:
            self._keep(call, due_s)
        elif not call.is_claimed:
            self._errands.claim(call)
        elif worker is not None:
            call.heir = worker
            self.feed(call, Input.WORKER_FREE)
        else:
            self.feed(call, Input.WAIT_EXPIRED)

    def serve(self, worker: RegisteredWorker) -> None:
        """A worker has room: let it be asked, in a turn of its own."""
        self._timers.call_later(0, lambda: self._serve(worker))

    def reconsider(self, applications: Iterable[str] | None = None) -> None:
        """Something changed for all that wait for these applications, or for any."""
        for application in list(self._waiting if applications is None else applications):
            for call in list(self._waiting.get(application, {}).values()):
                self.consider(call)

    def room(self, worker: RegisteredWorker) -> None:
        """A worker has one thing less: it may be asked, or is done."""
        self._workers.touch(worker)
        if not worker.draining:
            self.serve(worker)
        elif worker.is_idle and not worker.finished:
            worker.finished = True
            worker.stream.finish()

    def expired(self, call: HandedCall, offer_id: OfferId) -> None:
        """The time to answer an offer is over; it may have been answered."""
        if call.offer is not None and call.offer.offer_id == offer_id:
            self.feed(call, Input.OFFER_EXPIRED)

    def forgotten(self, call: HandedCall) -> None:
        """A call is none of the desk's any more."""
        del self.calls[call.call_id]

    def _serve(self, worker: RegisteredWorker) -> None:
        for application in worker.applications:
            for call in list(self._waiting.get(application, {}).values()):
                if not worker.free:
                    return
                if worker.worker_id not in call.refused_by:
                    self.consider(call)

    def _next_worker(self, call: HandedCall) -> RegisteredWorker | None:
        if call.onward or self.is_draining:
            return None
        return self._workers.choose(call.application, call.refused_by)

    def _due_s(self, call: HandedCall) -> float:
        """When a call without a worker goes on. One that nobody has claimed may find one at
        another replica.
        """
        wait_s = self._settings.wait_s
        return call.rang_s + (
            wait_s if call.is_claimed else max(wait_s, self._settings.others_first_s)
        )

    def _keep(self, call: HandedCall, due_s: float) -> None:
        """Let a call wait. Who has no worker for it does so without the claim."""
        others_s = call.rang_s + self._settings.others_first_s
        wants_music = bool(self._settings.wait_music) and not call.music
        if call.is_claimed and wants_music:
            self.feed(call, Input.NO_WORKER)
        elif not call.is_claimed and (wants_music or call.is_guarded):
            if self._timers.time() + _ALMOST_S >= others_s:
                self._errands.claim(call)
                return
            due_s = others_s
        if call.is_claimed and not self._workers.serve(call.application):
            self._errands.leave_claim(call)
            due_s = max(due_s, others_s)
        call.was_left_to_others = not call.is_claimed
        self.wake(call, due_s - self._timers.time())

    def _let_go(self, call: HandedCall) -> None:
        call.silence()
        if call.is_claimed:
            self._errands.leave_claim(call)

    def _has_left(self, call: HandedCall) -> bool:
        return call.kind is BellKind.PARK and not self._picture.is_parked(call.call_id)

    def wake(self, call: HandedCall, delay_s: float) -> None:
        """Look at a call again in so many seconds, unless something happens to it."""
        call.silence()
        call.alarm = self._timers.call_later(delay_s, lambda: self._woken(call))

    def _woken(self, call: HandedCall) -> None:
        match call.stage:
            case Stage.WAITING:
                self.consider(call)
            case Stage.LOST:
                self._errands.end_window(call, call.policy or self._settings.lost_policy)
            case Stage.ELSEWHERE if call.is_asking:
                self.wake(call, call.recheck_s)
            case Stage.ELSEWHERE:
                call.is_known = False
                self._errands.claim(call)
            case _:
                pass

    def _left(self, call: HandedCall, before: Stage, given: Input) -> None:
        call.silence()
        if before is Stage.WAITING:
            waiting = self._waiting[call.listed_as]
            waiting.pop(call.call_id, None)
            if not waiting:
                del self._waiting[call.listed_as]
        elif before is Stage.OFFERED and (offer := call.offer) is not None:
            call.offer = None
            offer.alarm.cancel()
            del offer.worker.offers[offer.offer_id]
            if given in _HAD_HIS_CHANCE:
                call.refused_by.add(offer.worker.worker_id)
            result = _OFFER_RESULTS.get(given, OfferResult.WITHDRAWN)
            self._observer.offer_ended(call.application, result)
            self.room(offer.worker)
        elif before is Stage.ONWARD:
            call.may_have_moved = False  # It may come to be sent on from here once more.

    def _entered(self, call: HandedCall) -> None:
        match call.stage:
            case Stage.WAITING:
                call.listed_as = call.application
                self._waiting[call.listed_as][call.call_id] = call
                self.consider(call)
            case Stage.LOST:
                call.owner = None
                self.wake(call, self._settings.resume_window_s)
            case Stage.ELSEWHERE:
                call.is_claimed, call.owner = False, None
                call.recheck_s = min(
                    2 * call.recheck_s or self._settings.recheck_first_s,
                    self._settings.recheck_cap_s,
                )
                self.wake(call, call.recheck_s)
            case Stage.ONWARD:
                self._deeds.count(call, CallResult.FALLBACK)
            case _:
                pass
