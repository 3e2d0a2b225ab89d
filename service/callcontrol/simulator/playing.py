"""The applications that play sounds."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import beeps, media
from callcontrol.simulator.channel import Channel
from callcontrol.simulator.clock import Clock
from callcontrol.simulator.tone_detect import sound

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


class Playing:
    """A sound that plays, and what may be done to it meanwhile."""

    def __init__(self, clock: Clock, length_s: float) -> None:
        self._clock, self._length_s = clock, length_s
        self._at_s, self._since_s = 0.0, clock.now_s()
        self._is_paused = False
        self.is_changed = False

    @property
    def at_s(self) -> float:
        """The place that is heard."""
        passed_s = 0.0 if self._is_paused else self._clock.now_s() - self._since_s
        return min(self._at_s + passed_s, self._length_s)

    @property
    def left_s(self) -> float | None:
        """How long it goes on; None for what has no end, or stands still."""
        is_endless = self._is_paused or self._length_s == inf
        return None if is_endless else self._length_s - self.at_s

    def pause(self) -> None:
        """Pause, or go on: there is one word for both."""
        self.seek(self.at_s)
        self._is_paused = not self._is_paused

    def seek(self, at_s: float) -> None:
        """Go to that place; behind the end is the end."""
        self._at_s, self._since_s = min(max(at_s, 0.0), self._length_s), self._clock.now_s()
        self.is_changed = True


async def play(
    leg: "Leg",
    path: str,
    until: Callable[[], bool] = lambda: False,
    *,
    reads_digits: bool = True,
    seconds: float | None = None,
) -> None:
    """Play a file or stream; a `*`, a break or what `until` looks for ends it. `seconds` is given
    where the file is none that can be looked for.
    """
    channel = leg.channel
    if seconds is None:
        seconds = media.duration_s(path, leg.switch.files)
    if seconds is None:
        channel.set("current_application_response", "FILE NOT FOUND")
        return
    kind = media.file_type(path)
    about = [("Playback-File-Type", kind)] if kind else []
    about.append(("Playback-File-Path", path))
    leg.tell("PLAYBACK_START", after=about)
    sound(leg, path)
    beeps.hear(leg, path)
    began = leg.switch.clock.now_us()
    leg.is_break_asked = False
    await _hear(leg, Playing(leg.switch.clock, seconds), until, reads_digits=reads_digits)
    status = "break" if leg.is_break_asked or until() else "done"
    leg.is_break_asked = False
    played_ms = (leg.switch.clock.now_us() - began) // 1000
    if seconds != inf:
        length_ms = int(seconds * 1000)
        played_ms = min(played_ms, length_ms) if status == "break" else length_ms
    _set_playback_variables(channel, played_ms)
    leg.tell("PLAYBACK_STOP", after=[*about, ("Playback-Status", status)])
    was_cut_off = not leg.is_ready and not leg.is_nested
    channel.set("current_application_response", "PLAYBACK ERROR" if was_cut_off else "FILE PLAYED")


async def _hear(
    leg: "Leg", playing: Playing, until: Callable[[], bool], *, reads_digits: bool
) -> None:
    terminators = leg.channel.get("playback_terminators") or "*"
    heard = len(leg.heard)

    def is_over() -> bool:
        by_digit = any(digit in terminators for digit in leg.heard[heard:])
        return leg.is_break_asked or by_digit or until() or playing.is_changed

    leg.playing.append(playing)
    playing.is_changed = True
    while playing.is_changed:
        playing.is_changed = False
        await leg.idle(playing.left_s, is_over, reads_digits=reads_digits)
    leg.playing.remove(playing)


def _set_playback_variables(channel: Channel, played_ms: int) -> None:
    samples = played_ms * 8
    channel.set("playback_last_offset_pos", str(samples))
    channel.set("playback_seconds", str(played_ms // 1000))
    channel.set("playback_ms", str(played_ms))
    channel.set("playback_samples", str(samples))
