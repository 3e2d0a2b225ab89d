"""Logs: JSON for machines, lines for people, written by a thread of their own.

A logger's words are an event and its keys are facts: `log.info("node lost", extra={"node": ...})`.
Both formats carry the facts. A reader of the log that stalls must not stall the loop, so records
go through a bounded queue; what does not fit in is counted and told later.
"""

import copy
import logging
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler, QueueListener
from typing import Final, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["auto", "json", "text"]

MAX_WAITING_RECORDS: Final = 10_000
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


@contextmanager
def logging_to(stream: TextIO, log_format: LogFormat, level: str) -> Iterator[None]:
    """Log to `stream` until the end of the block, which waits for what is still in line.

    `level` is for all but the audit trail.
    """
    on_terminal = stream.isatty()
    as_json = log_format == "json" or (log_format == "auto" and not on_terminal)
    output = logging.StreamHandler(stream)
    output.setFormatter(json_formatter() if as_json else LineFormatter(colors=on_terminal))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(MAX_WAITING_RECORDS)
    listener = QueueListener(waiting, output)
    handler = _BoundedHandler(waiting)
    root, audit = logging.getLogger(), logging.getLogger(AUDIT)
    former_levels, former_handlers = (root.level, audit.level), root.handlers[:]
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    audit.setLevel(logging.INFO)
    listener.start()
    try:
        yield
    finally:
        root.handlers[:] = former_handlers
        root.setLevel(former_levels[0])
        audit.setLevel(former_levels[1])
        listener.stop()


def _plain(value: object, *, quote: bool = True) -> str:
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
    return f'"{text}"' if quote and (" " in text or not text) else text
