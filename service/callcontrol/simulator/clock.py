"""The switch's clock: it runs faster than the wall clock when tests ask for that."""

import asyncio
import time

TICK_US = 20_000
"""The core's timer tick, as with FreeSWITCH's default `1ms-timer=false`."""


class Clock:
    """Simulated time. With `scale` 0.01 a second of the switch lasts 10 ms."""

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError("the time scale must be above 0")
        self.scale = scale
        self._wall_start = time.time()
        self._monotonic_start = time.monotonic()

    def now_us(self) -> int:
        """Microseconds since the epoch, in simulated time."""
        passed = (time.monotonic() - self._monotonic_start) / self.scale
        return int((self._wall_start + passed) * 1_000_000)

    def now_s(self) -> float:
        """Seconds since the epoch, in simulated time."""
        return self.now_us() / 1_000_000

    def tick_us(self) -> int:
        """What the core's timer thread saw last: steps of 20 ms and a little of its own delay."""
        now = self.now_us()
        tick = now - now % TICK_US
        return tick + 150 + tick // TICK_US % 30

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass."""
        await asyncio.sleep(seconds * self.scale)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds`, without end if None; whether it came."""
        try:
            async with asyncio.timeout(None if seconds is None else seconds * self.scale):
                await event.wait()
        except TimeoutError:
            return False
        return True
