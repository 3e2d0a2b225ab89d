"""Requests about calls as the values that `calls` takes.

Each function adds what is wrong with the form of its part to the problems. Where a part is
missing, it gives a stand-in that no check minds, so that all that follows is checked too.
"""

from typing import Final

from callcontrol.calls import requests
from callcontrol.calls.requests import Leg, MediaDirection, Strategy, WaitUntil
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2, call_pb2, common_pb2

_Originate = call_control_service_pb2.OriginateRequest

_STRATEGIES: Final[dict[int, Strategy]] = {
    _Originate.STRATEGY_UNSPECIFIED: Strategy.SEQUENTIAL,
    _Originate.STRATEGY_SEQUENTIAL: Strategy.SEQUENTIAL,
    _Originate.STRATEGY_SIMULTANEOUS: Strategy.SIMULTANEOUS,
}
_WAITS: Final[dict[int, WaitUntil]] = {
    call_control_service_pb2.WAIT_UNTIL_UNSPECIFIED: WaitUntil.ACCEPTED,
    call_control_service_pb2.WAIT_UNTIL_ACCEPTED: WaitUntil.ACCEPTED,
    call_control_service_pb2.WAIT_UNTIL_RINGING: WaitUntil.RINGING,
    call_control_service_pb2.WAIT_UNTIL_ANSWERED: WaitUntil.ANSWERED,
}
_LEGS: Final[dict[int, Leg]] = {
    common_pb2.LEG_UNSPECIFIED: Leg.A,
    common_pb2.LEG_A: Leg.A,
    common_pb2.LEG_B: Leg.B,
    common_pb2.LEG_BOTH: Leg.BOTH,
}
_DIRECTIONS: Final[dict[int, MediaDirection]] = {
    common_pb2.MEDIA_DIRECTION_UNSPECIFIED: MediaDirection.BOTH,
    common_pb2.MEDIA_DIRECTION_READ: MediaDirection.READ,
    common_pb2.MEDIA_DIRECTION_WRITE: MediaDirection.WRITE,
    common_pb2.MEDIA_DIRECTION_BOTH: MediaDirection.BOTH,
}
_WITH_VARIABLES: Final[dict[int, bool]] = {
    common_pb2.VIEW_UNSPECIFIED: False,
    common_pb2.VIEW_BASIC: False,
    common_pb2.VIEW_FULL: True,
}


def wants_variables(view: int, problems: Problems) -> bool:
    """Whether a view has channel variables."""
    return problems.choice("view", view, _WITH_VARIABLES, common_pb2.View)


def read_leg(leg: int, problems: Problems) -> Leg:
    """Which leg a command is for."""
    return problems.choice("leg", leg, _LEGS, common_pb2.Leg)


def read_direction(direction: int, problems: Problems) -> MediaDirection:
    """Which way a command is for."""
    return problems.choice("direction", direction, _DIRECTIONS, common_pb2.MediaDirection)


def read_wait_until(value: int, problems: Problems) -> WaitUntil:
    """How long to wait for a call that is placed."""
    return problems.choice("wait_until", value, _WAITS, call_control_service_pb2.WaitUntil)


def read_originate(request: _Originate, problems: Problems) -> requests.OriginateSpec:
    """The call to place."""
    endpoints = [
        read_endpoint(endpoint, f"endpoints[{place}]", problems)
        for place, endpoint in enumerate(request.endpoints)
    ]
    return requests.OriginateSpec(
        endpoints=tuple(endpoints),
        destination=read_destination(request.destination, problems),
        strategy=problems.choice("strategy", request.strategy, _STRATEGIES, _Originate.Strategy),
        call_id=CallId(request.call_id) if request.call_id else None,
        node_id=NodeId(request.node_id) if request.node_id else None,
        caller_number=request.caller.number,
        caller_name=request.caller.name,
        ring_timeout_s=_seconds(request, "ring_timeout", problems),
        variables=dict(request.variables),
        labels=dict(request.labels),
        wait_until=read_wait_until(request.wait_until, problems),
        hangup_on_cancel=request.hangup_on_cancel,
        ignore_early_media=request.ignore_early_media,
    )


def read_endpoint(endpoint: call_pb2.Endpoint, field: str, problems: Problems) -> requests.Endpoint:
    """Whom to call."""
    variables = dict(endpoint.variables)
    ring_s = _seconds(endpoint, "ring_timeout", problems, f"{field}.")
    match endpoint.WhichOneof("target"):
        case "user":
            user = endpoint.user
            return requests.UserEndpoint(
                user=user.id, domain=user.domain, variables=variables, ring_timeout_s=ring_s
            )
        case "gateway":
            gateway, number = endpoint.gateway.gateway, endpoint.gateway.number
            return requests.GatewayEndpoint(
                gateway=gateway, number=number, variables=variables, ring_timeout_s=ring_s
            )
        case "sip":
            profile, address = endpoint.sip.profile, endpoint.sip.address
            return requests.SipEndpoint(
                profile=profile, address=address, variables=variables, ring_timeout_s=ring_s
            )
        case "raw":
            return requests.RawEndpoint(
                dial_string=endpoint.raw, variables=variables, ring_timeout_s=ring_s
            )
        case "loopback":
            extension, context = endpoint.loopback.extension, endpoint.loopback.context
            return requests.LoopbackEndpoint(
                extension=extension, context=context, variables=variables, ring_timeout_s=ring_s
            )
        case _:
            problems.add(field, "must say whom to call: user, gateway, sip, raw or loopback")
            return requests.UserEndpoint(user="nobody")  # has no violations of its own


def read_destination(
    destination: call_pb2.Destination, problems: Problems, field: str = "destination"
) -> requests.Destination:
    """Where a leg goes."""
    match destination.WhichOneof("kind"):
        case "extension":
            extension = destination.extension
            return requests.ExtensionDestination(
                extension=extension.extension,
                dialplan=extension.dialplan,
                context=extension.context,
            )
        case "park":
            park = destination.park
            if not park.HasField("timeout"):
                return requests.ParkDestination()
            timeout_us = problems.duration_us(f"{field}.park.timeout", park.timeout)
            return requests.ParkDestination(timeout_s=timeout_us / 1_000_000)
        case "conference":
            conference = destination.conference
            return requests.ConferenceDestination(
                name=conference.name,
                profile=conference.profile,
                flags=tuple(conference.flags),
                pin=conference.pin,
            )
        case "applications":
            items = destination.applications.items
            return requests.ApplicationsDestination(
                applications=tuple(requests.Application(each.name, each.data) for each in items)
            )
        case "worker":
            return requests.WorkerDestination(application=destination.worker.name)
        case _:
            kinds = "extension, park, conference, applications or worker"
            problems.add(field, f"must say where to: {kinds}")
            return requests.ParkDestination()


def _seconds(
    message: _Originate | call_pb2.Endpoint, name: str, problems: Problems, prefix: str = ""
) -> float | None:
    if not message.HasField("ring_timeout"):
        return None
    return problems.duration_us(prefix + name, message.ring_timeout) / 1_000_000
