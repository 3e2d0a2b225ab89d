"""How raw commands are named in the audit trail: by words that cannot be secrets.

Of the arguments only words are shown that are the switch's own; all else, which may be a number, a
pin, a password or text, is a star.
"""

from typing import Final

from google.protobuf.message import Message

from callcontrol.calls.encoding.policy import name_problem
from callcontrol.calls.encoding.published_event import subclass_problem
from callcontrol.v1 import (
    call_control_service_pb2,
    call_pb2,
    event_service_pb2,
    node_service_pb2,
)

_MAX_WORDS: Final = 16
_OWN_WORDS: Final = frozenset(
    """
    all api as asap bgapi calls cancel channels codec concise count delete detailed_calls
    bridged_calls distinct_channels elegant endpoint expand eval exists flush_inbound_reg
    gateway global_getvar global_setvar info insert interfaces json killgw list limits loglevel
    max_sessions modules none off on originate pause pause_check profile profiles ready_check reg
    registrations reload reloadacl reloadxml rescan restart resume sched_api select shutdown
    shutdown_check siptrace sofia sps start status stop tasks timer total trace uptime uuid_dump
    uuid_exists uuid_kill version xml xml_wrap xmlstatus
    """.split()  # noqa: SIM905  a list of forty strings reads worse
)


def raw_command(request: Message) -> str:
    """What a request asks to run as it is; empty where it asks for nothing of the kind."""
    match request:
        case node_service_pb2.ExecuteApiRequest():
            words = [_own(word) for word in request.arguments.split(" ")[:_MAX_WORDS] if word]
            return " ".join([_name(request.command), *words])
        case call_control_service_pb2.ExecuteApplicationRequest():
            return f"application {_name(request.application.name)}"
        case event_service_pb2.PublishEventRequest():
            return f"event {_plain(request.subclass, subclass_problem(request.subclass))}"
        case _:
            return _applications(getattr(request, "destination", None))


def _applications(destination: object) -> str:
    if not isinstance(destination, call_pb2.Destination):
        return ""
    items = destination.applications.items[:_MAX_WORDS]
    return f"applications {' '.join(_name(each.name) for each in items)}" if items else ""


def _own(word: str) -> str:
    return word if word in _OWN_WORDS else "*"


def _name(name: str) -> str:
    """The name of a command: letters, so that nothing else goes by that name. No digits."""
    return _plain(name, name_problem(name))


def _plain(name: str, problem: str | None) -> str:
    return name if problem is None and not any(each.isdigit() for each in name) else "*"
