"""What a worker says is done, and nothing is kept of what it has answered."""

import pytest
from tests.support.fake_desk import FakeDesk

from callcontrol.ids import CallId, OfferId, WorkerId
from callcontrol.rpc.audit import Teller
from callcontrol.rpc.worker_words import WorkerWords
from callcontrol.v1 import call_handling_service_pb2 as pb


@pytest.mark.parametrize(
    "answer",
    [
        pb.HandleCallsRequest(reject=pb.RejectCall(offer_id="o-1")),
        pb.HandleCallsRequest(accept=pb.AcceptCall(offer_id="o-1")),
    ],
)
def test_an_offer_that_is_answered_is_not_kept(answer: pb.HandleCallsRequest) -> None:
    teller = Teller("anybody", "peer", "w-1", "ann")
    words = WorkerWords(FakeDesk(), WorkerId("w-1"), teller, lambda _call_id, _failure: None)
    offers = {OfferId("o-1"): CallId("a"), OfferId("o-2"): CallId("b")}
    words.hear(answer, offers)
    assert offers == {OfferId("o-2"): CallId("b")}
