"""What comes for one call of a worker: events for whoever reads them, and what verbs wait for."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from callcontrol.client.call_endings import CallIsOver, Ending
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Gap

Value = TypeVar("Value")

KEPT: Final = 256
"""Events that wait to be read. A program that reads none holds so many; of one that reads too
slowly the oldest are dropped, and a Gap tells it."""
REMEMBERED: Final = 64
"""Playbacks and partners whose end is remembered, for who asks when it has come already."""


NEEDED: Final = ("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_EXECUTE_COMPLETE", "PLAYBACK_STOP")
"""Events by which verbs know that something is over."""


class CallInbox:
    """Takes events in, in order; plain functions, but for the waiting."""

    def __init__(self, call_id: str, wanted: frozenset[str] = frozenset()) -> None:
        """`wanted` are names of the events that are to be read; empty for all."""
        self._call_id, self._wanted = call_id, wanted
        self._kept: deque[Event | Gap] = deque()
        self._stopped: dict[str, bool] = {}
        """Playbacks that stopped, and whether by themselves; one may for each of its sounds."""
        self._finished: dict[str, None] = {}
        """Applications that are done, playbacks among them."""
        self._parted: dict[str, None] = {}
        """Legs that the call was connected with."""
        self._waiting: list[asyncio.Future[None]] = []
        self.partner = ""
        """The leg it is connected with."""
        self.gaps = 0
        """How often events were missing."""
        self.ending: Ending | None = None

    def take(self, event: Event) -> None:
        """An event of this call, or of the one it is connected with."""
        match event.WhichOneof("payload"):
            case "playback_stopped":
                stopped = event.playback_stopped
                remember(self._stopped, stopped.playback_id, stopped.completed)
            case "application_finished":
                remember(self._finished, event.application_finished.operation_id, None)
            case "call_bridged":
                pair = event.call_bridged
                self.partner = self._other(pair.call_id, pair.peer_call_id)
            case "call_unbridged":
                parted = event.call_unbridged
                self._part(self._other(parted.call_id, parted.peer_call_id))
            case _:
                pass
        if not self._wanted or event.name in self._wanted:
            self._keep(event)
        else:
            self.wake()

    def take_gap(self, gap: Gap) -> None:
        """Events are missing here."""
        self.gaps += 1
        self._keep(gap)

    def close(self, ending: Ending) -> None:
        """Nothing comes any more."""
        self.ending = ending
        self.wake()

    def next(self) -> Event | Gap | None:
        """The oldest that was not read."""
        return self._kept.popleft() if self._kept else None

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when it is so, asked now and whenever something came. Raises CallIsOver."""
        while not is_so():
            if self.ending is not None:
                raise CallIsOver(self._call_id, self.ending)
            await self._something()

    async def more(self) -> None:
        """Return when there is something to read, or nothing comes any more."""
        while not self._kept and self.ending is None:
            await self._something()

    async def _something(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def has_stopped(self, playback_id: str) -> bool:
        """Whether something of that playback was heard to its end, or to where it was stopped."""
        return playback_id in self._stopped

    def has_finished(self, operation_id: str) -> bool:
        """Whether an application, as a playback is one, is done."""
        return operation_id in self._finished

    def has_completed(self, playback_id: str) -> bool | None:
        """Whether what was played last came to its end by itself; None where it is not known."""
        return self._stopped.get(playback_id)

    def has_parted_from(self, partner: str) -> bool:
        """Whether the call was connected with that leg, and is not any more."""
        return partner in self._parted

    def _part(self, partner: str) -> None:
        remember(self._parted, partner, None)
        if self.partner == partner:
            self.partner = ""

    def _other(self, one: str, two: str) -> str:
        return two if one == self._call_id else one

    def _keep(self, item: Event | Gap) -> None:
        if len(self._kept) >= KEPT:
            self._kept.popleft()
            if not isinstance(self._kept[0], Gap):
                self._kept[0] = Gap(reason=Gap.REASON_SLOW_CONSUMER)
        self._kept.append(item)
        self.wake()

    def wake(self) -> None:
        """Have those who wait look again."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def remember(where: dict[str, Value], key: str, value: Value) -> None:
    """Keep the newest REMEMBERED of what has ended."""
    where[key] = value
    if len(where) > REMEMBERED:
        del where[next(iter(where))]
