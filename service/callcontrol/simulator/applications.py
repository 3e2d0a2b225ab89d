"""The dialplan applications that a channel can run."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator import beeps, media, parking, playing, speaking
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import Channel
from callcontrol.simulator.collecting import play_and_get_digits
from callcontrol.simulator.eavesdrop import eavesdrop
from callcontrol.simulator.scheduled import schedule_transfer
from callcontrol.simulator.tone_detect import stop_tone_detect, tone_detect

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

_ESCAPED = re.compile(r"\\[\\nst']")
_EXPANDED = re.compile(r"\\\\|\\'|\\\$\$?|\$\{(?P<name>[A-Za-z0-9_.-]+)\}|\$\$(?!\{)")


@dataclass(frozen=True, slots=True)
class Action:
    """One step of an extension: an application and its argument."""

    application: str
    data: str = ""


Application = Callable[["Leg", str], Awaitable[None]]


def expand(text: str, channel: Channel, switch: "Switch") -> str:
    """Replace `${name}` by the variable of the channel, or the global one, or nothing.

    Where there is one, or a backslash that escapes something, backslashes are resolved too
    (switch_channel.c, switch_channel_expand_variables_check).
    """
    if "${" not in text and not _ESCAPED.search(text):
        return text

    def written(match: re.Match[str]) -> str:
        if (name := match["name"]) is not None:
            return channel.get(name) or switch.global_variables.get(name, "")
        return {"\\\\": "\\", "\\'": ""}.get(match[0], "$")

    return _EXPANDED.sub(written, text)


def scoped(data: str) -> tuple[dict[str, str], str]:
    """The variables of `%[name=value,...]` before an argument, and the argument."""
    if not data.startswith("%["):
        return {}, data
    block, _, rest = data.removeprefix("%[").partition("]")
    pairs = [pair.partition("=") for pair in block.split(",")]
    return {name: value for name, _, value in pairs}, rest


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


async def _sleep(leg: "Leg", data: str) -> None:
    """A digit ends it."""
    heard = len(leg.heard)
    await leg.idle(int(data or 0) / 1000, lambda: len(leg.heard) > heard)


async def _set(leg: "Leg", data: str) -> None:
    name, _, value = data.partition("=")
    set_variable(leg.channel, name.strip(), value)


def set_variable(channel: Channel, name: str, value: str) -> None:
    """Set a variable as the core does: names in any case, nothing unsets, arrays by their marks.

    `ARRAY::a|:b` makes an array, and a name `n[0]` sets one element of it.
    """
    for key in [key for key in channel.variables if key.lower() == name.lower() and key != name]:
        channel.set(key, None)
    plain, bracket, index = name.partition("[")
    number = index.removesuffix("]")
    if bracket and number.isdigit():
        old = channel.variables.get(plain, [])
        values = [old] if isinstance(old, str) else list(old)
        values += [""] * (int(number) + 1 - len(values))
        values[int(number)] = value
        channel.set(plain, values)
    elif value.startswith("ARRAY::"):
        channel.set(name, value.removeprefix("ARRAY::").split("|:"))
    else:
        channel.set(name, value)


async def _push(leg: "Leg", data: str) -> None:
    name, _, value = data.partition("=")
    leg.channel.push(name.strip(), value)


async def _unset(leg: "Leg", data: str) -> None:
    leg.channel.set(data.strip(), None)


async def _multiunset(leg: "Leg", data: str) -> None:
    names = data[3:].split(data[2]) if data.startswith("^^") else data.split(" ")
    for name in names:
        leg.channel.set(name, None)


async def _hangup(leg: "Leg", data: str) -> None:
    leg.hang_up(cause_named(data) if data else "NORMAL_CLEARING")


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


async def _sched_transfer(leg: "Leg", data: str) -> None:
    when, *place = data.split()[:4]
    number = schedule_transfer(leg.switch, when, leg.channel.call_id, place)
    leg.channel.set("last_sched_id", str(number))


async def _bridge(leg: "Leg", data: str) -> None:
    from callcontrol.simulator.originate import bridge_to

    await bridge_to(leg, data)


async def _att_xfer(leg: "Leg", data: str) -> None:
    from callcontrol.simulator.consulting import att_xfer

    await att_xfer(leg, data)


async def _conference(leg: "Leg", data: str) -> None:
    await leg.switch.conferences.enter(leg, data)


async def _socket(leg: "Leg", data: str) -> None:
    from callcontrol.simulator.outbound import bring

    await bring(leg, data)


async def _record_session(leg: "Leg", data: str) -> None:
    from callcontrol.simulator import recording

    path, _, limit = data.partition(" ")
    recording.start(leg, path, float(limit.lstrip("+") or 0) if limit else 0)


async def _stop_record_session(leg: "Leg", data: str) -> None:
    from callcontrol.simulator import recording

    recording.stop(leg, data)


APPLICATIONS: dict[str, Application] = {
    "answer": _answer,
    "att_xfer": _att_xfer,
    "avmd_start": beeps.avmd_start,
    "avmd_stop": beeps.avmd_stop,
    "bridge": _bridge,
    "conference": _conference,
    "eavesdrop": eavesdrop,
    "echo": _echo,
    "export": _set,
    "hangup": _hangup,
    "info": _nothing,
    "log": _nothing,
    "multiunset": _multiunset,
    "park": parking.park,
    "play_and_get_digits": play_and_get_digits,
    "phrase": speaking.phrase,
    "playback": playing.play,
    "pre_answer": _pre_answer,
    "push": _push,
    "record_session": _record_session,
    "ring_ready": _ring_ready,
    "sched_transfer": _sched_transfer,
    "say": speaking.say,
    "send_dtmf": _send_dtmf,
    "set": _set,
    "sleep": _sleep,
    "socket": _socket,
    "speak": speaking.speak,
    "start_dtmf": _nothing,
    "stop_tone_detect": stop_tone_detect,
    "stop_record_session": _stop_record_session,
    "tone_detect": tone_detect,
    "transfer": _transfer,
    "unset": _unset,
}
"""Every application of this switch; any other name ends the call."""
