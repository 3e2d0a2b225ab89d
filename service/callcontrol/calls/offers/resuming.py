"""Calls that workers ask for when they come back: given back at once, later, or not."""

from collections.abc import Callable, Iterable
from typing import Final

from callcontrol.calls.offers.dealing import Dealing
from callcontrol.calls.offers.deeds import Means
from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import Input, Stage
from callcontrol.calls.offers.ports import Bell, BellKind, Doorbell
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.offers.workers import RegisteredWorker
from callcontrol.ids import CallId, NodeId

_MAY_GO_TO_WORKER: Final = frozenset({Stage.WAITING, Stage.OWNED, Stage.LOST, Stage.ELSEWHERE})


class Resuming:
    """Who asks for what. Each call asked for is assigned or released within the resume window, as
    many at a time as the workers ask for.
    """

    def __init__(
        self, means: Means, dealing: Dealing, door_of: Callable[[NodeId, CallId], Doorbell]
    ) -> None:
        self._dealing, self._errands, self._picture = dealing, means.errands, means.picture
        self._timers, self._settings = means.timers, means.settings
        self._door_of = door_of
        self._asked: dict[CallId, RegisteredWorker] = {}
        """Of several that ask for a call the last one; it has the newest stream."""

    def ask(self, worker: RegisteredWorker, call_ids: Iterable[CallId]) -> None:
        """A worker comes and asks for calls that it had."""
        for call_id in dict.fromkeys(call_ids):
            # Also what was its own here: it may have been at another replica in between, and that
            # one may be about to give the call to others.
            self._await(worker, call_id, self._dealing.calls.get(call_id))
        if worker.awaited:
            window_s = self._settings.resume_window_s
            worker.alarm = self._timers.call_later(window_s, lambda: self._too_late(worker))

    def begin(self, call: HandedCall) -> bool:
        """A call that was not here rings: whether somebody asks for it, who may get it first."""
        worker = self._asked.get(call.call_id)
        if worker is None:
            return False
        call.is_asking = True
        self._dealing.begin(call)
        self._errands.fetch(call, worker)
        return True

    def ended(self, call_id: CallId) -> None:
        """A call is over: nobody gets it back."""
        self._refuse(call_id)

    def give_up(self, worker: RegisteredWorker) -> None:
        """A worker went away before it got all."""
        if worker.alarm is not None:
            worker.alarm.cancel()
        for call_id in worker.awaited:
            del self._asked[call_id]
        worker.awaited.clear()

    def fetched(
        self,
        call: HandedCall,
        worker: RegisteredWorker,
        standing: Standing,
        holder: str | None,
        *,
        may_have: bool,
    ) -> None:
        """See `ports_errands.Fetcher`."""
        call.is_asking = False
        has_claim, asker = holder == "", self._asked.get(call.call_id)
        if call.stage is Stage.GONE:
            return
        fits = has_claim and call.stage in _MAY_GO_TO_WORKER
        if fits:
            call.is_claimed = True
            call.learn(standing)
        if fits and may_have and asker is worker and call.owner is not worker:
            worker.awaited.discard(call.call_id)
            del self._asked[call.call_id]
            call.heir = worker
            self._dealing.feed(call, Input.WORKER_BACK)
            return
        self._refuse(call.call_id, worker)
        if call.stage is Stage.ELSEWHERE and has_claim:
            self._dealing.feed(call, Input.CLAIM_FREE)
        elif call.stage is Stage.ELSEWHERE and not (standing.application or call.application):
            self._dealing.feed(call, Input.NOT_HANDED)
        else:
            self._dealing.consider(call)

    def fetched_nothing(self, call: HandedCall, worker: RegisteredWorker) -> None:
        """The call is over. Whether we got the claim is not known; its end leaves it."""
        self._refuse(call.call_id, worker)

    def fetch_failed(self, call: HandedCall, worker: RegisteredWorker) -> None:
        """The switch could not be asked about a call: it is asked again."""
        call.is_asking = False

        def again() -> None:
            if self._asked.get(call.call_id) is worker and call.stage in _MAY_GO_TO_WORKER:
                call.is_asking = True
                self._errands.fetch(call, worker)

        self._timers.call_later(self._settings.retry_s, again)
        self._dealing.consider(call)

    def _await(self, worker: RegisteredWorker, call_id: CallId, call: HandedCall | None) -> None:
        self._refuse(call_id)
        self._asked[call_id] = worker
        worker.awaited.add(call_id)
        seen = self._picture.get(call_id)
        is_over = seen is not None and seen.is_over
        if is_over or (call is not None and call.stage not in _MAY_GO_TO_WORKER):
            self._timers.call_later(0, lambda: self._refuse(call_id, worker))
        elif call is not None:
            call.is_asking = True
            self._errands.fetch(call, worker)
        elif seen is not None:
            door = self._door_of(seen.node_id, call_id)
            bell = Bell(
                call_id=call_id,
                node_id=seen.node_id,
                application="",
                kind=BellKind.PARK,
                door=door,
                is_new=False,
            )
            call = HandedCall(bell, self._timers.time(), Stage.ELSEWHERE)
            call.is_asking = True
            self._dealing.begin(call)
            self._errands.fetch(call, worker)
        # Else it is not known yet: its node may not be connected.

    def _too_late(self, worker: RegisteredWorker) -> None:
        for call_id in list(worker.awaited):
            self._refuse(call_id, worker)

    def _refuse(self, call_id: CallId, only: RegisteredWorker | None = None) -> None:
        """Whoever asks for a call does not get it."""
        worker = self._asked.get(call_id)
        if worker is None or (only is not None and worker is not only):
            return
        del self._asked[call_id]
        worker.awaited.discard(call_id)
        seen = self._picture.get(call_id)
        call = self._dealing.calls.get(call_id)
        if call is None or call.owner is not worker:  # it was offered the call, and took it
            worker.stream.released(call_id, seen.hangup_cause if seen is not None else None)
        self._dealing.room(worker)
