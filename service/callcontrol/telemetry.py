"""Logs: JSON for machines, lines for people, written by a thread of their own.

A logger's words are an event and its keys are facts: `log.info("node lost", extra={"node": ...})`.
Both formats carry the facts. A reader of the log that stalls must not stall the loop, so records
go through a bounded queue; what does not fit in is counted and told later. Nor may it hold up
the end of the process.
"""

import copy
import logging
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler, QueueListener
from typing import Final, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["auto", "json", "text"]

MAX_WAITING_RECORDS: Final = 10_000
GOODBYE_S: Final = 2.0
"""How long the end waits for a reader of the log."""
AUDIT: Final = "callcontrol.audit"
"""The logger that no level silences: what was asked to change something is always written."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest are facts."""
_COLORS: Final = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """What a record was given beside its words."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class LineFormatter(logging.Formatter):
    """`12:00:01.250 INFO  node lost  node=fs1 calls=3`, with colours where asked for.

    Control characters in facts are shown and not sent: a caller's name must not drive a terminal.
    """

    def __init__(self, *, colors: bool = False) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._colors = colors

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line; a traceback follows on lines of its own."""
        time = f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03}"
        level = f"{record.levelname:<7}"
        if self._colors:
            level = f"\x1b[{_COLORS.get(record.levelname, '0')}m{level}\x1b[0m"
        facts = " ".join(f"{name}={_plain(value)}" for name, value in facts_of(record).items())
        line = f"{time} {level} {_plain(record.getMessage(), quote=False)}  {facts}".rstrip()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return f"{line}\n{record.exc_text}" if record.exc_text else line


def json_formatter() -> JsonFormatter:
    """One JSON object a line: time, level, logger, message, then the facts."""
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger"},
    )


class _BoundedHandler(QueueHandler):
    """Hands records over without waiting, and counts those for which there was no room."""

    def __init__(self, waiting: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(waiting)
        self.waiting = waiting
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """A copy that the other thread may format; the traceback is kept apart from the words."""
        prepared = copy.copy(record)
        prepared.msg, prepared.args = record.getMessage(), None
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put the record in line, and before it a word about those that were lost."""
        try:
            if self._lost:
                facts = {"count": self._lost, "levelname": "WARNING", "levelno": logging.WARNING}
                lost = logging.makeLogRecord({"name": __name__, "msg": "log records lost", **facts})
                self.waiting.put_nowait(lost)
                self._lost = 0
            self.waiting.put_nowait(record)
        except queue.Full:
            self._lost += 1


class _Output(logging.Handler):
    """Writes records as lines. It has no lock, as the exit of the process would wait for it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def createLock(self) -> None:  # noqa: N802  the library's name
        """None: only the listener's thread writes."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write it, without the lock that some versions of the library take here."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write it now."""
        try:
            self._stream.write(self.format(record) + "\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001  as all handlers do: a log that is gone stops nobody
            self.handleError(record)


class _Listener(QueueListener):
    """Hands records to the output on a thread of its own, and ends within `GOODBYE_S`."""

    def __init__(self, waiting: queue.Queue[logging.LogRecord], output: logging.Handler) -> None:
        super().__init__(waiting, output)
        self._put = waiting.put

    def enqueue_sentinel(self) -> None:
        """Behind what is in line, also when there is no room yet."""
        self._put(None)  # type: ignore[arg-type]  # what the library ends with

    def stop_in_time(self) -> bool:
        """Write what is in line and stop; False if the reader stands still."""
        stopping = threading.Thread(target=self.stop, name="end of the log", daemon=True)
        stopping.start()
        stopping.join(GOODBYE_S)
        return not stopping.is_alive()


def _opened_anew(stream: TextIO) -> TextIO:
    """The same file through a stream of our own: a writer that is stuck in it keeps the lock of
    the stream, and without that of stderr the interpreter cannot end.
    """
    try:
        descriptor = os.dup(stream.fileno())
    except OSError:  # it is in memory
        return stream
    return os.fdopen(descriptor, "w", encoding=stream.encoding, errors=stream.errors)


@contextmanager
def logging_to(
    stream: TextIO, log_format: LogFormat, level: str, *, audit_always: bool = True
) -> Iterator[None]:
    """Log to `stream` until the end of the block, which waits a little for what is still in line.

    `level` is for all but the audit trail, and for that as well without `audit_always`.
    """
    on_terminal = stream.isatty()
    as_json = log_format == "json" or (log_format == "auto" and not on_terminal)
    own = _opened_anew(stream)
    output = _Output(own)
    output.setFormatter(json_formatter() if as_json else LineFormatter(colors=on_terminal))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(MAX_WAITING_RECORDS)
    listener = _Listener(waiting, output)
    listener.start()
    try:
        audit_level = logging.INFO if audit_always else logging.NOTSET
        with _handled_by(_BoundedHandler(waiting), level.upper(), audit_level):
            yield
    finally:
        if listener.stop_in_time() and own is not stream:
            own.close()


@contextmanager
def _handled_by(handler: logging.Handler, level: str, audit_level: int) -> Iterator[None]:
    root, audit = logging.getLogger(), logging.getLogger(AUDIT)
    former_levels, former_handlers = (root.level, audit.level), root.handlers[:]
    root.handlers[:] = [handler]
    root.setLevel(level)
    audit.setLevel(audit_level)
    try:
        yield
    finally:
        root.handlers[:] = former_handlers
        root.setLevel(former_levels[0])
        audit.setLevel(former_levels[1])


def _plain(value: object, *, quote: bool = True) -> str:
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
    return f'"{text}"' if quote and (" " in text or not text) else text
