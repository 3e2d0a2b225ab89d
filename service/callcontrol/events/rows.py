"""What is in the file of a log: runs of entries, the runs of the service, and a secret.

A row holds many entries, as one for each event would cost more than the event. SQLite knows not of
pages that are torn, and gives values of any type from them, so each row has a checksum over all
that is in it. What cannot be read is left out with all before it, so that what is restored has no
hole.
"""

import sqlite3
import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from callcontrol.events.epochs import MAX_EPOCHS, Epoch, Kept
from callcontrol.events.event import Event, Gap
from callcontrol.events.stored import unpack
from callcontrol.events.token import LOG_ID_BYTES

_SECRET_BYTES: Final = 32
_TWO_NUMBERS: Final = struct.Struct("<qq")

TABLES: Final = f"""
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY, log_id BLOB, first_number INTEGER, checksum INTEGER
);
CREATE TABLE runs (first_number INTEGER PRIMARY KEY, count INTEGER, checksum INTEGER, entries BLOB);
CREATE TABLE secret (value BLOB);
INSERT INTO secret VALUES (randomblob({_SECRET_BYTES}));
"""  # noqa: S608  a number of our own


class Written(NamedTuple):
    """How far a file has come."""

    epochs: Sequence[Epoch]
    next_number: int


def read(database: sqlite3.Connection) -> Kept:
    """The newest entries that can be read and have no hole; what may be wrong is left out.

    The secret is empty where it cannot be read.
    """
    secrets = [value for (value,) in database.execute("SELECT value FROM secret")]
    has_secret = len(secrets) == 1 and _is_bytes(secrets[0], _SECRET_BYTES)
    runs: list[list[Event | Gap]] = []
    next_number = first_number = 0
    for number, count, checksum, entries in database.execute(
        "SELECT first_number, count, checksum, entries FROM runs ORDER BY first_number DESC"
    ):
        items = _items(number, count, entries, checksum)
        if items is None:
            if runs:
                break
            continue  # the newest ones are lost, as if they had never been written
        if runs and number + count != first_number:
            break
        next_number = next_number or number + count
        first_number = number
        runs.append(items)
    epochs = read_epochs(database)
    if not runs:
        next_number = max((epoch.first_number for epoch in epochs), default=1)
    return Kept(
        next_number=next_number,
        items=[item for items in reversed(runs) for item in items],
        epochs=[Epoch(each.log_id, min(each.first_number, next_number)) for each in epochs],
        secret=secrets[0] if has_secret else b"",
    )


def written(database: sqlite3.Connection) -> Written:
    """How far it has come, without reading all of it."""
    epochs = read_epochs(database)
    (next_number,) = database.execute("SELECT max(first_number + count) FROM runs").fetchone()
    begin = epochs[-1].first_number if epochs else 1
    return Written(epochs, max(begin, next_number if isinstance(next_number, int) else 0))


def _items(
    number: int, count: object, entries: object, checksum: object
) -> list[Event | Gap] | None:
    if not isinstance(count, int) or not isinstance(entries, bytes):
        return None
    if checksum_of(number, count, entries) != checksum:
        return None
    try:
        items = list(unpack(entries))
    except ValueError:
        return None
    return items if len(items) == count else None


def read_epochs(database: sqlite3.Connection) -> list[Epoch]:
    """The newest ones that can be read, the oldest first."""
    epochs: list[Epoch] = []
    for log_id, number, checksum in database.execute(
        "SELECT log_id, first_number, checksum FROM epochs ORDER BY epoch DESC"
    ):
        if not isinstance(number, int) or not _is_bytes(log_id, LOG_ID_BYTES):
            break
        if checksum_of(number, 0, log_id) != checksum:
            break
        epochs.insert(0, Epoch(log_id, number))
    return epochs


def put_epochs(database: sqlite3.Connection, epochs: Sequence[Epoch]) -> None:
    """Have these and no others, of too many the newest."""
    database.execute("DELETE FROM epochs")
    database.executemany(
        "INSERT INTO epochs (log_id, first_number, checksum) VALUES (?, ?, ?)",
        [
            (each.log_id, each.first_number, checksum_of(each.first_number, 0, each.log_id))
            for each in epochs[-MAX_EPOCHS:]
        ],
    )


def checksum_of(number: int, count: int, value: bytes) -> int:
    """That of a row; it holds for its numbers too."""
    return zlib.crc32(value, zlib.crc32(_TWO_NUMBERS.pack(number, count)))


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
