"""What an operator decides about the calls that a dialplan hands over by its socket application."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
"""Networks from which switches may connect unless others are named."""


def read_network(text: str) -> Network:
    """A network such as `10.0.0.0/8`, or one address. Raises ValueError."""
    try:
        return ip_network(text)
    except ValueError as error:
        wanted = "must be an address or a network, for example 10.0.0.0/8"
        raise ValueError(f"{wanted}, and is {text!r}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    """Where the outbound listener is, and whom it lets in."""

    host: str
    port: int
    """0 leaves it to the system."""
    peers: tuple[Network, ...] = tuple(map(ip_network, LOOPBACK))
    """Where switches may connect from. There is no login: whoever connects is believed to be one
    as far as the switch that is asked about its call confirms it.
    """
    max_connections: int = 2_000
    """Calls that may wait here or be somebody's at one time; what comes beyond goes on at once."""
    handshake_timeout_s: float = 5.0
    """Time for a switch to say which call it brings, and again to confirm it."""
    unknown_switches: bool = False
    """Take calls of switches that are no nodes; all is done over the call's socket."""
    end_timeout_s: float = 5.0
    """Time for a switch to close a connection after it was asked to."""
