"""The audit trail names raw commands, and none of what may be a secret in them."""

import pytest
from google.protobuf.message import Message

from callcontrol.rpc.audit_words import raw_command
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2


def api(command: str, arguments: str = "") -> nodes_pb2.ExecuteApiRequest:
    return nodes_pb2.ExecuteApiRequest(command=command, arguments=arguments)


def app(name: str, data: str = "") -> call_pb2.Application:
    return call_pb2.Application(name=name, data=data)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (api("status"), "status"),
        (api("show", "calls as json"), "show calls as json"),
        (api("sofia", "profile internal  restart"), "sofia profile * restart"),
        (api("conference", "room kick 4711 hunter2"), "conference * * * *"),
        (api("hunter2"), "*"),
        (api("a b\nc"), "*"),
        (calls_pb2.ExecuteApplicationRequest(application=app("set", "pin=1")), "application set"),
        (
            calls_pb2.TransferRequest(
                destination=call_pb2.Destination(
                    applications=call_pb2.Applications(items=[app("set", "a=1"), app("4711")])
                )
            ),
            "applications set *",
        ),
        (events_pb2.PublishEventRequest(subclass="shop::order", body=b"4711"), "event shop::order"),
        (events_pb2.PublishEventRequest(subclass="shop::4711"), "event *"),
        (calls_pb2.TransferRequest(), ""),
        (calls_pb2.HangupRequest(call_id="x"), ""),
    ],
)
def test_a_raw_command_is_named_without_its_secrets(request_: Message, told: str) -> None:
    assert raw_command(request_) == told
