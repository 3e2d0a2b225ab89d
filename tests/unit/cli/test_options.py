"""Words of the command line become requests."""

import pytest
import typer

from callcontrol.cli.options import read_destination, read_endpoint, read_matches, read_pairs
from callcontrol.v1.common_pb2 import StringMatch


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        ("user/1000@example.org", "user", {"id": "1000", "domain": "example.org"}),
        ("user/1000", "user", {"id": "1000", "domain": ""}),
        ("gateway/carrier/+4930123", "gateway", {"gateway": "carrier", "number": "+4930123"}),
        ("sofia/internal/a@b:5060", "sip", {"profile": "internal", "address": "a@b:5060"}),
        (
            "loopback/answer/callcontrol",
            "loopback",
            {"extension": "answer", "context": "callcontrol"},
        ),
        ("loopback/answer", "loopback", {"extension": "answer", "context": ""}),
    ],
)
def test_an_endpoint_is_read(text: str, kind: str, fields: dict[str, str]):
    endpoint = read_endpoint(text)
    assert endpoint.WhichOneof("target") == kind
    target = getattr(endpoint, kind)
    assert {name: getattr(target, name) for name in fields} == fields


@pytest.mark.parametrize("text", ["", "1000", "user/", "gateway/x", "sofia/internal", "error/busy"])
def test_what_is_no_endpoint_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="is not one of"):
        read_endpoint(text)


def test_a_destination_is_read():
    assert read_destination("park").HasField("park")
    assert read_destination("conference/room").conference.name == "room"
    assert read_destination("worker/ivr").worker.name == "ivr"
    place = read_destination("1234@office").extension
    assert (place.extension, place.context) == ("1234", "office")


@pytest.mark.parametrize("text", ["", "@office", "queue/x", "conference/", "worker/"])
def test_what_is_no_destination_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="is not one of"):
        read_destination(text)


def test_pairs_are_read_and_a_value_may_hold_the_sign():
    assert read_pairs(["a=1", "b=x=y", "c="], "--label") == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(typer.BadParameter) as refused:
        read_pairs(["nothing"], "--label")
    assert refused.value.param_hint == "--label"


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("sales", StringMatch(exact="sales")),
        ("", StringMatch(exact="")),
        ("sofia/*", StringMatch(prefix="sofia/")),
        ("*-b", StringMatch(suffix="-b")),
        ("*back*", StringMatch(contains="back")),
        ("*", StringMatch(present=True)),
        ("**", StringMatch(present=True)),
        ("a*b", StringMatch(exact="a*b")),
        ("x=y", StringMatch(exact="x=y")),
    ],
)
def test_a_star_at_an_end_of_what_is_looked_for_is_anything(value: str, match: StringMatch):
    assert read_matches([f"Name={value}"], "--header") == {"Name": match}
