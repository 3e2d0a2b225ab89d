"""How long connections live, and so until when a stream on one can stay."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callcontrol.rpc.answers import MAX_RESPONSE_BYTES

MAX_REQUEST_BYTES: Final = 256 * 1024
MAX_KNOWN: Final = 20_000
"""Connections whose beginning is kept; most have long ended where there were so many."""
_JITTER: Final = 0.1
"""Share of the age that gRPC adds or takes off by chance (gRFC A9)."""
_MARGIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How long connections live.

    One past its age is asked to go (GOAWAY): what is under way may end in the grace, what is new
    goes to a new connection without anybody's notice. After the grace it is cut: so ends a stream
    whose client does not read, which nothing else could end.
    """

    max_idle_s: float = 900.0
    max_age_s: float = 1_800.0
    max_age_grace_s: float = 600.0
    max_connections: int = 4096

    @property
    def oldest_s(self) -> float:
        """The age at which every connection has been asked to go."""
        return self.max_age_s * (1 + _JITTER)

    def stream_end_s(self, share: float) -> float:
        """The age of its connection at which a stream ends by itself.

        That is when the connection takes no new streams any more, or its client would come back on
        it, and before it could be cut; within this time it is for `share`, from 0 to 1, to say.
        """
        last_s = max(0.0, self.max_age_s * (1 - _JITTER) + self.max_age_grace_s - _MARGIN_S)
        first_s = min(self.oldest_s, last_s)
        return first_s + share * (last_s - first_s)

    def options(self) -> list[tuple[str, int]]:
        """All options of the server, these and those that are the same everywhere."""
        return [
            ("grpc.so_reuseport", 0),  # else a second process takes half of the connections
            ("grpc.max_concurrent_streams", 1000),  # beyond it clients queue without a word
            ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
            ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
            ("grpc.max_metadata_size", 8 * 1024),
            ("grpc.absolute_max_metadata_size", 16 * 1024),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
            ("grpc.max_connection_idle_ms", _ms(self.max_idle_s)),
            ("grpc.max_connection_age_ms", _ms(self.max_age_s)),
            ("grpc.max_connection_age_grace_ms", _ms(self.max_age_grace_s)),
            ("grpc.server_handshake_timeout_ms", 10_000),
            ("grpc.max_allowed_incoming_connections", self.max_connections),
        ]


class Connections:
    """Since when each connection is known: gRPC does not tell their age.

    Known by the address of the far end, from its first RPC on, and forgotten when it must be gone.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`draw` gives a number from 0 to 1, so that streams do not all end at once."""
        self._limits, self._clock, self._draw = limits, clock, draw
        self._began_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._began_s)

    def seen(self, peer: str) -> None:
        """An RPC came in on a connection."""
        if peer not in self._began_s:
            self._forget_old()
            if len(self._began_s) == MAX_KNOWN:
                del self._began_s[next(iter(self._began_s))]
            self._began_s[peer] = self._clock()

    def stream_end_s(self, peer: str) -> float:
        """When a stream that begins now on this connection is to end, on the clock."""
        self._forget_old()
        now_s = self._clock()
        # On a Unix socket all have one address, and nobody knows which is which.
        began_s = now_s if peer.startswith("unix:") else self._began_s.get(peer, now_s)
        return began_s + self._limits.stream_end_s(self._draw())

    def _forget_old(self) -> None:
        """One that takes no new streams any more cannot begin one: the address is another's."""
        oldest_s = self._clock() - self._limits.oldest_s
        while self._began_s:
            peer, began_s = next(iter(self._began_s.items()))
            if began_s > oldest_s:
                return
            del self._began_s[peer]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
