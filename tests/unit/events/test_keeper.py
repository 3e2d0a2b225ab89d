"""A log that is kept on disk, across runs of the service."""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.catch_up import Start
from callcontrol.events.epochs import Epoch, Kept
from callcontrol.events.event import Event, Gap, GapReason, Position, Told
from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.store import EventStore, StoreFailed
from callcontrol.events.token import TokenKey
from callcontrol.ids import CoreUuid, EventId, NodeId

NOW_US = 1_800_000_000_000_000
LARGE = 64 << 20


def event(number: int, node: str = "east", received_us: int = NOW_US, body: str = "") -> Event:
    return Event(
        event_id=EventId(f"core-{number}"),
        position=Position(NodeId(node), CoreUuid("core"), number, 1),
        name="E",
        received_us=received_us,
        body=body,
        size=100 + len(body),
    )


class Run:
    """One run of a service: its log, and its way to the file."""

    def __init__(
        self,
        path: Path,
        *,
        limits: LogLimits | None = None,
        key: TokenKey | None = None,
        max_bytes: int = LARGE,
        now_us: int = NOW_US,
    ) -> None:
        self.log = EventLog(limits, clock=lambda: 1_000.0, key=key)
        self.store = EventStore(path, max_bytes, lock_timeout_s=0)
        self.keeper = Keeper(self.log, self.store, lambda _: b"", now_us=lambda: now_us)

    async def begin(self) -> "Run":
        await self.keeper.restore()
        return self

    async def tell(self, *numbers: int, is_written: bool = True) -> None:
        for number in numbers:
            self.log.append(event(number))
        if is_written:
            await self.keeper.write()

    async def die(self) -> None:
        """What is not written is lost, as when the process is killed."""
        await self.keeper._worker.do(self.store.close)  # the file belongs to its thread

    def fails(self) -> bool:
        return self.keeper.is_failing

    def token(self) -> str:
        return self.log.token_at(self.log.next_number)

    def after(self, token: str) -> list[object]:
        """What a stream is told that goes on behind a token: numbers, and gaps as they are."""
        start = self.log.start_after(token)
        with self.log.subscribe(start=start) as subscription:
            found: list[object] = []
            while batch := subscription.take().entries:
                found += [_said(entry.item) for entry in batch]
            return found


def _said(item: Event | Gap) -> object:
    return item.position.sequence if isinstance(item, Event) else item


