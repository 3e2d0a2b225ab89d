"""Domain values as messages: every member of every enum has its counterpart."""

from typing import Any

from callcontrol.calls.call import Call, CallState, Direction, HangupSide
from callcontrol.calls.outcome import Disposition, Outcome
from callcontrol.freeswitch.fields import Load
from callcontrol.freeswitch.status import ConnectionStatus, NodeCounters, NodeState, NodeStatus
from callcontrol.ids import CallId, CoreUuid, NodeId
from callcontrol.rpc import convert
from callcontrol.v1 import call_control_service_pb2, call_pb2, common_pb2, node_service_pb2

NODE = NodeId("east")


def status(**facts: Any) -> NodeStatus:  # Any: fields of NodeStatus
    defaults: dict[str, Any] = {
        "node_id": NODE,
        "state": NodeState.ACTIVE,
        "ready": True,
        "draining": False,
        "max_calls": 500,
        "call_limit": 500,
        "core_uuid": CoreUuid("core-1"),
        "version": "1.10.12",
        "hostname": "fs.example.org",
        "started_us": 1_800_000_000_000_000,
        "connected_us": 1_800_000_100_000_000,
        "load": Load(
            session_count=3,
            max_sessions=1000,
            sessions_per_second=2,
            idle_cpu_percent=97.5,
        ),
        "command_latency_s": 0.0015,
        "waiting_commands": 0,
        "jobs": 0,
        "connections": (
            ConnectionStatus(purpose="events", connected=True, received_events=5),
            ConnectionStatus(purpose="commands", connected=False, pending_commands=1),
        ),
        "last_error": "connection refused",
        "counters": NodeCounters(),
    }
    return NodeStatus(**(defaults | facts))


def test_every_state_of_a_call_has_its_name():
    for state in CallState:
        message = convert.call(Call(call_id=CallId("c"), node_id=NODE, state=state))
        assert call_pb2.Call.State.Name(message.state) == f"STATE_{state.name}"


def test_every_direction_disposition_and_side_has_its_name():
    for direction in Direction:
        message = convert.call(Call(call_id=CallId("c"), node_id=NODE, direction=direction))
        assert call_pb2.Call.Direction.Name(message.direction) == f"DIRECTION_{direction.name}"
    for outcome in Disposition:
        name = call_control_service_pb2.Disposition.Name(convert.disposition(outcome))
        assert name == f"DISPOSITION_{outcome.name}"
    assert len(HangupSide) == len(common_pb2.HangupSide.values()) - 1


def test_what_has_not_happened_is_unset():
    message = convert.call(Call(call_id=CallId("c"), node_id=NODE))
    set_fields = {field.name for field, _ in message.ListFields()}
    assert set_fields == {"call_id", "node_id", "state"}


def test_variables_are_only_told_where_they_are_asked_for():
    call = Call(call_id=CallId("c"), node_id=NODE, variables={"a": "b"})
    assert not convert.call(call).variables
    assert convert.call(call, with_variables=True).variables == {"a": "b"}


def test_a_node_tells_all_that_is_known_of_it():
    message = convert.node(status(), call_count=3)
    assert {field.name for field, _ in message.ListFields()} == {
        field.name for field in node_service_pb2.Node.DESCRIPTOR.fields
    }
    assert message.command_latency.ToMicroseconds() == 1500
    purposes = node_service_pb2.NodeConnection.Purpose
    assert [purposes.Name(each.purpose) for each in message.connections] == [
        "PURPOSE_EVENTS",
        "PURPOSE_COMMANDS",
    ]


def test_every_state_of_a_node_has_its_name():
    for state in NodeState:
        message = convert.node(status(state=state, core_uuid=None), call_count=0)
        assert node_service_pb2.Node.State.Name(message.state) == f"STATE_{state.name}"


def test_a_command_is_accepted_or_confirmed_and_never_neither():
    assert convert.command_status(Outcome(confirmed=True)).confirmation == (
        common_pb2.CONFIRMATION_CONFIRMED
    )
    assert convert.command_status(Outcome(confirmed=False)).confirmation == (
        common_pb2.CONFIRMATION_ACCEPTED
    )


def test_a_length_of_time_is_never_negative():
    assert convert.duration(-1).ToMicroseconds() == 0
    assert convert.duration(1_500_001).ToMicroseconds() == 1_500_001
