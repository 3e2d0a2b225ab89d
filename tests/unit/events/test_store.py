"""The file in which entries of the log outlive the process."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.events.epochs import Epoch, FormerEpochs, Kept
from callcontrol.events.event import Event, Gap, GapReason
from callcontrol.events.store import EventStore, StoreBroken, StoreFailed
from callcontrol.events.stored import pack
from callcontrol.events.token import Token

ONE, TWO, THREE = b"1" * 8, b"2" * 8, b"3" * 8

TORN = b"SQLite format 3\0" + b"no more of it" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    store = EventStore(path, 1 << 20, lock_timeout_s=0)
    yield store
    store.close()


def gap(count: int) -> Gap:
    return Gap(reason=GapReason.SLOW_CONSUMER, count=count)


def write(store: EventStore, *numbers: int, first_held: int = 1) -> None:
    """Keep an entry for each number, in one run; it says its number."""
    packed = b"".join(pack(gap(number), b"") for number in numbers)
    store.write(numbers[0], len(numbers), packed, first_held)


def counts(kept: Kept) -> list[int]:
    return [item.count for item in kept.items if isinstance(item, Gap)]


def begun(store: EventStore) -> None:
    store.open()
    store.begin(Epoch(ONE, 1))


def reopened(store: EventStore) -> Kept:
    """What the next process finds."""
    store.close()
    return store.open()


def test_a_new_file_is_empty_and_has_a_secret_of_its_own(store, tmp_path):
    kept, other = store.open(), EventStore(tmp_path / "other.db", 1 << 20).open()
    assert (kept.next_number, kept.items, kept.epochs) == (1, [], [])
    assert len(kept.secret) == 32
    assert kept.secret != other.secret


def test_nobody_else_may_read_it(store, path):
    begun(store)
    write(store, 1)
    files = list(path.parent.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_was_written_is_there_in_order(store):
    begun(store)
    write(store, 1, 2, 3)
    write(store, 4, 5)
    kept = reopened(store)
    assert (counts(kept), kept.next_number) == ([1, 2, 3, 4, 5], 6)
    assert kept.epochs == [Epoch(ONE, 1)]


def test_the_secret_stays(store):
    secret = store.open().secret
    assert reopened(store).secret == secret


def test_what_the_log_has_dropped_is_dropped_here_run_by_run(store):
    begun(store)
    write(store, 1, 2, 3)
    write(store, 4, 5)
    write(store, 6, first_held=4)
    assert counts(reopened(store)) == [4, 5, 6]
    write(store, 7, first_held=5)
    assert counts(reopened(store)) == [4, 5, 6, 7]


def test_a_run_that_is_written_again_takes_the_place_of_the_first(store):
    begun(store)
    write(store, 1, 2)
    write(store, 1, 2, 3)
    assert counts(reopened(store)) == [1, 2, 3]


def test_what_lies_before_a_hole_is_left_out(store):
    begun(store)
    write(store, 1, 2, 3)
    write(store, 5, 6)
    assert counts(reopened(store)) == [5, 6]


def change(path: Path, statement: str) -> None:
    """Do what no store would have done."""
    with sqlite3.connect(path) as database:
        database.executescript(statement)
    database.close()


def damage(path: Path, first_number: int) -> None:
    change(path, f"UPDATE runs SET checksum = checksum + 1 WHERE first_number = {first_number:d}")  # noqa: S608  a number


def test_what_cannot_be_read_is_left_out_with_all_before_it(store, path):
    begun(store)
    for number in (1, 2, 3, 4):
        write(store, number)
    store.close()
    damage(path, 2)
    assert counts(store.open()) == [3, 4]


@pytest.mark.parametrize(
    "torn",
    [
        "entries = NULL",
        "entries = 7",
        "entries = CAST(x'ff' AS TEXT)",
        "count = NULL",
        "count = 'x'",
        "count = count + 1",
        "checksum = NULL",
        "first_number = -5",
    ],
)
def test_a_row_of_which_anything_is_torn_is_left_out(store, path, torn):
    begun(store)
    for number in (1, 2, 3):
        write(store, number)
    store.close()
    change(path, f"UPDATE runs SET {torn} WHERE first_number = 2")  # noqa: S608  as above
    assert counts(store.open()) == [3]


@pytest.mark.parametrize("torn", ["first_number = 2", "log_id = 'x'", "checksum = NULL"])
def test_a_run_that_cannot_be_read_is_not_known_nor_are_those_before_it(store, path, torn):
    begun(store)
    store.begin(Epoch(TWO, 1))
    store.begin(Epoch(THREE, 1))
    store.close()
    change(path, f"UPDATE epochs SET {torn} WHERE epoch = 2")  # noqa: S608  as above
    assert store.open().epochs == [Epoch(THREE, 1)]


def test_where_the_newest_cannot_be_read_the_next_run_takes_up_before_it(store, path):
    begun(store)
    for number in (1, 2, 3):
        write(store, number)
    store.close()
    damage(path, 3)
    kept = store.open()
    assert (counts(kept), kept.next_number) == ([1, 2], 3)
    store.begin(Epoch(TWO, kept.next_number))
    write(store, 3, 4)
    assert counts(reopened(store)) == [1, 2, 3, 4]


def test_runs_are_known_in_order_and_lead_old_tokens_to_their_places(store):
    begun(store)
    write(store, 1, 2, 3)
    store.begin(Epoch(TWO, 4))
    store.begin(Epoch(THREE, 4))
    write(store, 4, 5)
    kept = reopened(store)
    former = FormerEpochs(kept.epochs, kept.next_number)
    places = {
        (log_id, number): former.place_of(Token(log_id, number))
        for log_id in (ONE, TWO, THREE)
        for number in (2, 4, 6, 9)
    }
    assert [places[ONE, number] for number in (2, 4, 6, 9)] == [2, 4, 4, 4]
    assert [places[TWO, number] for number in (4, 6, 9)] == [4, 4, 4]
    assert [places[THREE, number] for number in (4, 6, 9)] == [4, 6, 6]
    assert former.place_of(Token(b"x" * 8, 1)) is None


def test_to_begin_again_forgets_everything_but_the_runs(store):
    begun(store)
    write(store, 1, 2)
    epochs = [Epoch(ONE, 1), Epoch(TWO, 3)]
    store.begin_again(epochs, b"s" * 32)
    write(store, 9)
    kept = reopened(store)
    assert (counts(kept), kept.epochs, kept.secret) == ([9], epochs, b"s" * 32)


def test_a_file_that_is_torn_is_set_aside(store, path):
    path.write_bytes(TORN)
    assert store.open().items == []
    begun(store)
    write(store, 1)
    assert counts(reopened(store)) == [1]
    assert path.with_name("events.db.broken").read_bytes() == TORN


def test_a_damaged_database_is_set_aside(store, path):
    begun(store)
    for number in range(1, 400):
        write(store, number)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    kept = store.open()
    assert counts(kept) == []
    assert path.with_name("events.db.broken").exists()


def test_what_a_later_version_wrote_is_set_aside(store, path):
    begun(store)
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    assert store.open().epochs == []


@pytest.mark.parametrize(
    "torn",
    [
        "DELETE FROM secret",
        "UPDATE secret SET value = ''",
        "DROP TABLE runs",
        "ALTER TABLE runs RENAME COLUMN count TO amount",
    ],
)
def test_a_file_that_lacks_something_is_set_aside(store, path, torn):
    begun(store)
    write(store, 1)
    store.close()
    change(path, torn)
    kept = store.open()
    assert (kept.items, len(kept.secret)) == ([], 32)
    assert path.with_name("events.db.broken").exists()


def test_what_shows_only_when_it_is_written_to_be_broken_is_set_aside_then(store, path):
    begun(store)
    store.close()
    change(path, "CREATE TRIGGER torn BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'x'); END")
    store.open()
    with pytest.raises(StoreBroken):
        write(store, 1)
    assert store.reopen() == ([], 1)
    write(store, 1)
    assert counts(reopened(store)) == [1]


def test_how_far_a_file_has_come_is_known_without_reading_it(store):
    begun(store)
    store.begin(Epoch(TWO, 5))
    assert store.reopen() == ([Epoch(ONE, 1), Epoch(TWO, 5)], 5)
    write(store, 5, 6, 7)
    assert store.reopen().next_number == 8


def test_the_database_of_something_else_is_left_alone(store, path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE others (x)")
    database.close()
    with pytest.raises(StoreFailed, match="something else"):
        store.open()


def test_a_file_named_by_mistake_is_left_alone(store, path):
    path.write_bytes(b"secret\n")
    with pytest.raises(StoreFailed, match="something else"):
        store.open()
    assert path.read_bytes() == b"secret\n"


def test_a_file_that_another_process_has_is_left_alone(store, path):
    begun(store)
    with pytest.raises(StoreFailed, match="another process has it"):
        EventStore(path, 1 << 20, lock_timeout_s=0).open()


def test_a_place_where_nothing_can_be_written_is_told(tmp_path):
    with pytest.raises(StoreFailed, match=r"events\.db: No such file or directory$"):
        EventStore(tmp_path / "no-such-directory" / "events.db", 1 << 20).open()


def test_a_full_file_is_told_and_keeps_what_it_has(path):
    store = EventStore(path, 4 << 20, lock_timeout_s=0)
    begun(store)
    write(store, 1)
    with pytest.raises(StoreFailed, match="full"):
        store.write(2, 1, b"x" * (8 << 20), 1)
    write(store, 2)
    assert counts(reopened(store)) == [1, 2]
    store.close()


def test_a_full_file_takes_more_once_the_log_has_dropped_enough(path):
    store = EventStore(path, 4 << 20, lock_timeout_s=0)
    begun(store)
    store.write(1, 1, b"x" * (3 << 20), 1)
    store.write(2, 1, b"x" * (3 << 20), 2)
    store.write(3, 1, b"x" * (3 << 20), 3)
    assert path.stat().st_size <= 4 << 20
    store.close()


def test_what_an_event_tells_comes_back_with_it(store, event):
    begun(store)
    written = event(call="a", peers=("b",))
    store.write(1, 1, pack(written, b"told"), 1)
    (read,) = reopened(store).items
    assert isinstance(read, Event)
    assert read.payload == (b"told",)
    assert read._replace(payload=None) == written


def test_a_file_that_is_set_aside_is_told_of(store, path, caplog):
    path.write_bytes(TORN)
    store.open()
    assert "event store broken, another one is begun" in caplog.text
