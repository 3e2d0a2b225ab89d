"""The applications that play sounds, and collect digits while they do."""

import re
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.channel import Channel

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def play(leg: "Leg", path: str) -> None:
    """Play a file or stream; a `*` or a break ends it."""
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
        return leg.is_break_asked or any(digit in terminators for digit in leg.heard[heard:])

    leg.playing += 1
    await leg.idle(None if seconds == inf else seconds, is_over)
    leg.playing -= 1
    status = "break" if leg.is_break_asked else "done"
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


async def play_and_get_digits(leg: "Leg", data: str) -> None:
    """Obey `min max tries timeout_ms terminators file invalid_file variable regex`."""
    low, high, tries, timeout, terminators, sound, invalid, variable, *rest = data.split()
    pattern = rest[0] if rest else r"\d*"
    leg.channel.set(variable, None)
    leg.channel.set("read_result", "failure")
    for _ in range(int(tries)):
        heard = len(leg.heard)
        await play(leg, sound)

        def is_enough(heard: int = heard) -> bool:
            typed = leg.heard[heard:]
            return len(typed) >= int(high) or any(digit in terminators for digit in typed)

        await leg.idle(max(int(timeout), 1000) / 1000, is_enough)
        typed = "".join(digit for digit in leg.heard[heard:] if digit not in terminators)
        if len(typed) >= int(low) and re.fullmatch(pattern, typed):
            leg.channel.set(variable, typed)
            leg.channel.set("read_result", "success")
            break
        await play(leg, invalid)
    leg.channel.set("current_application_response", None)
