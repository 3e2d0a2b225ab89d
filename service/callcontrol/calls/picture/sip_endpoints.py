"""What mod_sofia says of registrations and of gateways.

Sources: sofia_reg.c sofia_reg_handle_register_token (register, unregister), sofia_reg_del_callback
(expire), sofia_reg_fire_custom_gateway_state_event, sofia_reg_add_gateway, sofia_reg_check_gateway;
sofia.c sofia_event_callback (unregister, of a connection that was closed).
"""

from typing import Final

from callcontrol.calls.payloads import (
    GatewayChanged,
    GatewayKind,
    RegistrationChanged,
    RegistrationKind,
)
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, small_number, text

_UP: Final = "UP"


def registered(headers: Headers) -> RegistrationChanged:
    """sofia::register, of a new registration and of one that is renewed."""
    return _registration(headers, RegistrationKind.REGISTERED)


def unregistered(headers: Headers) -> RegistrationChanged:
    """sofia::unregister. Of a closed connection it tells no contact."""
    return _registration(headers, RegistrationKind.UNREGISTERED)


def _registration(headers: Headers, kind: RegistrationKind) -> RegistrationChanged:
    return RegistrationChanged(
        kind=kind,
        profile=text(headers, fields.PROFILE),
        user=text(headers, fields.REGISTERED_USER),
        domain=text(headers, fields.REGISTERED_DOMAIN),
        contact=text(headers, fields.CONTACT),
    )


def expired(headers: Headers) -> RegistrationChanged:
    """sofia::expire: it ran out, or an operator flushed it."""
    return RegistrationChanged(
        kind=RegistrationKind.EXPIRED,
        profile=text(headers, fields.PROFILE),
        user=text(headers, fields.EXPIRED_USER),
        domain=text(headers, fields.EXPIRED_DOMAIN),
        contact=text(headers, fields.CONTACT),
    )


def gateway_state(headers: Headers) -> GatewayChanged:
    """sofia::gateway_state. `Ping-Status` is kept for gateways that are not pinged too."""
    return GatewayChanged(
        kind=GatewayKind.STATE,
        gateway=text(headers, fields.GATEWAY),
        state=text(headers, fields.GATEWAY_STATE),
        is_up=text(headers, fields.GATEWAY_PING) == _UP,
        sip_code=small_number(headers, fields.GATEWAY_SIP_CODE),
        reason=text(headers, fields.GATEWAY_PHRASE),
    )


def gateway_added(headers: Headers) -> GatewayChanged:
    """sofia::gateway_add."""
    return GatewayChanged(GatewayKind.ADDED, text(headers, fields.GATEWAY))


def gateway_removed(headers: Headers) -> GatewayChanged:
    """sofia::gateway_delete."""
    return GatewayChanged(GatewayKind.REMOVED, text(headers, fields.GATEWAY))
