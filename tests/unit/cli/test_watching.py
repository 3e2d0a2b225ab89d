"""What `callcontrol watch` prints of a stream and of the one that takes its place."""

import io

import grpc
import pytest
from rich.console import Console

from callcontrol.cli.watching import JsonPrinter, LinePrinter
from callcontrol.client.failure import Failure
from callcontrol.v1 import event_pb2
from callcontrol.v1 import event_service_pb2 as pb

STARTED = pb.EventsResponse(started=pb.SubscriptionStarted())
BROKE = Failure(grpc.StatusCode.UNAVAILABLE, "connection refused")

MIXED = pb.EventsResponse(
    events=[
        event_pb2.Event(name="CHANNEL_STATE"),
        event_pb2.Event(name="DTMF", dtmf_received=event_pb2.DtmfReceived(digit="5")),
    ]
)
"""An event that is no more than a name, and one that means something."""


def printed(*responses: pb.EventsResponse) -> str:
    """What is on the terminal after these streams of one message each."""
    screen = io.StringIO()
    printer = LinePrinter(Console(file=screen, width=200, highlight=False))
    for response in responses:
        printer.show(response)
        printer.broke(BROKE)
    return screen.getvalue()


def test_a_gap_is_a_line_that_says_why_and_how_much():
    gap = pb.Gap(reason=pb.Gap.REASON_SLOW_CONSUMER, node_id="fs1", count=3)
    assert "3 events missing: slow consumer" in printed(STARTED, pb.EventsResponse(gap=gap))


def test_a_stream_that_is_opened_again_is_no_gap_by_itself():
    assert "missing" not in printed(STARTED, STARTED)


def test_the_headings_come_with_the_first_line():
    assert "what it says" not in printed()
    assert printed(STARTED, STARTED).count("what it says") == 1


def test_json_is_not_disturbed_by_a_break(capsys: pytest.CaptureFixture[str]):
    printer = JsonPrinter()
    printer.show(STARTED)
    printer.broke(BROKE)
    out, err = capsys.readouterr()
    assert out == '{"started": {}}\n'
    assert err.startswith("stream broke, trying again: UNAVAILABLE")


@pytest.mark.parametrize(("everything", "count"), [(False, 1), (True, 2)])
def test_events_that_are_no_more_than_a_name_are_shown_and_counted_where_asked_for(
    everything: bool, count: int, capsys: pytest.CaptureFixture[str]
):
    screen = io.StringIO()
    lines = LinePrinter(Console(file=screen, width=200), everything=everything)
    assert lines.show(MIXED) == JsonPrinter(everything=everything).show(MIXED) == count
    for text in (screen.getvalue(), capsys.readouterr().out):
        assert ("CHANNEL_STATE" in text) is everything
        assert "dtmf" in text.lower()