def missing(last: int, node: str = "east") -> Gap:
    return Gap(
        reason=GapReason.NODE_CONNECTION_LOST,
        node_id=NodeId(node),
        last_before=Position(NodeId(node), CoreUuid("core"), last, 1),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


async def test_a_stream_goes_on_in_the_next_run_where_it_was(path):
    first = await Run(path).begin()
    await first.tell(1, 2)
    token = first.token()
    await first.tell(3, 4)
    await first.die()
    second = await Run(path).begin()
    await second.tell(9)
    assert second.after(token) == [3, 4, missing(4), 9]
    assert second.keeper.counters.restored == 4


async def test_what_was_not_written_is_a_gap_and_never_another_event(path):
    first = await Run(path).begin()
    await first.tell(1, 2)
    await first.tell(3, 4, 5, is_written=False)
    token = first.token()
    await first.die()
    second = await Run(path).begin()
    await second.tell(9, 10, 11, 12)
    assert second.after(token) == [missing(2), 9, 10, 11, 12]


async def test_tokens_of_several_runs_ago_are_as_good(path):
    first = await Run(path).begin()
    await first.tell(1)
    token = first.token()
    await first.tell(2)
    await first.die()
    second = await Run(path).begin()
    await second.tell(3)
    await second.die()
    third = await Run(path).begin()
    assert third.after(token) == [2, missing(2), 3, missing(3)]


async def test_a_run_that_wrote_nothing_leads_to_the_gap_of_the_next(path):
    first = await Run(path).begin()
    await first.tell(1)
    await first.die()
    second = await Run(path).begin()
    await second.tell(2, 3, is_written=False)
    token = second.token()
    await second.die()
    third = await Run(path).begin()
    assert third.after(token) == [missing(1)]


async def test_there_is_a_gap_for_each_node(path):
    first = await Run(path).begin()
    token = first.token()
    first.log.append(event(1, "east"))
    first.log.append(event(2, "west"))
    await first.keeper.write()
    await first.die()
    second = await Run(path).begin()
    assert second.after(token) == [1, 2, missing(1, "east"), missing(2, "west")]


async def test_a_run_of_which_nothing_is_left_is_a_gap_of_all_nodes(path):
    first = await Run(path).begin()
    token = first.token()
    await first.die()
    second = await Run(path).begin()
    assert second.after(token) == [Gap(reason=GapReason.NODE_CONNECTION_LOST)]


async def test_the_first_run_of_all_begins_without_a_gap(path):
    assert (await Run(path).begin()).log.next_number == 1


async def test_what_has_grown_too_old_meanwhile_has_expired(path):
    limits = LogLimits(max_age_s=60.0)
    first = await Run(path, limits=limits).begin()
    await first.tell(1)
    token = first.token()
    await first.tell(2)
    await first.die()
    second = await Run(path, limits=limits, now_us=NOW_US + 61_000_000).begin()
    with pytest.raises(ResumeTokenExpired):
        second.after(token)


async def test_who_had_seen_all_of_it_goes_on_although_it_has_grown_too_old(path):
    limits = LogLimits(max_age_s=60.0)
    first = await Run(path, limits=limits).begin()
    await first.tell(1, 2)
    token = first.token()
    await first.die()
    second = await Run(path, limits=limits, now_us=NOW_US + 61_000_000).begin()
    assert second.after(token) == [missing(2)]


async def test_smaller_limits_hold_for_what_is_restored(path):
    first = await Run(path).begin()
    await first.tell(*range(1, 51))
    await first.die()
    second = await Run(path, limits=LogLimits(max_events=10)).begin()
    assert second.log.next_number - second.log.first_number == 10


async def test_an_operators_key_stays_in_force(path):
    key = TokenKey(b"of the operator")
    first = await Run(path, key=key).begin()
    await first.tell(1)
    token = first.token()
    await first.die()
    assert key.open(token).log_id == first.log.log_id
    second = await Run(path, key=TokenKey(b"of the operator")).begin()
    assert second.after(token) == [missing(1)]


async def test_the_file_is_bounded_as_the_log_is(path):
    run = await Run(path, limits=LogLimits(max_events=50)).begin()
    for number in range(1, 2_000):
        await run.tell(number)
    held = list(run.log.entries(run.log.first_number, 100))
    await run.die()
    kept = EventStore(path, LARGE).open()
    assert [item for item in kept.items if isinstance(item, Event)] == [
        entry.item._replace(payload=Told(b"")) for entry in held if isinstance(entry.item, Event)
    ]


async def test_a_log_that_drops_what_is_not_written_keeps_what_comes_without_a_hole(path):
    run = await Run(path, limits=LogLimits(max_events=10)).begin()
    await run.tell(1, 2, 3)
    await run.tell(*range(4, 30), is_written=False)
    token = run.token()
    await run.tell(30)
    await run.die()
    second = await Run(path).begin()
    assert second.after(token) == [30, missing(30)]
    assert run.keeper.counters.forgotten == 1
    assert second.log.first_number == 21


async def test_a_full_file_never_stops_events_and_is_written_again_when_there_is_room(path):
    limits = LogLimits(max_events=20)
    run = await Run(path, limits=limits, max_bytes=4 << 20).begin()
    await run.tell(1)
    for number in range(2, 12):
        run.log.append(event(number, body="x" * 900_000))
    await run.keeper.write()
    assert run.fails()
    assert run.log.next_number == 12
    await run.tell(*range(12, 40))
    assert not run.fails()
    token = run.token()
    await run.die()
    second = await Run(path, limits=limits).begin()
    assert second.after(token) == [missing(39)]
    assert second.log.next_number - 1 - 20 == 20


async def test_a_file_that_could_not_be_opened_is_tried_again(tmp_path):
    path = tmp_path / "later" / "events.db"
    run = await Run(path).begin()
    assert run.fails()
    token = run.token()
    await run.tell(1, 2)
    assert run.after(token) == [1, 2]
    path.parent.mkdir()
    await run.tell(3)
    assert not run.fails()
    await run.die()
    assert (await Run(path).begin()).after(token) == [1, 2, 3, missing(3)]


async def test_what_another_process_writes_is_left_alone_until_it_ends(path):
    first = await Run(path).begin()
    await first.tell(1)
    second = await Run(path).begin()
    await second.tell(7)
    assert second.fails()
    await first.tell(2)
    assert not first.fails()
    token = second.token()
    await first.die()
    await second.tell(8)
    await second.die()
    assert (await Run(path).begin()).after(token) == [8, missing(8)]


async def test_a_broken_file_costs_the_past_and_nothing_else(path):
    first = await Run(path).begin()
    await first.tell(1)
    await first.die()
    path.write_bytes(b"SQLite format 3\0" + b"x" * 10_000)
    second = await Run(path).begin()
    await second.tell(2)
    await second.die()
    assert (await Run(path).begin()).keeper.counters.restored == 1


async def test_failing_is_logged_once(tmp_path, caplog):
    run = await Run(tmp_path / "no" / "events.db").begin()
    for number in range(1, 5):
        await run.tell(number)
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert run.keeper.counters.failures == 5


class FullDisk(EventStore):
    """It can be read, and not be written before there is room."""

    has_room = False
    times_read = 0

    def open(self) -> Kept:
        self.times_read += 1
        return super().open()

    def begin(self, epoch: Epoch) -> None:
        raise StoreFailed("full")

    def begin_again(self, epochs: Sequence[Epoch], secret: bytes) -> None:
        if not self.has_room:
            raise StoreFailed("full")
        super().begin_again(epochs, secret)


async def test_a_disk_that_is_full_at_the_start_costs_nothing_once_there_is_room(path):
    first = await Run(path).begin()
    await first.tell(1)
    token = first.token()
    await first.tell(2)
    await first.die()
    second = Run(path)
    second.store = disk = FullDisk(path, LARGE)
    second.keeper = Keeper(second.log, disk, lambda _: b"", now_us=lambda: NOW_US)
    await second.begin()
    for number in (3, 4, 5):
        await second.tell(number)
    assert second.fails()
    assert disk.times_read == 1  # what is held in memory already would be there twice
    disk.has_room = True
    await second.tell(6)
    await second.die()
    third = await Run(path).begin()
    assert third.after(token) == [2, missing(2), 3, 4, 5, 6, missing(6)]


async def test_a_file_that_breaks_while_it_is_written_is_begun_anew(path):
    first = await Run(path).begin()
    await first.die()
    torn = "CREATE TRIGGER torn BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'x'); END"
    with sqlite3.connect(path) as database:
        database.execute(torn)
    database.close()
    second = await Run(path).begin()
    await second.tell(1)
    assert second.fails()
    token = second.token()
    await second.tell(2)
    assert not second.fails()
    await second.die()
    assert (await Run(path).begin()).after(token) == [2, missing(2)]


async def test_a_write_that_fails_once_forgets_nothing(path):
    run = await Run(path).begin()
    token = run.token()
    await run.tell(1, 2)
    await run.keeper._worker.do(run.store.close)  # as a disk that was away for a moment
    await run.tell(3)
    assert run.fails()
    await run.tell(4)
    assert (run.fails(), run.keeper.counters.forgotten) == (False, 0)
    await run.die()
    assert (await Run(path).begin()).after(token) == [1, 2, 3, 4, missing(4)]


class StuckStore(EventStore):
    """A disk that does not answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LARGE)
        self.answers = threading.Event()

    def write(self, first_number: int, count: int, entries: bytes, first_held: int) -> None:
        self.answers.wait()
        raise StoreFailed("too late")


async def test_a_disk_that_does_not_answer_holds_up_nobody(path):
    log, store = EventLog(), StuckStore(path)
    keeper = Keeper(log, store, lambda _: b"")
    await keeper.restore()
    log.append(event(1))
    await keeper.finish(timeout_s=0.05)
    assert keeper.unwritten == 1
    store.answers.set()


class StuckAtOpening(EventStore):
    """A disk that does not answer for a while."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LARGE)
        self.answers = threading.Event()

    def open(self) -> Kept:
        self.answers.wait()
        return super().open()


async def test_a_disk_that_does_not_answer_holds_up_no_start(path, caplog):
    first = await Run(path).begin()
    await first.tell(1)
    await first.die()
    second, disk = Run(path), StuckAtOpening(path)
    second.store = disk
    second.keeper = Keeper(second.log, disk, lambda _: b"", now_us=lambda: NOW_US)
    await second.keeper.restore(timeout_s=0.01)
    assert second.fails()
    assert caplog.records[-1].__dict__["reason"] == "the disk does not answer"
    disk.answers.set()
    token = second.token()
    await second.tell(7)
    assert not second.fails()
    await second.die()
    assert (await Run(path).begin()).after(token) == [7, missing(7)]


async def test_the_end_writes_what_is_left(path):
    run = await Run(path).begin()
    token = run.token()
    await run.tell(1, 2, is_written=False)
    await run.keeper.finish(timeout_s=5)
    assert (await Run(path).begin()).after(token) == [1, 2, missing(2)]


async def test_a_start_elsewhere_in_the_past_finds_what_was_restored(path):
    first = await Run(path).begin()
    await first.tell(1, 2, 3)
    await first.die()
    second = await Run(path).begin()
    with second.log.subscribe(start=Start(number=2)) as subscription:
        assert [_said(entry.item) for entry in subscription.take().entries][:2] == [2, 3]


async def test_a_time_before_the_restart_is_a_beginning_as_far_as_it_is_restored(path):
    first = await Run(path).begin()
    for number in (1, 2, 3):
        first.log.append(event(number, received_us=NOW_US + number * 1_000_000))
    await first.keeper.write()
    await first.die()
    now_us = NOW_US + 10_000_000
    second = await Run(path, now_us=now_us).begin()
    start = second.log.start_since(NOW_US + 2_000_000, now_us)
    with second.log.subscribe(start=start) as subscription:
        told = [_said(entry.item) for entry in subscription.take().entries]
    assert told == [2, 3, missing(3)]
    with pytest.raises(ResumeTokenExpired):
        second.log.start_since(NOW_US, now_us)


async def test_a_token_of_another_replica_finds_its_place_in_what_was_restored(path):
    key = TokenKey(b"shared")
    other, first = EventLog(key=key), await Run(path, key=key).begin()
    canary = Position(NodeId("east"), CoreUuid("core"), 1, 1)
    for log in (other, first.log):
        link_lost = Gap(reason=GapReason.NODE_CONNECTION_LOST, first_after=canary)
        log.append_gap(link_lost)
        log.node_linked(canary)
    tokens = {}
    for number in range(2, 6):
        other.append(event(number))
        tokens[number] = other.token_at(other.next_number)
    await first.tell(2, 3, 4)
    await first.die()
    second = await Run(path, key=key).begin()
    assert second.after(tokens[3]) == [4, missing(4)]
    assert second.after(tokens[4]) == [missing(4)]
