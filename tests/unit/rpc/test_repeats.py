"""What a repeated Originate has in common with the first, whoever serves it."""

from callcontrol.rpc.repeats import call_id_of, fingerprint_of
from callcontrol.v1 import call_control_service_pb2 as pb


def test_the_id_follows_from_the_caller_and_the_request_id():
    assert call_id_of("me", "r-1") == call_id_of("me", "r-1")
    assert call_id_of("me", "r-1") == "08996eed-659a-5825-b2fc-be1a3b76e6a2"
    assert len({call_id_of("me", "r-1"), call_id_of("me", "r-2"), call_id_of("you", "r-1")}) == 3
    assert call_id_of("a", "b") != call_id_of("a\0b", "")


def test_the_fingerprint_is_of_all_but_the_request_id():
    request = pb.OriginateRequest(request_id="r-1", node_id="a", labels={"b": "1", "a": "2"})
    same = pb.OriginateRequest(request_id="r-2", node_id="a", labels={"a": "2", "b": "1"})
    other = pb.OriginateRequest(request_id="r-1", node_id="b", labels={"b": "1", "a": "2"})
    assert fingerprint_of(request) == fingerprint_of(same) != fingerprint_of(other)
    assert len(fingerprint_of(request)) == 32
    assert request.request_id == "r-1"
