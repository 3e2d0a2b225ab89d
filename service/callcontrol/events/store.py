"""The file that outlives the process: entries of the log in SQLite, bounded, and safe at a crash.

One row holds a run of entries, as a row for each event would cost more than the event. SQLite's
write-ahead log makes a transaction whole or not at all, whenever the process is killed; after a
loss of power the last transactions may be missing, as nothing waits for the disk. Each row has a
checksum. What cannot be read is left out with all before it, so that what is restored has no hole.

Plain functions, for one thread: `callcontrol.events.keeper` calls them from its own.
"""

import os
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from callcontrol.events.epochs import MAX_EPOCHS, Epoch, Kept
from callcontrol.events.event import Event, Gap
from callcontrol.events.stored import unpack

_FORMAT: Final = 1
_APPLICATION: Final = 0x6363_6576  # "ccev"
_PAGE_BYTES: Final = 4096
_SMALLEST_PAGES: Final = 1024

_TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, log_id BLOB, first_number INTEGER);
CREATE TABLE runs (first_number INTEGER PRIMARY KEY, count INTEGER, checksum INTEGER, entries BLOB);
CREATE TABLE secret (value BLOB);
INSERT INTO secret VALUES (randomblob(32));
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
COMMIT;
"""  # noqa: S608  numbers of our own


class StoreFailed(Exception):
    """The file cannot be read or written, for a reason that is told."""


class StoreBroken(StoreFailed):
    """The file is not what was written into it."""


class EventStore:
    """One file. Every method but `close` raises StoreFailed, after which only `open` may follow."""

    def __init__(self, path: Path, max_bytes: int, *, lock_timeout_s: float = 15.0) -> None:
        """The file takes about `max_bytes` at most. Another process that has it is waited for so
        long, as a former one may still be saying goodbye.
        """
        self.path = path
        self._max_pages = max(_SMALLEST_PAGES, max_bytes // _PAGE_BYTES)
        self._lock_timeout_s = lock_timeout_s
        self._database: sqlite3.Connection | None = None

    def open(self) -> Kept:
        """Open the file, or make one, and read it. A broken one is set aside, as `.broken`."""
        try:
            return self._open()
        except StoreBroken:
            self._set_aside()
            return self._open()

    def begin(self, epoch: Epoch) -> None:
        """A new run begins. What the file has from its first number on is forgotten."""
        with _Telling(self.path):
            database = self._opened()
            with database:
                first = epoch.first_number
                database.execute("DELETE FROM runs WHERE first_number >= ?", (first,))
                database.execute(
                    "UPDATE epochs SET first_number = ? WHERE first_number > ?", (first, first)
                )
                _insert_epochs(database, [epoch])
                database.execute(
                    "DELETE FROM epochs WHERE epoch <= (SELECT max(epoch) FROM epochs) - ?",
                    (MAX_EPOCHS,),
                )

    def begin_again(self, epochs: Sequence[Epoch], secret: bytes) -> None:
        """Forget everything but these runs, the present one among them."""
        with _Telling(self.path):
            database = self._opened()
            with database:
                for table in ("runs", "epochs", "secret"):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608  names of our own
                _insert_epochs(database, epochs)
                database.execute("INSERT INTO secret VALUES (?)", (secret,))

    def write(self, first_number: int, count: int, entries: bytes, first_held: int) -> None:
        """Keep a run of entries, in place of one with the same begin; drop those that lie before
        entry `first_held`.
        """
        with _Telling(self.path):
            database = self._opened()
            with database:
                database.execute("DELETE FROM runs WHERE first_number + count <= ?", (first_held,))
                database.execute(
                    "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                    (first_number, count, zlib.crc32(entries), entries),
                )

    def close(self) -> None:
        """Close the file."""
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except sqlite3.Error:
                return  # it failed before, and was told then

    def _open(self) -> Kept:
        with _Telling(self.path):
            self.close()
            # Events hold what was dialled and said: nobody else is to read them.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            database = sqlite3.connect(
                self.path, timeout=self._lock_timeout_s, isolation_level="IMMEDIATE"
            )
            self._database = database
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(f"PRAGMA max_page_count = {self._max_pages}")
            self._prepare(database)
            return _read(database)

    def _prepare(self, database: sqlite3.Connection) -> None:
        (written_by,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            database.executescript(_TABLES)
        elif written_by != _APPLICATION:
            raise StoreFailed(f"{self.path} is a database of something else")
        elif version != _FORMAT:
            raise StoreBroken(f"{self.path} has format {version}, not {_FORMAT}")

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreFailed(f"{self.path} is not open")
        return self._database

    def _set_aside(self) -> None:
        """Keep what is broken for whoever wants to look; an earlier one is overwritten."""
        self.close()
        with _Telling(self.path):
            self.path.replace(_beside(self.path, ".broken"))
            for ending in ("-wal", "-shm", "-journal"):
                _beside(self.path, ending).unlink(missing_ok=True)


class _Telling:
    """Turns what SQLite and the system say into StoreFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.ProgrammingError
        ):
            raise StoreBroken(f"{self._path}: {error}") from error
        if isinstance(error, sqlite3.Error | OSError):
            raise StoreFailed(f"{self._path}: {error}") from error


def _read(database: sqlite3.Connection) -> Kept:
    """The newest entries that can be read and have no hole; what may be wrong is left out."""
    secret = database.execute("SELECT value FROM secret").fetchone()
    epochs = [
        Epoch(log_id, first_number)
        for log_id, first_number in database.execute(
            "SELECT log_id, first_number FROM epochs ORDER BY epoch"
        )
    ]
    runs: list[list[Event | Gap]] = []
    next_number = first_number = 0
    for number, count, checksum, entries in database.execute(
        "SELECT * FROM runs ORDER BY first_number DESC"
    ):
        items = _items(entries, count, checksum)
        if items is None:
            if runs:
                break
            continue  # the newest ones are lost, as if they had never been written
        if runs and number + count != first_number:
            break
        next_number = next_number or number + count
        first_number = number
        runs.append(items)
    if not runs:
        next_number = max((epoch.first_number for epoch in epochs), default=1)
    return Kept(
        next_number=next_number,
        items=[item for items in reversed(runs) for item in items],
        epochs=[Epoch(each.log_id, min(each.first_number, next_number)) for each in epochs],
        secret=secret[0] if secret else b"",
    )


def _items(entries: bytes, count: int, checksum: int) -> list[Event | Gap] | None:
    if zlib.crc32(entries) != checksum:
        return None
    try:
        items = list(unpack(entries))
    except ValueError:
        return None
    return items if len(items) == count else None


def _insert_epochs(database: sqlite3.Connection, epochs: Sequence[Epoch]) -> None:
    database.executemany(
        "INSERT INTO epochs (log_id, first_number) VALUES (?, ?)",
        [(epoch.log_id, epoch.first_number) for epoch in epochs],
    )


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
