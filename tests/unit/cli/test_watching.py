"""What `callcontrol watch` prints of a stream and of the one that takes its place."""

import io

import grpc
import pytest
from rich.console import Console

from callcontrol.cli.watching import JsonPrinter, LinePrinter
from callcontrol.client.failure import Failure
from callcontrol.v1 import event_service_pb2 as pb

STARTED = pb.EventsResponse(started=pb.SubscriptionStarted())
BROKE = Failure(grpc.StatusCode.UNAVAILABLE, "connection refused")


def printed(*responses: pb.EventsResponse) -> str:
    """What is on the terminal after these streams of one message each."""
    screen = io.StringIO()
    printer = LinePrinter(Console(file=screen, width=200, highlight=False))
    for response in responses:
        printer.show(response)
        printer.broke(BROKE)
    return screen.getvalue()


def test_a_stream_that_is_opened_again_says_since_when_events_may_be_missing():
    assert "events may be missing since " in printed(STARTED, STARTED)


def test_the_first_stream_misses_nothing():
    assert "missing" not in printed(STARTED)


def test_json_is_not_disturbed_by_it(capsys: pytest.CaptureFixture[str]):
    printer = JsonPrinter()
    printer.show(STARTED)
    printer.show(STARTED)
    out, err = capsys.readouterr()
    assert "missing" not in out
    assert err.startswith("events may be missing since ")
