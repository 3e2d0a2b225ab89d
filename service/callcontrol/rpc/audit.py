"""The audit trail: one record for each RPC that was asked to change something.

Arguments by allow list: which call, which node, which request id, and whom a call was for with
all but the last two characters hidden. Never digits, pins, variables or text. What a client may
choose freely, an id for example, could be a telephone number: such runs of digits are hidden too.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message

from callcontrol.rpc.audit_words import raw_command
from callcontrol.rpc.failure import Failure
from callcontrol.v1 import call_pb2, common_pb2, conference_service_pb2

log: Final = logging.getLogger("callcontrol.audit")

_SHOWN: Final = 2
_MAX_LENGTH: Final = 128
_NUMBER: Final = re.compile(r"\d{5,}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an RPC ended."""

    code: str
    """The gRPC code by name."""
    seconds: float
    failure: Failure | None = None
    response: Message | None = None
    replayed: bool = False
    reached: Mapping[str, str] = field(default_factory=dict)
    """What is known of the call now: its `node_id`, when it is known at all."""


def record(method: str, principal: str, peer: str, request: Message, ending: Ending) -> None:
    """Write the record of one RPC."""
    call_id, node_id = _place(request, ending)
    log.info(
        "rpc",
        extra={
            "rpc_method": method,
            "principal": principal,
            "peer": peer,
            "request_id": mask_id(text_field(request, "request_id")),
            "call_id": call_id,
            "node_id": node_id,
            "targets": [mask_numbers(target) for target in _targets(request)],
            "raw_command": raw_command(request),
            "code": ending.code,
            "reason": ending.failure.reason_name if ending.failure else "",
            "confirmation": _confirmation(ending.response),
            "replayed": ending.replayed,
            "seconds": round(ending.seconds, 4),
        },
    )


@dataclass(frozen=True, slots=True)
class Teller:
    """Who says something on a worker's stream."""

    principal: str
    peer: str
    worker_id: str
    worker_name: str


def record_worker(
    teller: Teller,
    said: str,
    *,
    offer_id: str = "",
    call_id: str = "",
    done: bool = True,
    request: Message | None = None,
    failure: Failure | None = None,
) -> None:
    """Write down what a worker said, whether it was done, and why not if not for coming late."""
    log.info(
        "worker",
        extra={
            "principal": teller.principal,
            "peer": teller.peer,
            "worker_id": teller.worker_id,
            "worker_name": mask_numbers(teller.worker_name),
            "said": said,
            "offer_id": mask_id(offer_id[:_MAX_LENGTH]),
            "call_id": mask_id(call_id[:_MAX_LENGTH]),
            "targets": []
            if request is None
            else [mask_numbers(each) for each in _targets(request)],
            "raw_command": "" if request is None else raw_command(request),
            "done": done,
            "reason": failure.reason_name if failure else "",
        },
    )


def _place(request: Message, ending: Ending) -> tuple[str, str]:
    """Which call on which node, as well as it is known."""
    call = getattr(ending.response, "call", None)
    if isinstance(call, call_pb2.Call) and call.call_id:
        return call.call_id, call.node_id
    if node_id := ending.reached.get("node_id"):
        return text_field(request, "call_id"), node_id
    told = ending.failure.metadata if ending.failure is not None else {}
    call_id = told.get("call_id") or text_field(request, "call_id")
    node_id = told.get("node_id") or text_field(request, "node_id")
    return mask_id(call_id), mask_numbers(node_id)


def _confirmation(response: Message | None) -> str:
    status = getattr(response, "status", None)
    if not isinstance(status, common_pb2.CommandStatus):
        return ""
    return common_pb2.Confirmation.Name(status.confirmation).removeprefix("CONFIRMATION_")


def text_field(message: Message, name: str) -> str:
    """A string field by name; empty where the message has none. At most 128 characters."""
    value = getattr(message, name, "")
    return value[:_MAX_LENGTH] if isinstance(value, str) else ""


def mask(number: str) -> str:
    """A number or user part with all but its last two characters hidden; short ones wholly."""
    user, at, host = number.partition("@")
    shown = user[-_SHOWN:] if len(user) > 2 * _SHOWN else ""
    return ("*" * min(len(user) - len(shown), 8) + shown + at + host)[:_MAX_LENGTH]


def mask_numbers(text: str) -> str:
    """A text with its longer runs of digits hidden as numbers are."""
    return _NUMBER.sub(lambda run: mask(run[0]), text)


def mask_id(text: str) -> str:
    """The same, but for a UUID, which is no number."""
    return text if _UUID.fullmatch(text) else mask_numbers(text)


def _targets(request: Message) -> Iterable[str]:
    endpoints = getattr(request, "endpoints", ())
    for endpoint in list(endpoints)[:8]:
        if isinstance(endpoint, call_pb2.Endpoint):
            yield _name_endpoint(endpoint)
    endpoint = getattr(request, "endpoint", None)
    if isinstance(endpoint, call_pb2.Endpoint):
        yield _name_endpoint(endpoint)
    if request.DESCRIPTOR.file == conference_service_pb2.DESCRIPTOR:
        yield _name_conference(request)
    destination = getattr(request, "destination", None)
    if isinstance(destination, call_pb2.Destination) and request.HasField("destination"):
        yield _name_destination(destination)


def _name_conference(request: Message) -> str:
    joined = getattr(request, "conference", None)
    named = joined if isinstance(joined, call_pb2.JoinConference) else request
    return f"conference/{text_field(named, 'name')}"[:_MAX_LENGTH]


def _name_endpoint(endpoint: call_pb2.Endpoint) -> str:
    match endpoint.WhichOneof("target"):
        case "user":
            return f"user/{mask(endpoint.user.id)}@{endpoint.user.domain}"[:_MAX_LENGTH]
        case "gateway":
            gateway = endpoint.gateway
            return f"gateway/{gateway.gateway}/{mask(gateway.number)}"[:_MAX_LENGTH]
        case "sip":
            return f"sip/{endpoint.sip.profile}/{mask(endpoint.sip.address)}"[:_MAX_LENGTH]
        case "loopback":
            return f"loopback/{mask(endpoint.loopback.extension)}"
        case other:
            return other or "none"


def _name_destination(destination: call_pb2.Destination) -> str:
    kind = destination.WhichOneof("kind")
    if kind == "extension":
        return f"extension/{mask(destination.extension.extension)}"
    return kind or "none"
