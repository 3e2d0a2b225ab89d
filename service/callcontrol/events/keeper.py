"""Keeps the log on disk: what a former run wrote comes back, and what goes in is written down.

The log never waits for the disk, and a disk that is full, broken or silent costs the log nothing:
entries are read out of the log's own history a few hundredths of a second later, so there is no
queue. What the history has dropped by then is missing on disk, with all before it.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callcontrol.events.epochs import MAX_EPOCHS, Epoch
from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.log import EventLog
from callcontrol.events.ring import Entry
from callcontrol.events.store import EventStore, StoreFailed
from callcontrol.events.stored import pack
from callcontrol.events.worker import Worker
from callcontrol.ids import NodeId

WRITE_INTERVAL_S: Final = 0.05
"""What a process that is killed has not written is at most so old, as long as the disk keeps up."""
RETRY_INTERVAL_S: Final = 5.0
RESTORE_TIMEOUT_S: Final = 60.0
"""Longest wait at the start. Reading takes 40 µs an entry, so what takes longer is a disk that does
not answer."""

_SLICE_ENTRIES: Final = 32
"""Packed in one turn of the loop: about a millisecond."""
_RUN_ENTRIES: Final = 1_024
_RUN_BYTES: Final = 1024 * 1024

log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class KeeperCounters:
    """What has become of it so far."""

    restored: int = 0
    """Entries that a former run had written."""
    written: int = 0
    bytes_written: int = 0
    failures: int = 0
    """Times that the file could not be opened or written."""
    forgotten: int = 0
    """Times that the log dropped entries before they were written, so that all was begun anew."""


class Keeper:
    """One log and its file. `tell` encodes what an event tells, so that it can be told again."""

    def __init__(
        self,
        event_log: EventLog,
        store: EventStore,
        tell: Callable[[Entry], bytes],
        *,
        retry_interval_s: float = RETRY_INTERVAL_S,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.counters = KeeperCounters()
        self._log, self._store, self._tell = event_log, store, tell
        self._retry_interval_s, self._now_us = retry_interval_s, now_us
        self._worker = Worker("event store")
        self._secret = os.urandom(32)
        self._epochs: tuple[Epoch, ...] = ()
        """All runs that the file is to know, this one the last."""
        self._next = 1
        """The number of the first entry that is not written."""
        self._is_open = self._is_failing = False

    @property
    def is_failing(self) -> bool:
        """Whether the file could not be written when it was tried last."""
        return self._is_failing

    @property
    def unwritten(self) -> int:
        """Entries of the log that are not on disk."""
        return self._log.next_number - max(self._next, self._log.first_number)

    async def restore(self, timeout_s: float = RESTORE_TIMEOUT_S) -> None:
        """Take what a former run has kept into the log, before anything else goes in; gaps behind
        it tell that nobody listened to the switches since.

        Without a file that can be used, the log begins empty, and the file is tried again later.
        """
        try:
            async with asyncio.timeout(timeout_s):
                kept = await self._worker.do(self._store.open)
        except (StoreFailed, TimeoutError) as error:
            self._epochs = (Epoch(self._log.log_id, self._next),)
            self._log.use_secret(self._secret)
            self._failed(error)
            return
        self._secret = kept.secret
        self._log.restore(kept, self._now_us())
        self.counters.restored = len(kept.items)
        epoch = Epoch(self._log.log_id, kept.next_number)
        self._next, self._epochs = kept.next_number, (*kept.epochs, epoch)[-MAX_EPOCHS:]
        if kept.epochs or kept.items:
            for gap in _nobody_listened(kept.items):
                self._log.append_gap(gap)
        await self._begin(epoch, timeout_s)

    async def _begin(self, epoch: Epoch, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._worker.do(lambda: self._store.begin(epoch))
        except (StoreFailed, TimeoutError) as error:
            self._failed(error)
        else:
            self._is_open = True
            log.info("event store open", extra={"restored": self.counters.restored})

    async def run(self) -> None:
        """Write what goes into the log, until cancelled; ends by itself never."""
        while True:
            await asyncio.sleep(self._retry_interval_s if self._is_failing else WRITE_INTERVAL_S)
            await self.write()

    async def finish(self, timeout_s: float) -> None:
        """Write what is left, and close the file; a disk that does not answer is left alone."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.write()
                await self._worker.do(self._store.close)
        except TimeoutError:
            log.warning("event store does not answer", extra={"unwritten": self.unwritten})

    async def write(self) -> None:
        """Write everything up to now, as far as the file can be written."""
        try:
            if not self._is_open:
                await self._open_again()
            while self._next < self._log.next_number:
                if self._next < self._log.first_number:
                    await self._begin_again()
                await self._write_run()
        except StoreFailed as error:
            self._is_open = False
            self._failed(error)
        except Exception as error:  # a fault of ours, which must not end the events
            log.exception("event store cannot be written")
            self._failed(error)
        else:
            if self._is_failing:
                self._is_failing = False
                log.info("event store is written again")

    async def _open_again(self) -> None:
        """Go on with a file that failed; what it has is forgotten where it lacks something."""
        written = await self._worker.do(self._store.reopen)
        if tuple(written.epochs) != self._epochs or written.next_number < self._next:
            await self._begin_again()
        self._is_open = True

    async def _begin_again(self) -> None:
        """Forget what is on disk: from what the log holds on, there would be a hole."""
        self.counters.forgotten += 1
        first, epochs, secret = self._log.first_number, self._epochs, self._secret
        await self._worker.do(lambda: self._store.begin_again(epochs, secret))
        self._next = first

    async def _write_run(self) -> None:
        """Pack some entries, a slice in each turn of the loop, and hand them to the thread."""
        first = number = self._next
        packed: list[bytes] = []
        size = 0
        while number < self._log.next_number and len(packed) < _RUN_ENTRIES and size < _RUN_BYTES:
            if number < self._log.first_number:
                return  # overtaken: begun again by who called
            for entry in self._log.entries(number, _SLICE_ENTRIES):
                packed.append(self._packed(entry))
                size += len(packed[-1])
            number = first + len(packed)
            await asyncio.sleep(0)
        entries, held = b"".join(packed), self._log.first_number
        await self._worker.do(lambda: self._store.write(first, len(packed), entries, held))
        self._next = number
        self.counters.written += len(packed)
        self.counters.bytes_written += size

    def _packed(self, entry: Entry) -> bytes:
        return pack(entry.item, self._tell(entry) if isinstance(entry.item, Event) else b"")

    def _failed(self, error: Exception) -> None:
        self.counters.failures += 1
        if not self._is_failing:
            reason = str(error) or "the disk does not answer"
            log.error("event store fails, events go on without it", extra={"reason": reason})
        self._is_failing = True


def _nobody_listened(items: Sequence[Event | Gap]) -> Iterator[Gap]:
    """A gap for each node of which there is something; for all nodes where there is nothing."""
    last: dict[NodeId, Position] = {}
    for item in items:
        if isinstance(item, Event):
            last[item.position.node_id] = item.position
    if not last:
        yield Gap(reason=GapReason.NODE_CONNECTION_LOST)
    for node_id, position in last.items():
        before = position if position.sequence else None
        yield Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=node_id, last_before=before)
