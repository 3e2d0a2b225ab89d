"""Listening for the beep of a machine on a leg (mod_avmd.c), which here is any single tone."""

import asyncio
import re
from typing import TYPE_CHECKING, Final

from callcontrol.simulator.bugs import Bug, attach, detach
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_BUG: Final = Bug("avmd", "N/A")
_PLACE: Final = ("mod_avmd.c", "avmd_fire_event", 700)
_STATUS: Final = "Beep-Status"
_NOT_HEARD: Final = "NOTDETECTED"
_HEARD: Final = "DETECTED"
_BEEP: Final = re.compile(r"%\(\d+,\d+,\d+\)")


async def avmd_start(leg: "Leg", _: str) -> None:
    """Listen; nothing where it does so already."""
    if leg.beep:
        return
    leg.beep = _NOT_HEARD
    attach(leg, _BUG)
    _tell(leg, "start", ("Start-time", str(leg.switch.clock.now_us())))


async def avmd_stop(leg: "Leg", _: str) -> None:
    """Listen no more, and tell what came of it."""
    if not leg.beep:
        return
    status, leg.beep = leg.beep, ""
    _tell(leg, "stop", (_STATUS, status), ("Total-time", "0"))
    detach(leg, _BUG)


def hear(leg: "Leg", path: str) -> None:
    """A leg plays something: who listens opposite hears its beep, and no second one."""
    listener = leg.loopback_peer
    if listener is not None and listener.beep == _NOT_HEARD and _BEEP.search(path):
        listener.beep = _HEARD
        _tell(listener, "beep", (_STATUS, _HEARD))


def _tell(leg: "Leg", what: str, *headers: Header) -> None:
    """Fire it, and again from the leg, under the same number, once that parks or sleeps."""
    event: list[Header] = [
        ("Event-Subclass", f"avmd::{what}"),
        *leg.switch.core_headers("CUSTOM", _PLACE),
        ("Unique-ID", leg.channel.call_id),
        ("Call-command", "avmd"),
        *headers,
    ]
    leg.switch.fire(CoreEvent("CUSTOM", event, subclass=f"avmd::{what}"))
    if not leg.playing and not leg.is_in_bridge:
        again = [*event, *channel_headers("CUSTOM", leg.channel)]
        told = CoreEvent("CUSTOM", again, subclass=f"avmd::{what}")
        asyncio.get_running_loop().call_soon(leg.switch.fire, told)
