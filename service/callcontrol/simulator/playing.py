"""The applications that play sounds."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.channel import Channel

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def play(
    leg: "Leg",
    path: str,
    until: Callable[[], bool] = lambda: False,
    *,
    reads_digits: bool = True,
) -> None:
    """Play a file or stream; a `*`, a break or what `until` looks for ends it."""
    channel = leg.channel
    seconds = media.duration_s(path, leg.switch.files)
    if seconds is None:
        channel.set("current_application_response", "FILE NOT FOUND")
        return
    kind = media.file_type(path)
    about = [("Playback-File-Type", kind)] if kind else []
    about.append(("Playback-File-Path", path))
    leg.tell("PLAYBACK_START", after=about)
    began = leg.switch.clock.now_us()
    leg.is_break_asked = False
    terminators = channel.get("playback_terminators") or "*"
    heard = len(leg.heard)

    def is_over() -> bool:
        by_digit = any(digit in terminators for digit in leg.heard[heard:])
        return leg.is_break_asked or by_digit or until()

    leg.playing += 1
    await leg.idle(None if seconds == inf else seconds, is_over, reads_digits=reads_digits)
    leg.playing -= 1
    status = "break" if leg.is_break_asked or until() else "done"
    leg.is_break_asked = False
    played_ms = (leg.switch.clock.now_us() - began) // 1000
    if seconds != inf:
        played_ms = (
            min(played_ms, int(seconds * 1000)) if status == "break" else int(seconds * 1000)
        )
    _set_playback_variables(channel, played_ms)
    leg.tell("PLAYBACK_STOP", after=[*about, ("Playback-Status", status)])
    was_cut_off = not leg.is_ready and not leg.is_nested
    channel.set("current_application_response", "PLAYBACK ERROR" if was_cut_off else "FILE PLAYED")


def _set_playback_variables(channel: Channel, played_ms: int) -> None:
    samples = played_ms * 8
    channel.set("playback_last_offset_pos", str(samples))
    channel.set("playback_seconds", str(played_ms // 1000))
    channel.set("playback_ms", str(played_ms))
    channel.set("playback_samples", str(samples))
