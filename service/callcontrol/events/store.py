"""The file that outlives the process: entries of the log in SQLite, bounded, and safe at a crash.

SQLite's write-ahead log makes a transaction whole or not at all, whenever the process is killed;
after a loss of power the last transactions may be missing, as nothing waits for the disk. What is
in the file is for `callcontrol.events.rows` to say.

Plain functions, for one thread: `callcontrol.events.keeper` calls them from its own.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from callcontrol.events import rows
from callcontrol.events.epochs import Epoch, Kept

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

_FORMAT: Final = 1
_LOCKED: Final = sqlite3.SQLITE_BUSY
_APPLICATION: Final = 0x6363_6576  # "ccev"
_MAGIC: Final = b"SQLite format 3\0"
_PAGE_BYTES: Final = 4096
_SMALLEST_PAGES: Final = 1024

_HEAD: Final = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
"""


class StoreFailed(Exception):
    """The file cannot be read or written, for a reason that is told."""


class StoreBroken(StoreFailed):
    """The file is not what was written into it."""


class EventStore:
    """One file. Every method but `close` raises StoreFailed; only `open` or `reopen` may follow."""

    def __init__(self, path: Path, max_bytes: int, *, lock_timeout_s: float = 15.0) -> None:
        """The file takes about `max_bytes` at most. Another process that has it is waited for so
        long, as a former one may still be saying goodbye.
        """
        self.path = path
        self._max_pages = max(_SMALLEST_PAGES, max_bytes // _PAGE_BYTES)
        self._lock_timeout_s = lock_timeout_s
        self._database: sqlite3.Connection | None = None
        self._is_broken = False
        """Known since it was written; it may look well enough when it is opened."""

    def open(self) -> Kept:
        """Open the file, or make one, and read it. A broken one is set aside, as `.broken`."""
        return self._open_with(_kept)

    def reopen(self) -> rows.Written:
        """The same for who wrote it: what it has is not read, which may be much."""
        return self._open_with(rows.written)

    def begin(self, epoch: Epoch) -> None:
        """A new run begins. What the file has from its first number on is forgotten."""
        with self._writing() as database:
            first = epoch.first_number
            database.execute("DELETE FROM runs WHERE first_number >= ?", (first,))
            former = [
                Epoch(each.log_id, min(each.first_number, first))
                for each in rows.read_epochs(database)
            ]
            rows.put_epochs(database, [*former, epoch])

    def begin_again(self, epochs: Sequence[Epoch], secret: bytes) -> None:
        """Forget everything but these runs, the present one among them."""
        with self._writing() as database:
            database.execute("DELETE FROM runs")
            database.execute("DELETE FROM secret")
            database.execute("INSERT INTO secret VALUES (?)", (secret,))
            rows.put_epochs(database, epochs)

    def write(self, first_number: int, count: int, entries: bytes, first_held: int) -> None:
        """Keep a run of entries, in place of one with the same begin; drop those that lie before
        entry `first_held`.
        """
        with self._writing() as database:
            database.execute("DELETE FROM runs WHERE first_number + count <= ?", (first_held,))
            database.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                (first_number, count, rows.checksum_of(first_number, count, entries), entries),
            )

    def close(self) -> None:
        """Close the file."""
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except sqlite3.Error:
                return  # it failed before, and was told then

    def _open_with(self, read: Callable[[sqlite3.Connection], T]) -> T:
        if not self._is_broken:
            try:
                return self._open(read)
            except StoreBroken as error:
                self._is_broken = True
                told = {"reason": str(error)}
                log.error("event store broken, another one is begun", extra=told)  # noqa: TRY400  told
        self._set_aside()
        self._is_broken = False
        return self._open(read)

    def _open(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with _Telling(self.path):
            self.close()
            # Events hold what was dialled and said: nobody else is to read them.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._require_database()
            database = sqlite3.connect(
                self.path, timeout=self._lock_timeout_s, isolation_level="IMMEDIATE"
            )
            self._database = database
            database.text_factory = bytes  # no text is ours, and no UTF-8 what is torn
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(f"PRAGMA max_page_count = {self._max_pages}")
            self._prepare(database)
            return read(database)

    def _require_database(self) -> None:
        """Leave alone what was named by mistake, say a file of passwords: it is not broken."""
        with self.path.open("rb") as file:
            head = file.read(len(_MAGIC))
        if head.strip(b"\0") and head != _MAGIC:
            raise StoreFailed(f"{self.path} is a file of something else")

    def _prepare(self, database: sqlite3.Connection) -> None:
        (written_by,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            database.executescript(f"BEGIN IMMEDIATE; {rows.TABLES} {_HEAD} COMMIT;")
        elif written_by != _APPLICATION:
            raise StoreFailed(f"{self.path} is a database of something else")
        elif version != _FORMAT:
            raise StoreBroken(f"{self.path} has format {version}, not {_FORMAT}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing."""
        if self._database is None:
            raise StoreFailed(f"{self.path} is not open")
        try:
            with _Telling(self.path), self._database:
                yield self._database
        except StoreBroken:
            self._is_broken = True
            raise

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
        if _is_of_content(error):
            raise StoreBroken(f"{self._path}: {error}") from error
        if isinstance(error, sqlite3.OperationalError) and _code_of(error) == _LOCKED:
            raise StoreFailed(f"{self._path}: another process has it") from error
        if isinstance(error, OSError):
            raise StoreFailed(f"{self._path}: {error.strerror}") from error
        if isinstance(error, sqlite3.Error):
            raise StoreFailed(f"{self._path}: {error}") from error


def _is_of_content(error: BaseException | None) -> bool:
    """Whether it comes of what is in the file, and not of the disk or of who else has it."""
    if isinstance(error, sqlite3.OperationalError):  # SQLITE_ERROR: it lacks a table or column
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    # sqlite3 reads the names of columns, and its own complaints about them, as UTF-8.
    is_of_content = isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError)
    return is_of_content and not isinstance(error, sqlite3.ProgrammingError)


def _kept(database: sqlite3.Connection) -> Kept:
    kept = rows.read(database)
    if not kept.secret:
        raise StoreBroken("there is no secret in it")
    return kept


def _code_of(error: sqlite3.Error) -> int:
    """The primary result code; 0 where the error is none of SQLite itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
