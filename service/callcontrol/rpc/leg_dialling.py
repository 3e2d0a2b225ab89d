"""CallControlService: DialAndBridge and AttendedTransfer, for which a leg dials."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.placing.dial_and_bridge import attended_transfer, dial_and_bridge
from callcontrol.calls.placing.leg_dialling import LegDialSpec, leg_dial_checks
from callcontrol.errors import InvalidRequest, Violation
from callcontrol.ids import CallId
from callcontrol.rpc import convert
from callcontrol.rpc import convert_request as read
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2

_PARK: Final = call_pb2.Destination(park=call_pb2.Park())


class LegDiallingService:
    """What a leg dials for itself. Its far ends are described as those of Originate are."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "DialAndBridge": unary(pb.DialAndBridgeRequest, self.dial_and_bridge),
            "AttendedTransfer": unary(pb.AttendedTransferRequest, self.attended_transfer),
        }

    async def dial_and_bridge(self, request: pb.DialAndBridgeRequest) -> pb.DialAndBridgeResponse:
        """Dial for a leg, and connect it to who answers."""
        attempt = pb.OriginateRequest(
            endpoints=request.endpoints,
            strategy=request.strategy,
            variables=request.variables,
            caller=request.caller,
            wait_until=request.wait_until,
        )
        if request.HasField("ring_timeout"):
            attempt.ring_timeout.CopyFrom(request.ring_timeout)
        spec = self._read(request.call_id, attempt)
        outcome = await dial_and_bridge(
            self._commander, spec, continue_after=request.continue_after
        )
        legs = (
            pb.DialledLeg(
                call_id=leg.call_id,
                disposition=convert.disposition(leg.disposition),
                hangup_cause=convert.hangup_cause(leg.cause),
            )
            for leg in outcome.legs
        )
        return pb.DialAndBridgeResponse(
            operation_id=outcome.operation_id,
            legs=legs,
            disposition=convert.disposition(outcome.disposition),
            hangup_cause=convert.hangup_cause(outcome.cause),
            status=convert.command_status(outcome),
        )

    async def attended_transfer(
        self, request: pb.AttendedTransferRequest
    ) -> pb.AttendedTransferResponse:
        """Let a leg consult somebody."""
        attempt = pb.OriginateRequest(
            endpoints=[request.endpoint], caller=request.caller, wait_until=request.wait_until
        )
        if request.HasField("ring_timeout"):
            attempt.ring_timeout.CopyFrom(request.ring_timeout)
        with _of_one_endpoint():
            spec = self._read(request.call_id, attempt)
        outcome = await attended_transfer(self._commander, spec)
        return pb.AttendedTransferResponse(
            consulted_call_id=outcome.legs[0].call_id,
            operation_id=outcome.operation_id,
            disposition=convert.disposition(outcome.disposition),
            hangup_cause=convert.hangup_cause(outcome.cause),
            status=convert.command_status(outcome),
        )

    def _read(self, call_id: str, attempt: pb.OriginateRequest) -> LegDialSpec:
        """Whom to dial. Raises InvalidRequest."""
        problems = Problems()
        attempt.destination.CopyFrom(_PARK)  # of an attempt alone, which cannot be without one
        read_attempt = read.read_originate(attempt, problems)
        spec = LegDialSpec(
            call_id=CallId(call_id),
            endpoints=read_attempt.endpoints,
            strategy=read_attempt.strategy,
            caller_number=read_attempt.caller_number,
            caller_name=read_attempt.caller_name,
            ring_timeout_s=read_attempt.ring_timeout_s,
            variables=read_attempt.variables,
            wait_until=read_attempt.wait_until,
        )
        problems.check(leg_dial_checks(spec, self._commander))
        return spec


@contextmanager
def _of_one_endpoint() -> Iterator[None]:
    """Tell violations of the one endpoint by the name it has in a request that has no list."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(
            [
                Violation(found.field.replace("endpoints[0]", "endpoint", 1), found.problem)
                for found in error.violations
            ]
        ) from error
