"""An ear at the far end of calls: which tones come in their RTP, all calls on one port.

A call is told from the others by the port that the switch sends from. PCMU, 20 ms a packet.
"""

import asyncio
import math
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

HEADER: Final = 12
SAMPLES: Final = 160
RATE_HZ: Final = 8_000
EVERY: Final = 5
"""One packet in so many of a call is listened to, as a hundred calls bring 5,000 a second."""
WAITING_BYTES: Final = 16 << 20
"""Packets may wait for seconds where the machine is busy; the usual buffer holds 50 ms of them."""
_SO_RCVBUFFORCE: Final = 33
PURE: Final = 0.5
"""The share of a packet's power that must be in a tone for it to be heard."""


def _sample(byte: int) -> int:
    """G.711 mu-law."""
    byte = ~byte & 0xFF
    size = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -size if byte & 0x80 else size


_LINEAR: Final = tuple(map(_sample, range(256)))


@dataclass(frozen=True)
class Tone:
    """A frequency and the waves to compare with."""

    hz: int
    cosine: tuple[float, ...]
    sine: tuple[float, ...]

    @classmethod
    def of(cls, hz: int) -> Self:
        """A tone of so many cycles a second."""
        angles = [2 * math.pi * hz * n / RATE_HZ for n in range(SAMPLES)]
        return cls(hz, tuple(map(math.cos, angles)), tuple(map(math.sin, angles)))

    def is_in(self, samples: list[int]) -> bool:
        """Whether most of the power is in this tone."""
        power = sum(sample * sample for sample in samples)
        if power < SAMPLES * 100**2:
            return False
        real = sum(map(float.__mul__, self.cosine, map(float, samples)))
        imaginary = sum(map(float.__mul__, self.sine, map(float, samples)))
        return 2 * (real * real + imaginary * imaginary) > PURE * SAMPLES * power


@dataclass
class Ear(asyncio.DatagramProtocol):
    """Counts, for each call, the packets with each tone among those that were listened to."""

    tones: tuple[Tone, ...]
    heard: dict[str, Counter[int]] = field(default_factory=dict)
    _calls: dict[int, str] = field(default_factory=dict)
    _packets: Counter[int] = field(default_factory=Counter)
    """How many came from each port."""

    def follow(self, call_id: str, from_port: int) -> None:
        """What comes from that port is of this call from now on."""
        self._calls[from_port] = call_id
        self.heard[call_id] = Counter()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A packet came."""
        self._packets[addr[1]] += 1
        call_id = self._calls.get(addr[1])
        if self._packets[addr[1]] % EVERY or call_id is None or len(data) != HEADER + SAMPLES:
            return
        samples = [_LINEAR[byte] for byte in data[HEADER:]]
        self.heard[call_id].update(tone.hz for tone in self.tones if tone.is_in(samples))


@asynccontextmanager
async def ear(host: str, port: int, frequencies_hz: Iterable[int]) -> AsyncIterator[Ear]:
    """Somebody who listens there until the end of the block."""
    tones = tuple(map(Tone.of, frequencies_hz))
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with suppress(OSError):  # root may have more than others
        line.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, WAITING_BYTES)
    line.setblocking(False)
    line.bind((host, port))
    transport, listener = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Ear(tones), sock=line
    )
    try:
        yield listener
    finally:
        transport.close()
