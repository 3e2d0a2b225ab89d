"""The application that plays a prompt and collects digits, try after try."""

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.playing import play

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_LEAST_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Ask:
    """`min max tries timeout terminators prompt invalid_prompt variable [pattern [between]]`."""

    low: int
    high: int
    tries: int
    timeout_ms: int
    terminators: str
    prompt: str
    invalid_prompt: str
    variable: str
    pattern: str = ""
    between_ms: int = 0


async def play_and_get_digits(leg: "Leg", data: str) -> None:
    """Collect digits; the variable has those of the last try, `_invalid` those that did not fit."""
    ask = _read_argument(data)
    channel, here = leg.channel, leg.channel.target
    if ask.pattern:
        channel.set(f"{ask.variable}_invalid", None)
    for _ in range(ask.tries):
        if channel.target is not here:
            break
        status, typed = await _one_try(leg, ask)
        if status == "timeout" and len(typed) >= ask.low:
            status = "success"
        if ask.low == 0 and not typed and channel.get("read_terminator_used"):
            break
        if status == "success" and typed:
            if not ask.pattern or re.search(ask.pattern, typed):
                break
            channel.set(ask.variable, None)
            channel.set(f"{ask.variable}_invalid", typed)
        if channel.target is here and ask.invalid_prompt:
            await play(leg, ask.invalid_prompt, reads_digits=False)
    channel.set("current_application_response", None)


def _read_argument(data: str) -> _Ask:
    low, high, tries, timeout, terminators, prompt, invalid, variable, *rest = shlex.split(data)
    pattern, between = [*rest, "", "0"][:2] if len(rest) < 2 else rest[:2]
    return _Ask(
        int(low),
        int(high),
        int(tries),
        max(int(timeout), _LEAST_MS),
        terminators or "#",
        prompt,
        invalid,
        variable,
        pattern,
        int(between or 0),
    )


async def _one_try(leg: "Leg", ask: _Ask) -> tuple[str, str]:
    channel = leg.channel
    channel.set("read_result", None)
    channel.set(ask.variable, None)
    typed = pressed = ""
    if ask.prompt and ask.prompt.lower() != "silence":
        if media.duration_s(ask.prompt, leg.switch.files) is None:
            return "", ""
        await play(leg, ask.prompt, until=lambda: bool(leg.digits), reads_digits=False)
        typed = leg.take_digit()
    status = "success"
    if typed and len(typed) < ask.high and typed in ask.terminators:
        pressed, typed = typed, ""
    elif len(typed) < ask.high:
        status, typed, pressed = await _type(leg, ask, typed)
    if pressed:
        channel.set("read_terminator_used", pressed)
    if ask.low and len(typed) < ask.low:
        status = "failure"
    channel.set("read_result", status)
    if ask.high == 1 and typed and typed in ask.terminators:
        typed = ""
    channel.set(ask.variable, typed)
    return ("short" if status == "failure" else status), typed


async def _type(leg: "Leg", ask: _Ask, typed: str) -> tuple[str, str, str]:
    """What is typed until there is enough, a terminator or a silence: how it ended, the digits and
    the terminator. A leg that is sent elsewhere ends it as enough digits do.
    """
    here, between_ms = leg.channel.target, ask.between_ms or ask.timeout_ms
    wait_ms = between_ms if typed else ask.timeout_ms
    while len(typed) < ask.high and leg.channel.target is here:
        await leg.idle(wait_ms / 1000, lambda: bool(leg.digits), reads_digits=False)
        digit = leg.take_digit() if leg.channel.target is here else ""
        if not digit:
            return ("timeout" if leg.channel.target is here else "success"), typed, ""
        if digit in ask.terminators:
            return "success", typed, digit
        typed += digit
        wait_ms = between_ms
    return "success", typed, ""
