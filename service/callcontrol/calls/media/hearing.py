"""Whether what was asked to play is heard, as far as the switch says so.

playback, say   PLAYBACK_START says that a sound was opened
phrase          the same, or `PHRASE PLAYED` at its end: a macro need not play anything
speak           says nothing at all: what ends within a few ticks never began
"""

from typing import Final

from callcontrol.calls.media.spoken import PHRASE, SAY, SPEAK
from callcontrol.calls.payloads import ApplicationFinished, ApplicationStarted, PlaybackStarted
from callcontrol.errors import SwitchRefused
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

_NOT_PLAYED: Final = frozenset({"FILE NOT FOUND", "PLAYBACK ERROR"})
_PHRASE_PLAYED: Final = "PHRASE PLAYED"
_LEAST_SPEECH_US: Final = 100_000
"""No word is shorter; an engine that the node lacks is found missing within a tick of 20 ms."""


class Hearing:
    """Who of the listeners of one playback hears it."""

    def __init__(self, application: str, playback_id: OperationId, listeners: set[CallId]) -> None:
        self._application, self._playback_id, self._deaf = application, playback_id, listeners
        self._speaking_us: dict[CallId, int] = {}
        """When speech began, by the switch's clock."""

    def by_all(self, event: Event) -> bool:
        """Whether with this event all hear it, or have heard it. Raises SwitchRefused."""
        if event.call_id in self._deaf and self._is_heard(event):
            self._deaf.discard(event.call_id)
        return not self._deaf

    def over_at_once(self, event: Event) -> bool:
        """Whether speech that has begun is over for all. Raises SwitchRefused where it was too
        short to have been any.
        """
        self._is_heard(event)
        return not self._speaking_us

    def _is_heard(self, event: Event) -> bool:
        match event.payload:
            case PlaybackStarted(playback_id=started):
                return started == self._playback_id
            case ApplicationStarted(operation_id=begun) if begun == self._playback_id:
                if self._application == SPEAK and event.call_id is not None:
                    self._speaking_us[event.call_id] = event.position.time_us
                return self._application == SPEAK
            case ApplicationFinished(operation_id=over, response=response) if (
                over == self._playback_id
            ):
                self._require_heard(event, response)
                return True
            case _:
                return False

    def _require_heard(self, event: Event, response: str) -> None:
        began_us = self._speaking_us.pop(event.call_id, 0) if event.call_id is not None else 0
        if self._application == SPEAK:
            nothing = event.position.time_us - began_us < _LEAST_SPEECH_US
        elif self._application == PHRASE:
            nothing = response != _PHRASE_PLAYED
        elif self._application == SAY:
            nothing = event.call_id in self._deaf
        else:
            nothing = response in _NOT_PLAYED
        if nothing:
            raise SwitchRefused(event.position.node_id, _words(self._application, response))


def _words(application: str, response: str) -> str:
    told = {
        SPEAK: "nothing was spoken: does the node have that engine and voice?",
        SAY: "nothing was said: does the node have that language, and its sounds?",
        PHRASE: f"the phrase was not played: {response}",
    }
    return told.get(application, response)
