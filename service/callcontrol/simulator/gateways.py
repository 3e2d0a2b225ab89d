"""Gateways: their states, and what mod_sofia says when those change (sofia_reg.c)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.events import Header
from callcontrol.simulator.registrar import tell_custom

if TYPE_CHECKING:
    from callcontrol.simulator.switch import Switch, SwitchSettings

_FILE = "sofia_reg.c"
_UNAVAILABLE = (503, "Service Unavailable")
_LOOK_S = 0.05
"""Between two looks of the switch at its gateways; a real one takes a second."""


@dataclass(slots=True)
class Gateway:
    """One gateway, and what the other side of it does."""

    name: str
    state: str = "NOREG"
    is_up: bool = True


def configured(settings: "SwitchSettings") -> dict[str, Gateway]:
    """Those of the configuration: registrars that are not there, and pings, are not answered."""
    fallen = {name: Gateway(name, "FAIL_WAIT", False) for name in settings.fallen_gateways}
    pinged = {name: Gateway(name, is_up=False) for name in settings.pinged_gateways}
    return {name: Gateway(name) for name in settings.gateways} | fallen | pinged


def answer_ping(switch: "Switch", name: str, *, is_answered: bool) -> None:
    """The other side answered a ping, or did not; told where that is news."""
    gateway = switch.gateways[name]
    if gateway.is_up is not is_answered:
        gateway.is_up = is_answered
        _tell(switch, gateway, *((200, "OK") if is_answered else _UNAVAILABLE))


async def register(switch: "Switch", gateway: Gateway) -> None:
    """Try to register where nobody answers."""
    if gateway.state == "NOREG":
        return
    for state, response in (("TRYING", None), ("FAILED", _UNAVAILABLE), ("FAIL_WAIT", None)):
        gateway.state, gateway.is_up = state, False
        _tell(switch, gateway, *(response or (0, "")))
        await switch.clock.sleep(_LOOK_S)


def remove(switch: "Switch", name: str) -> bool:
    """`killgw`; False when there is none of that name."""
    if switch.gateways.pop(name, None) is None:
        return False
    named = (("profile-name", "internal"), ("Gateway", name))
    tell_custom(switch, "sofia::gateway_delete", (_FILE, "sofia_reg_check_gateway", 343), *named)
    return True


def rescan(switch: "Switch") -> None:
    """Add those of the configuration that are missing."""
    for name, gateway in configured(switch.settings).items():
        if name not in switch.gateways:
            switch.gateways[name] = gateway
            named = (("Gateway", name), ("profile-name", "internal"))
            place = (_FILE, "sofia_reg_add_gateway", 3723)
            tell_custom(switch, "sofia::gateway_add", place, *named)


def _tell(switch: "Switch", gateway: Gateway, code: int, phrase: str) -> None:
    headers: list[Header] = [
        ("Gateway", gateway.name),
        ("State", gateway.state),
        ("Ping-Status", "UP" if gateway.is_up else "DOWN"),
    ]
    if code:
        headers += [("Phrase", phrase), ("Status", str(code))]
    place = (_FILE, "sofia_reg_fire_custom_gateway_state_event", 156)
    tell_custom(switch, "sofia::gateway_state", place, *headers)
