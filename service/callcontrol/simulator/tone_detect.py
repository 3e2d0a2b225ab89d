"""Listening for tones on a leg (switch_ivr_async.c, tone_detect_callback)."""

import re
from typing import TYPE_CHECKING

from callcontrol.simulator.bugs import Bug, attach, detach
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_FUNCTION = "tone_detect"
_PLACE = ("switch_ivr_async.c", "tone_detect_callback", 4270)
_TONE = re.compile(r"%\(\d+,\d+,(\d+(?:,\d+)*)\)")


async def tone_detect(leg: "Leg", data: str) -> None:
    """`tone_detect KEY FREQUENCY[,FREQUENCY] …`; with less than that, nothing."""
    key, _, rest = data.partition(" ")
    if not rest:
        return
    if not leg.tones:
        attach(leg, Bug(_FUNCTION, key))
    leg.tones[key] = frozenset(rest.split()[0].split(","))


async def stop_tone_detect(leg: "Leg", _: str) -> None:
    """Listen no more."""
    leg.tones.clear()
    for bug in tuple(leg.bugs):
        if bug.function == _FUNCTION:
            detach(leg, bug)


def sound(leg: "Leg", path: str) -> None:
    """A leg plays something: whoever listens opposite hears its tones, each key once.

    The detector fires the event without a leg, and hands it to the leg, which fires it again under
    the same number where it parks or sleeps, and throws it away elsewhere.
    """
    listener = leg.loopback_peer
    if listener is None or not listener.tones:
        return
    played = {tone for tones in _TONE.findall(path) for tone in tones.split(",")}
    for key, wanted in tuple(listener.tones.items()):
        if wanted <= played:
            del listener.tones[key]
            _tell(listener, key)


def _tell(leg: "Leg", key: str) -> None:
    name, found = "DETECTED_TONE", ("Detected-Tone", key)
    core: list[Header] = [*leg.switch.core_headers(name, _PLACE), found]
    leg.switch.fire(CoreEvent(name, core))
    if not leg.playing and not leg.is_in_bridge:
        leg.switch.fire(CoreEvent(name, [*core, *channel_headers(name, leg.channel)]))
