"""Who may connect to the outbound listener, and how many at a time."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from callcontrol.freeswitch.observer import is_power_of_two
from callcontrol.freeswitch.outbound_settings import Network

log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class OutboundCounters:
    """What happened at the outbound listener; plain numbers that only grow."""

    connections: int = 0
    """Connections made by anybody."""
    arrivals: int = 0
    """Calls handed over."""
    refused_peers: int = 0
    """Connections from where no switch may connect."""
    over_limit: int = 0
    """Connections beyond the limit."""
    failed_handshakes: int = 0
    """Connections that ended, or were silent, before they had shown a call."""
    unplaced: int = 0
    """Calls of no connected node, or that their node does not know."""
    unnamed: int = 0
    """Calls with no application."""
    closed_at_once: int = 0
    """Connections closed without a word, as too many were being turned away already."""


class Admission:
    """Decides on each connection; logs the 1st, 2nd, 4th, 8th ... refusal."""

    def __init__(
        self, peers: Sequence[Network], max_connections: int, counters: OutboundCounters
    ) -> None:
        self._peers, self._max_connections = tuple(peers), max_connections
        self._counters = counters

    def admits(self, peer_host: str, connections: int) -> bool:
        """Whether a connection may be had beside the `connections` that there are."""
        counters = self._counters
        if not self._may_connect(peer_host):
            counters.refused_peers += 1
            if is_power_of_two(counters.refused_peers):
                keys = {"peer": peer_host, "refused": counters.refused_peers}
                log.warning("no switch may bring calls from there", extra=keys)
            return False
        if connections >= self._max_connections:
            counters.over_limit += 1
            if is_power_of_two(counters.over_limit):
                keys = {"limit": self._max_connections, "refused": counters.over_limit}
                log.warning("too many calls are handed over", extra=keys)
            return False
        return True

    def _may_connect(self, peer_host: str) -> bool:
        try:
            address = ip_address(peer_host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)
