"""Logs carry their facts, on a terminal and to machines."""

import io
import json
import logging
import queue
import threading

import pytest

from callcontrol import telemetry
from callcontrol.rpc import audit
from callcontrol.telemetry import LineFormatter, LogFormat, _BoundedHandler, logging_to

log = logging.getLogger("callcontrol.test")


def written(log_format: LogFormat, **facts: object) -> str:
    stream = io.StringIO()
    with logging_to(stream, log_format, "info"):
        log.info("node lost", extra=facts)
        log.debug("too small to tell")
    return stream.getvalue()


def test_json_has_time_level_logger_message_and_facts():
    record = json.loads(written("json", node="fs1", calls=3))
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "INFO",
        "logger": "callcontrol.test",
        "message": "node lost",
        "node": "fs1",
        "calls": 3,
    }


def test_what_is_no_terminal_gets_json():
    assert json.loads(written("auto"))["message"] == "node lost"


def test_a_line_has_the_facts_after_the_words():
    line = written("text", node="fs1", reason="went away")
    assert line.endswith('INFO    node lost  node=fs1 reason="went away"\n')


def test_a_fact_cannot_drive_the_terminal():
    line = written("text", caller="\x1b[2Jx\nINFO forged")
    assert "\x1b" not in line
    assert line.count("\n") == 1


def test_a_traceback_survives_in_both_formats():
    formats: tuple[LogFormat, ...] = ("json", "text")
    for log_format in formats:
        stream = io.StringIO()
        with logging_to(stream, log_format, "info"):
            try:
                raise ValueError("broken")
            except ValueError:
                log.exception("failed")
        assert "ValueError: broken" in stream.getvalue()


@pytest.mark.parametrize("level", ["warning", "error"])
def test_no_level_silences_the_audit_trail(level: str):
    stream = io.StringIO()
    with logging_to(stream, "json", level):
        log.info("too small to tell")
        audit.log.info("rpc", extra={"call_id": "c-1"})
    assert json.loads(stream.getvalue())["call_id"] == "c-1"


def test_logging_is_as_before_afterwards():
    loggers = logging.getLogger(), audit.log
    before = [(each.handlers[:], each.level) for each in loggers]
    written("json")
    assert [(each.handlers[:], each.level) for each in loggers] == before


def test_records_that_found_no_room_are_counted_and_told():
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(1)
    handler = _BoundedHandler(waiting)
    for _ in range(3):
        handler.emit(logging.makeLogRecord({"msg": "one"}))
    assert waiting.get().getMessage() == "one"
    waiting.maxsize = 2
    handler.emit(logging.makeLogRecord({"msg": "two"}))
    told = waiting.get()
    assert (told.getMessage(), vars(told)["count"]) == ("log records lost", 2)
    assert waiting.get().getMessage() == "two"


class StalledReader(io.StringIO):
    """Takes the first line only once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.stalled, self.let_go = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.stalled.set()
        self.let_go.wait()
        return super().write(text)


@pytest.mark.parametrize("records", [1, telemetry.MAX_WAITING_RECORDS + 2])
def test_the_end_does_not_wait_for_a_reader_that_stands_still(
    monkeypatch: pytest.MonkeyPatch, records: int
):
    monkeypatch.setattr(telemetry, "GOODBYE_S", 0.05)
    reader = StalledReader()
    with logging_to(reader, "text", "info"):
        log.info("first")
        reader.stalled.wait()
        for _ in range(records):
            log.info("next")
    assert reader.getvalue() == ""
    reader.let_go.set()


def test_colours_are_for_terminals_only():
    record = logging.makeLogRecord({"msg": "x", "levelname": "ERROR"})
    assert "\x1b[31m" in LineFormatter(colors=True).format(record)
    assert "\x1b" not in LineFormatter().format(record)
