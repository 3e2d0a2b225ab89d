"""The dialplan applications that a channel can run."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import Channel

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

_VARIABLE = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")


@dataclass(frozen=True, slots=True)
class Action:
    """One step of an extension: an application and its argument."""

    application: str
    data: str = ""


Application = Callable[["Leg", str], Awaitable[None]]


def expand(text: str, channel: Channel, switch: "Switch") -> str:
    """Replace `${name}` by the variable of the channel, or the global one, or nothing."""

    def value(match: re.Match[str]) -> str:
        return channel.get(match[1]) or switch.global_variables.get(match[1], "")

    return _VARIABLE.sub(value, text) if "${" in text else text


def answer_leg(leg: "Leg") -> None:
    """Answer an inbound leg; the loopback leg opposite is answered before it."""
    if leg.channel.kind.direction == "outbound":
        return
    if leg.loopback_peer is not None:
        leg.loopback_peer.mark_answered()
    leg.mark_answered()


def pre_answer_leg(leg: "Leg") -> None:
    """Begin early media on an inbound leg."""
    if leg.channel.kind.direction == "outbound":
        return
    if leg.loopback_peer is not None:
        leg.loopback_peer.mark_early_media()
    leg.mark_early_media()


def ring_leg(leg: "Leg") -> None:
    """Ring on an inbound leg."""
    if leg.channel.kind.direction == "outbound":
        return
    if leg.loopback_peer is not None:
        leg.loopback_peer.mark_ringing()
    leg.mark_ringing()


async def _answer(leg: "Leg", _: str) -> None:
    answer_leg(leg)


async def _pre_answer(leg: "Leg", _: str) -> None:
    pre_answer_leg(leg)


async def _ring_ready(leg: "Leg", _: str) -> None:
    ring_leg(leg)


async def park(leg: "Leg", _: str = "") -> None:
    """Wait for what will be asked for."""
    leg.tell("CHANNEL_PARK")
    await leg.idle()
    leg.tell("CHANNEL_UNPARK")


async def _sleep(leg: "Leg", data: str) -> None:
    """A digit ends it."""
    heard = len(leg.heard)
    await leg.idle(int(data or 0) / 1000, lambda: len(leg.heard) > heard)


async def _set(leg: "Leg", data: str) -> None:
    name, _, value = data.partition("=")
    set_variable(leg.channel, name.strip(), value)


def set_variable(channel: Channel, name: str, value: str) -> None:
    """Set a variable as the core does: `ARRAY::a|:b` makes an array, nothing unsets."""
    if value.startswith("ARRAY::"):
        channel.set(name, value.removeprefix("ARRAY::").split("|:"))
    else:
        channel.set(name, value)


async def _unset(leg: "Leg", data: str) -> None:
    leg.channel.set(data.strip(), None)


async def _hangup(leg: "Leg", data: str) -> None:
    leg.hang_up(cause_named(data) if data else "NORMAL_CLEARING")


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

    await leg.idle(None if seconds == inf else seconds, is_over)
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


def send_digits(leg: "Leg", digits: list[media.Digit]) -> None:
    """Digits that leave this leg for its far side."""
    if leg.loopback_peer is not None:
        for digit in digits:
            leg.loopback_peer.hear(media.Digit(digit.character, digit.samples))
    elif leg.on_far_digits is not None:
        leg.on_far_digits("".join(digit.character for digit in digits))


async def _send_dtmf(leg: "Leg", data: str) -> None:
    send_digits(leg, media.parse_digits(data, "APP"))


async def _echo(leg: "Leg", _: str) -> None:
    await leg.idle()


async def _nothing(leg: "Leg", _: str) -> None:
    """Applications whose effect nobody can see here."""


async def _transfer(leg: "Leg", data: str) -> None:
    from callcontrol.simulator.transfer import transfer_leg

    destination, dialplan, context, *_ = [*data.split(), "", "", ""]
    transfer_leg(leg, destination, dialplan, context)


async def _bridge(leg: "Leg", data: str) -> None:
    from callcontrol.simulator.originate import bridge_to

    await bridge_to(leg, data)


async def _conference(leg: "Leg", data: str) -> None:
    await leg.switch.conferences.enter(leg, data)


async def _record_session(leg: "Leg", data: str) -> None:
    from callcontrol.simulator import recording

    path, _, limit = data.partition(" ")
    recording.start(leg, path, float(limit.lstrip("+") or 0) if limit else 0)


async def _stop_record_session(leg: "Leg", data: str) -> None:
    from callcontrol.simulator import recording

    recording.stop(leg, data)


async def _play_and_get_digits(leg: "Leg", data: str) -> None:
    """`min max tries timeout_ms terminators file invalid_file variable regex`."""
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


APPLICATIONS: dict[str, Application] = {
    "answer": _answer,
    "bridge": _bridge,
    "conference": _conference,
    "echo": _echo,
    "export": _set,
    "hangup": _hangup,
    "info": _nothing,
    "log": _nothing,
    "park": park,
    "play_and_get_digits": _play_and_get_digits,
    "playback": play,
    "pre_answer": _pre_answer,
    "record_session": _record_session,
    "ring_ready": _ring_ready,
    "send_dtmf": _send_dtmf,
    "set": _set,
    "sleep": _sleep,
    "start_dtmf": _nothing,
    "stop_record_session": _stop_record_session,
    "transfer": _transfer,
    "unset": _unset,
}
"""Every application of this switch; any other name ends the call."""
