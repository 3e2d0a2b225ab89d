"""Telephones that register with the switch, and what mod_sofia says of them (sofia_reg.c)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.events import CoreEvent, Header

if TYPE_CHECKING:
    from callcontrol.simulator.switch import Switch

_FILE = "sofia_reg.c"
_HANDLER, _DELETER = "sofia_reg_handle_register_token", "sofia_reg_del_callback"
_LOGIN = "sip:mod_sofia@127.0.0.1:15060"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One telephone, and where it is."""

    user: str
    domain: str
    host: str
    port: int
    profile: str = "internal"
    call_id: str = "registration@simulated"
    agent: str = "simulated"

    @property
    def contact(self) -> str:
        """As the switch writes it."""
        return f'"" <sip:{self.user}@{self.host}:{self.port}>'

    @property
    def address(self) -> str:
        """User and domain."""
        return f"{self.user}@{self.domain}"


def register(switch: "Switch", phone: Registration, expires_s: int = 60) -> None:
    """It registers, or renews that."""
    switch.registered[phone.address] = phone
    tell_custom(
        switch,
        "sofia::register",
        (_FILE, _HANDLER, 2059),
        ("profile-name", phone.profile),
        ("from-user", phone.user),
        ("from-host", phone.domain),
        ("presence-hosts", "n/a"),
        ("contact", phone.contact),
        ("call-id", phone.call_id),
        ("rpid", "unknown"),
        ("status", "Registered(UDP)"),
        ("expires", str(expires_s)),
        ("to-user", phone.user),
        ("to-host", phone.domain),
        ("network-ip", phone.host),
        ("network-port", str(phone.port)),
        ("username", "unknown"),
        ("realm", phone.domain),
        ("user-agent", phone.agent),
    )


def unregister(switch: "Switch", phone: Registration) -> None:
    """It leaves."""
    switch.registered.pop(phone.address, None)
    _tell_presence(switch, phone, 2103, ("rpid", "unknown"), phone.agent, is_own=True)
    tell_custom(
        switch,
        "sofia::unregister",
        (_FILE, _HANDLER, 2213),
        ("profile-name", phone.profile),
        ("username", "unknown"),
        ("from-user", phone.user),
        ("from-host", phone.domain),
        ("contact", phone.contact),
        ("call-id", phone.call_id),
        ("rpid", "unknown"),
        ("realm", "unknown"),
        ("network-ip", phone.host),
        ("network-port", str(phone.port)),
        ("user-agent", phone.agent),
        ("expires", "0"),
    )


def expire(switch: "Switch", phone: Registration) -> None:
    """Its time is over, or an operator removes it."""
    switch.registered.pop(phone.address, None)
    tell_custom(
        switch,
        "sofia::expire",
        (_FILE, _DELETER, 726),
        ("profile-name", phone.profile),
        ("call-id", phone.call_id),
        ("user", phone.user),
        ("username", phone.user),
        ("host", phone.domain),
        ("contact", phone.contact),
        ("expires", str(int(switch.clock.now_us() // 1_000_000))),
        ("user-agent", phone.agent),
        ("realm", phone.domain),
        ("network-ip", phone.host),
        ("network-port", str(phone.port)),
    )
    _tell_presence(switch, phone, 741, ("rpid", "away"), "Registered(UDP)", is_own=False)


def tell_custom(
    switch: "Switch", subclass: str, place: tuple[str, str, int], *headers: Header
) -> None:
    """Fire a CUSTOM event that is about no leg."""
    core = switch.core_headers("CUSTOM", place)
    event = [("Event-Subclass", subclass), *core, *headers]
    switch.fire(CoreEvent("CUSTOM", event, subclass=subclass))


def _tell_presence(
    switch: "Switch", phone: Registration, line: int, rpid: Header, agent: str, *, is_own: bool
) -> None:
    place = (_FILE, _HANDLER if is_own else _DELETER, line)
    source: list[Header] = [("presence-source", "register")] if is_own else []
    headers: list[Header] = [
        *switch.core_headers("PRESENCE_IN", place),
        ("proto", "sip"),
        rpid,
        ("login", _LOGIN),
        ("user-agent", agent),
        ("from", phone.address),
        ("status", "Unregistered"),
        *source,
        ("event_type", "presence"),
    ]
    switch.fire(CoreEvent("PRESENCE_IN", headers))
