"""The memory of calls that are over: pictures for a while, ids for longer."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.calls.picture.leg import Leg
from callcontrol.ids import CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerLimits:
    """How long the tracker remembers what is over, and how much of it.

    With its variables an ended call weighs some 20 KB, without them 3 KB, its id 200 bytes; so the
    bounds come to 70 MB.
    """

    ended_kept_s: float = 60.0
    max_ended: int = 10_000
    max_with_variables: int = 1_000
    """Ended calls beyond the newest so many keep of their variables the mark alone."""
    id_kept_s: float = 3_600.0
    """An id must be known for as long as late events may come: CHANNEL_DESTROY can follow
    CHANNEL_HANGUP_COMPLETE by minutes, and must not bring the call back to life."""
    max_ids: int = 100_000


class EndedCalls:
    """Calls that are over. What is too old, or the oldest beyond the bounds, is forgotten."""

    def __init__(self, limits: TrackerLimits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._legs: OrderedDict[CallId, tuple[float, Leg]] = OrderedDict()
        self._with_variables: deque[Leg] = deque()
        self._ids: OrderedDict[CallId, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, call_id: CallId) -> bool:
        """Whether a call of this id has ended, as far as is remembered."""
        return call_id in self._ids

    def add(self, leg: Leg) -> None:
        """Remember a leg that has just ended."""
        now = self._clock()
        self._legs[leg.call_id] = (now, leg)
        self.bury(leg.call_id)
        self._with_variables.append(leg)
        if len(self._with_variables) > self._limits.max_with_variables:
            self._with_variables.popleft().forget_variables()
        while self._legs:
            ended_at, oldest = next(iter(self._legs.values()))
            too_old = now - ended_at > self._limits.ended_kept_s
            if not too_old and len(self._legs) <= self._limits.max_ended:
                break
            del self._legs[oldest.call_id]

    def bury(self, call_id: CallId) -> None:
        """Remember only the id: nothing that comes for it makes a call."""
        now = self._clock()
        self._ids[call_id] = now
        self._ids.move_to_end(call_id)
        while self._ids:
            oldest, ended_at = next(iter(self._ids.items()))
            too_old = now - ended_at > self._limits.id_kept_s
            if not too_old and len(self._ids) <= self._limits.max_ids:
                break
            del self._ids[oldest]

    def unbury(self, call_id: CallId) -> None:
        """A call that was refused and never made leaves its id free for another attempt."""
        self._legs.pop(call_id, None)
        self._ids.pop(call_id, None)

    def get(self, call_id: CallId) -> Leg | None:
        """The leg, if it ended within the time that legs are kept."""
        entry = self._legs.get(call_id)
        if entry is None or self._clock() - entry[0] > self._limits.ended_kept_s:
            return None
        return entry[1]
