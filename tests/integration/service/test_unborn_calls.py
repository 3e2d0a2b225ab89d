"""Calls that a switch accepts and never makes: their subscribers hear of it all the same."""

import uuid

import pytest
from tests.support.stage import LIMIT_S, Stage, listening

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2


@pytest.mark.parametrize("call_id", ["", str(uuid.uuid4())], ids=["our id", "a client's id"])
async def test_a_call_that_the_switch_has_no_room_for_ends(stage: Stage, call_id: str):
    stage.simulator.switch.is_paused = True  # answered with a cause that says nothing
    request = pb.OriginateRequest(
        call_id=call_id,
        endpoints=[
            call_pb2.Endpoint(
                sip=call_pb2.SipAddress(profile="internal", address="ring@example.org")
            )
        ],
        destination=call_pb2.Destination(park=call_pb2.Park()),
    )
    async with listening(stage) as audience:
        placed = await stage.client.calls.Originate(request, timeout=LIMIT_S)
        ended = await audience.ended(placed.call.call_id)
    assert ended.call_ended.cause.name == "DESTINATION_OUT_OF_ORDER"
    assert ended.synthetic == bool(call_id)  # only another's call could have a client's id
    read = await stage.client.calls.GetCall(
        pb.GetCallRequest(call_id=placed.call.call_id), timeout=LIMIT_S
    )
    assert read.call.state == call_pb2.Call.STATE_ENDED
