"""The tracker's own record of a leg: signs go in, the state is computed, pictures come out."""

from collections.abc import Callable
from enum import Enum
from typing import Final

from callcontrol.calls.call import (
    Call,
    CallState,
    Codecs,
    Direction,
    HangupCause,
    Party,
)
from callcontrol.calls.picture.variables import NO_VARIABLES, ChannelVariables, mark_alone
from callcontrol.events.event import HeaderValue, Position
from callcontrol.ids import CallId, CoreUuid, NodeId, OperationId

_MAX_APPLICATIONS: Final = 32
_MAX_RECORDINGS: Final = 32
_MAX_QUEUED: Final = 32


class Sign(Enum):
    """What an event says about where a leg is in its life."""

    RINGING = "ringing"
    EARLY_MEDIA = "early_media"
    ANSWERED = "answered"
    ACTIVE = "active"
    """Answered, and not on hold."""
    HELD = "held"
    UNHELD = "unheld"
    PARKED = "parked"
    UNPARKED = "unparked"
    ENDING = "ending"
    ENDED = "ended"


class Leg:
    """One leg, mutable.

    The state is computed from what has been seen, and what has been seen is never unseen, except
    hold and park. So whatever the order of events, the state moves only along TRANSITIONS.
    """

    __slots__ = (
        "_answered",
        "_early",
        "_ended",
        "_ending",
        "_held",
        "_held_at",
        "_parked",
        "_parked_at",
        "_picture",
        "_ringing",
        "announced",
        "answered_us",
        "applications",
        "bridged",
        "call_id",
        "callee",
        "caller",
        "cause",
        "channel_name",
        "codecs",
        "conference_name",
        "context",
        "core_uuid",
        "correlation_id",
        "created_us",
        "direction",
        "ended_us",
        "labels",
        "node_id",
        "paused",
        "position",
        "queued",
        "recordings",
        "state",
        "told",
        "variables",
        "variables_at",
    )

    def __init__(self, call_id: CallId, node_id: NodeId, core_uuid: CoreUuid) -> None:
        self.call_id, self.node_id, self.core_uuid = call_id, node_id, core_uuid
        self.state = CallState.CREATING
        self.announced = False
        """Whether subscribers have been told that the leg came to be."""
        self._ringing = self._early = self._answered = False
        self._held = self._parked = self._ending = self._ended = False
        self._held_at = self._parked_at = self.variables_at = 0
        self.direction: Direction | None = None
        self.caller = self.callee = Party()
        self.bridged: CallId | None = None
        self.conference_name = self.channel_name = self.context = self.correlation_id = ""
        self.created_us = self.answered_us = self.ended_us = 0
        self.cause: HangupCause | None = None
        self.codecs = Codecs()
        self.labels: dict[str, str] = {}
        self.variables: ChannelVariables = NO_VARIABLES
        self.position: Position | None = None
        self.told: tuple[HeaderValue | None, ...] = ()
        """The particulars as the last event put them."""
        self.applications: list[tuple[str, OperationId]] = []
        self.recordings: dict[str, OperationId] = {}
        self.paused: set[OperationId] = set()
        """Playbacks that this service has paused."""
        self.queued: dict[OperationId, Callable[[], None]] = {}
        """What we asked to be run and has not begun, in the order of asking, and whom to tell when
        it is dropped."""
        self._picture: Call | None = None

    @property
    def is_parked(self) -> bool:
        """Whether the leg is parked, answered or not."""
        return self._parked

    @property
    def is_held(self) -> bool:
        """Whether the leg is on hold."""
        return self._held

    def note(self, sign: Sign, sequence: int) -> None:
        """Take in a sign. The state follows with the next `settle`.

        Hold and park come and go, so there the switch's sequence number decides: an older event
        that arrives late changes nothing.
        """
        match sign:
            case Sign.ANSWERED:
                self._answered = True
            case Sign.ENDING:
                self._ending = True
            case Sign.ACTIVE:
                self._answered = True
                self._note_hold(sequence, held=False)
            case Sign.ENDED:
                self._ended = True
            case Sign.RINGING:
                self._ringing = True
            case Sign.PARKED | Sign.UNPARKED:
                if sequence >= self._parked_at:
                    self._parked, self._parked_at = sign is Sign.PARKED, sequence
            case Sign.EARLY_MEDIA:
                self._early = True
            case Sign.HELD | Sign.UNHELD:
                self._note_hold(sequence, held=sign is Sign.HELD)

    def _note_hold(self, sequence: int, *, held: bool) -> None:
        if sequence >= self._held_at:
            self._held, self._held_at = held, sequence

    def settle(self) -> CallState | None:
        """Bring the state up to date; give the former state, or None if it did not change."""
        former, self.state = self.state, self._computed_state()
        return None if self.state is former else former

    def _computed_state(self) -> CallState:
        if self._ended:
            return CallState.ENDED
        if self._ending:
            return CallState.ENDING
        if self._answered:
            if self._held:
                return CallState.HELD
            return CallState.PARKED if self._parked else CallState.ACTIVE
        if self._early:
            return CallState.EARLY_MEDIA
        return CallState.RINGING if self._ringing else CallState.CREATING

    def changed(self, position: Position | None) -> None:
        """The picture is out of date; `position` is the event that made it so."""
        self.position = position
        self._picture = None

    def is_ending(self) -> bool:
        """Whether the leg has hung up."""
        return self._ending or self._ended

    def has_ended(self) -> bool:
        """Whether the leg has ended for good."""
        return self.state is CallState.ENDED

    def finish(self) -> None:
        """End the leg, whatever state it is in."""
        self._ended = True
        self.settle()

    def forget_variables(self) -> None:
        """Keep no variables but the mark, nor anything of the events that brought them."""
        self.variables, self.told, self._picture = mark_alone(self.variables), (), None

    def rename(self, call_id: CallId) -> None:
        """Take another id; the switch renames a leg that it made before it knew the wanted id."""
        self.call_id = call_id
        self.announced = False  # nobody was told of a leg of that id
        self._picture = None

    def began_application(self, name: str, operation_id: OperationId) -> None:
        """An application began inside those that run; forgets the outermost beyond 32."""
        self.queued.pop(operation_id, None)
        self.applications.append((name, operation_id))
        if len(self.applications) > _MAX_APPLICATIONS:
            del self.applications[0]

    def queue_application(
        self, operation_id: OperationId, on_dropped: Callable[[], None] = lambda: None
    ) -> None:
        """We ask for an application; remembers at most 32 that have not begun."""
        self.queued[operation_id] = on_dropped
        if len(self.queued) > _MAX_QUEUED:
            del self.queued[next(iter(self.queued))]

    def ended_application(self, operation_id: OperationId) -> None:
        """An application ended, and with it whatever ran inside it."""
        for depth in range(len(self.applications) - 1, -1, -1):
            if self.applications[depth][1] == operation_id:
                del self.applications[depth:]
                return

    def began_recording(self, path: str, operation_id: OperationId) -> None:
        """A recording began; remembers at most 32."""
        self.recordings[path] = operation_id
        if len(self.recordings) > _MAX_RECORDINGS:
            del self.recordings[next(iter(self.recordings))]

    def picture(self) -> Call:
        """The leg as it is now; the same object until something changes."""
        picture = self._picture
        if picture is None or picture.variables is not self.variables:
            picture = self._picture = self._drawn()
        return picture

    def _drawn(self) -> Call:
        return Call(
            call_id=self.call_id,
            node_id=self.node_id,
            state=self.state,
            direction=self.direction,
            # The end of a call tells when it was answered, also where the answer was missed.
            answered=self._answered or self.answered_us > 0,
            caller=self.caller,
            callee=self.callee,
            bridged_call_id=self.bridged,
            conference_name=self.conference_name,
            channel_name=self.channel_name,
            context=self.context,
            created_us=self.created_us,
            answered_us=self.answered_us,
            ended_us=self.ended_us,
            hangup_cause=self.cause,
            codecs=self.codecs,
            labels=self.labels,
            variables=self.variables,
            correlation_id=self.correlation_id,
            position=self.position,
        )
