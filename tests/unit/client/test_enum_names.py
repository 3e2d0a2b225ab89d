"""What a newer server says is named as far as it is known."""

from callcontrol.client.call_outcomes import Entry, NotBridged, bridge_of, entry_of
from callcontrol.client.enum_names import name_of
from callcontrol.client.refusal import error_of
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1.call_handling_service_pb2 import ReleaseRefused

NEWER = 999


def test_a_value_is_named_without_its_prefix():
    assert name_of(pb.Disposition, pb.DISPOSITION_BUSY, "DISPOSITION_") == "BUSY"


def test_a_value_that_is_not_known_is_its_number():
    dialled = pb.DialAndBridgeResponse.FromString(
        pb.DialAndBridgeResponse(disposition=NEWER).SerializeToString()  # type: ignore[arg-type]  # no member
    )
    collected = pb.CollectDigitsResponse(result=NEWER)  # type: ignore[arg-type]  # no member
    refused = ReleaseRefused(code=NEWER, reason=NEWER)  # type: ignore[arg-type]  # no member
    assert name_of(pb.Disposition, NEWER, "DISPOSITION_") == "999"
    assert bridge_of(dialled) == NotBridged("999", "")
    assert entry_of(collected) == Entry("", "999")
    assert error_of(refused).code().name == "UNKNOWN"
