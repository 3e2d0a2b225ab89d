"""The legs of one attempt to reach somebody: how far each got, and what they say together."""

from dataclasses import replace
from typing import Final

from callcontrol.calls.call import Call, CallState, Direction, HangupCause
from callcontrol.calls.causes import q850_of
from callcontrol.calls.encoding.dialling import leg_ids
from callcontrol.calls.outcome import Disposition, LegOutcome, OriginateOutcome, disposition_of
from callcontrol.calls.payloads import CallCreated, CallStateChanged
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.variables import MARK
from callcontrol.calls.requests import OriginateSpec, WaitUntil
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId

_UNSEEN: Final = -1
_TOLD: Final = (CallCreated, CallStateChanged)
_STEPS: Final = {
    CallState.CREATING: 0,
    CallState.RINGING: 1,
    CallState.EARLY_MEDIA: 2,
    CallState.ACTIVE: 3,
    CallState.PARKED: 3,
    CallState.HELD: 3,
}
"""How far towards an answer a leg is. That it is over takes nothing of what it had reached."""


class Dialled:
    """The legs of an attempt, as the tracker sees them."""

    def __init__(
        self, tracker: CallTracker, spec: OriginateSpec, call_id: CallId, node_id: NodeId
    ) -> None:
        self._tracker, self._spec = tracker, spec
        self.call_ids = leg_ids(call_id, len(spec.endpoints))
        self.node_id = node_id
        self._furthest = dict.fromkeys(self.call_ids, _UNSEEN)

    @property
    def call_id(self) -> CallId:
        """The id of the attempt, which its first leg has."""
        return self.call_ids[0]

    def unseen(self) -> list[Call]:
        """The legs before their first events, with the mark that they will have."""
        marked = {MARK: self._spec.mark} if self._spec.mark else {}
        return [
            Call(
                call_id=call_id,
                node_id=self.node_id,
                direction=Direction.OUTBOUND,
                labels=self._spec.labels,
                variables=marked,
            )
            for call_id in self.call_ids
        ]

    def seen(self) -> list[Call]:
        """The legs that had an event, as they are now."""
        calls = map(self._tracker.seen, self.call_ids)
        return [call for call in calls if call is not None]

    def has_unseen(self) -> bool:
        """Whether some leg had no event yet; it may never have one."""
        return len(self.seen()) < len(self.call_ids)

    def was_made(self) -> bool:
        """Whether a leg became a channel; one that the tracker ended unmade has no beginning."""
        return any(call.created_us or not call.is_over for call in self.seen()) or any(
            step > 0 for step in self._furthest.values()
        )

    def alive(self) -> list[Call]:
        """The legs that were seen and are not over."""
        return [call for call in self.seen() if not call.is_over]

    def note(self, event: Event | None = None) -> None:
        """Remember how far each leg is now, and was at an event, for when it is over."""
        at_event = event.payload.call if event and isinstance(event.payload, _TOLD) else None
        for call in (*self.seen(), *([at_event] if at_event else [])):
            if call.call_id in self._furthest:
                step = 3 if call.answered else _STEPS.get(call.state, 0)
                self._furthest[call.call_id] = max(self._furthest[call.call_id], step)

    def reached(self) -> bool:
        """Whether what the caller waits for holds of some leg. A call that ended after its answer
        was answered all the same.
        """
        if self._spec.wait_until is WaitUntil.ACCEPTED:
            return bool(self.seen())
        if any(call.answered for call in self.seen()):
            return True
        if self._spec.wait_until is not WaitUntil.RINGING:
            return False
        return any(call.state is not CallState.CREATING for call in self.alive())

    def best(self) -> Call | None:
        """The leg that was answered, else the one that got furthest; None if none was seen."""
        self.note()
        return max(self.seen(), key=lambda call: self._furthest[call.call_id], default=None)

    def accepted(self, *, replayed: bool = False) -> OriginateOutcome:
        """The outcome where nothing is waited for."""
        best = self.best()
        return OriginateOutcome(
            confirmed=best is not None,
            call=best or self.unseen()[0],
            reached=WaitUntil.ACCEPTED,
            legs=self._legs(),
            replayed=replayed,
        )

    def success(self) -> OriginateOutcome:
        """The outcome when what was waited for is reached."""
        if self._spec.wait_until is WaitUntil.ACCEPTED:
            return self.accepted()
        call = self.best() or self.unseen()[0]
        return OriginateOutcome(
            confirmed=True,
            call=call,
            reached=WaitUntil.ANSWERED if call.answered else WaitUntil.RINGING,
            disposition=Disposition.ANSWERED if call.answered else None,
            legs=self._legs(),
        )

    def failure(self, name: str) -> OriginateOutcome:
        """The outcome of an attempt that failed for the cause of that name."""
        call = self.best()
        cause = _cause(name, self._told(name, call))
        return OriginateOutcome(
            confirmed=True,
            call=call or replace(self.unseen()[0], state=CallState.ENDED, hangup_cause=cause),
            reached=self._spec.wait_until,
            disposition=disposition_of(name),
            cause=cause,
            legs=self._legs(None if self.was_made() else cause),
        )

    def last_cause(self) -> str:
        """The cause of the leg that was over last in the order of the endpoints, if any."""
        causes = [call.hangup_cause.name for call in self.seen() if call.hangup_cause is not None]
        return causes[-1] if causes else ""

    def _told(self, name: str, best: Call | None) -> HangupCause | None:
        """What the end of a leg told: of the one that ended for this cause, else of the best."""
        causes = [call.hangup_cause for call in self.seen() if call.hangup_cause is not None]
        own = best.hangup_cause if best is not None else None
        return next((cause for cause in reversed(causes) if cause.name == name), own)

    def _legs(self, of_all: HangupCause | None = None) -> tuple[LegOutcome, ...]:
        return tuple(self._leg(call_id, of_all) for call_id in self.call_ids)

    def _leg(self, call_id: CallId, of_all: HangupCause | None) -> LegOutcome:
        call = self._tracker.seen(call_id)
        if call is not None and call.answered:
            return LegOutcome(call_id=call_id, disposition=Disposition.ANSWERED)
        cause = of_all
        if call is not None and call.hangup_cause is not None:
            cause = call.hangup_cause
        if cause is None:
            return LegOutcome(call_id=call_id)
        return LegOutcome(call_id=call_id, disposition=disposition_of(cause.name), cause=cause)


def _cause(name: str, told: HangupCause | None) -> HangupCause | None:
    """The switch's verdict on the attempt, with the SIP code that the end of the call told."""
    if not name or (told is not None and told.name == name):
        return told
    return HangupCause(
        name=name, q850_code=q850_of(name), sip_code=told.sip_code if told is not None else 0
    )
