"""CallControlService: each RPC as a check of its form, one call into `calls`, and its response."""

import uuid
from dataclasses import replace

from callcontrol.calls import checks
from callcontrol.calls.control import CallControl
from callcontrol.calls.requests import OriginateSpec
from callcontrol.ids import CallId
from callcontrol.rpc import convert
from callcontrol.rpc import convert_request as read
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.interceptors import PRINCIPAL
from callcontrol.rpc.repeats import call_id_of, fingerprint_of
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb


class CallControlService:
    """The RPCs that do something to a call. `calls_service` reads calls."""

    def __init__(self, control: CallControl) -> None:
        self._control, self._settings = control, control.settings

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "Originate": unary(pb.OriginateRequest, self.originate, finds_again=True),
            "Answer": unary(pb.AnswerRequest, self.answer),
            "Hangup": unary(pb.HangupRequest, self.hangup),
            "Transfer": unary(pb.TransferRequest, self.transfer),
            "Bridge": unary(pb.BridgeRequest, self.bridge),
            "Hold": unary(pb.HoldRequest, self.hold),
            "Unhold": unary(pb.UnholdRequest, self.unhold),
            "Mute": unary(pb.MuteRequest, self.mute),
            "Unmute": unary(pb.UnmuteRequest, self.unmute),
            "SendDtmf": unary(pb.SendDtmfRequest, self.send_dtmf),
            "SetVariables": unary(pb.SetVariablesRequest, self.set_variables),
            "GetVariables": unary(pb.GetVariablesRequest, self.get_variables),
        }

    async def originate(self, request: pb.OriginateRequest) -> pb.OriginateResponse:
        """Place a call. Busy and no answer are in the response."""
        problems = Problems()
        spec = read.read_originate(request, problems)
        problems.check(checks.originate_checks(spec, self._settings))
        if request.validate_only:
            self._control.validate(spec)
            return pb.OriginateResponse()
        if request.request_id:
            spec = _repeatable(spec, request)
        elif spec.call_id is None:
            spec = replace(spec, call_id=CallId(str(uuid.uuid4())), call_id_is_new=True)
        request.call_id = spec.call_id or ""  # so that the request says it when time runs out
        outcome = await self._control.originate(spec)
        status = convert.command_status(outcome)
        status.replayed = outcome.replayed
        return pb.OriginateResponse(
            call=convert.call(outcome.call),
            disposition=convert.disposition(outcome.disposition),
            hangup_cause=convert.hangup_cause(outcome.cause),
            legs=map(convert.dialled_leg, outcome.legs),
            status=status,
        )

    async def answer(self, request: pb.AnswerRequest) -> pb.AnswerResponse:
        """Answer, or open early media."""
        call_id = CallId(request.call_id)
        outcome = await self._control.answer(call_id, early_media_only=request.early_media_only)
        return pb.AnswerResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def hangup(self, request: pb.HangupRequest) -> pb.HangupResponse:
        """End a call; that it has ended is no error."""
        outcome = await self._control.hangup(CallId(request.call_id), request.cause)
        return pb.HangupResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def transfer(self, request: pb.TransferRequest) -> pb.TransferResponse:
        """Send legs elsewhere."""
        problems = Problems()
        leg = read.read_leg(request.leg, problems)
        destination = read.read_destination(request.destination, problems)
        call_id = checks.call_id_check(request.call_id)
        problems.check((call_id, *checks.destination_checks(destination, self._settings)))
        outcome = await self._control.transfer(CallId(request.call_id), leg, destination)
        return pb.TransferResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def bridge(self, request: pb.BridgeRequest) -> pb.BridgeResponse:
        """Connect two calls."""
        call_id, peer_call_id = CallId(request.call_id), CallId(request.peer_call_id)
        outcome = await self._control.bridge(call_id, peer_call_id)
        return pb.BridgeResponse(
            call=convert.call(outcome.call),
            peer=convert.call(outcome.peer),
            status=convert.command_status(outcome),
        )

    async def hold(self, request: pb.HoldRequest) -> pb.HoldResponse:
        """Put a call on hold."""
        outcome = await self._control.hold(CallId(request.call_id), request.display)
        return pb.HoldResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def unhold(self, request: pb.UnholdRequest) -> pb.UnholdResponse:
        """Take a call off hold."""
        outcome = await self._control.unhold(CallId(request.call_id))
        return pb.UnholdResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def mute(self, request: pb.MuteRequest) -> pb.MuteResponse:
        """Silence a call."""
        problems = Problems()
        direction = read.read_direction(request.direction, problems)
        level = request.comfort_noise_level
        problems.check((checks.call_id_check(request.call_id), *checks.mute_checks(level)))
        outcome = await self._control.mute(CallId(request.call_id), direction, level)
        return pb.MuteResponse(status=convert.command_status(outcome))

    async def unmute(self, request: pb.UnmuteRequest) -> pb.UnmuteResponse:
        """Let a call be heard again."""
        problems = Problems()
        direction = read.read_direction(request.direction, problems)
        problems.check([checks.call_id_check(request.call_id)])
        outcome = await self._control.unmute(CallId(request.call_id), direction)
        return pb.UnmuteResponse(status=convert.command_status(outcome))

    async def send_dtmf(self, request: pb.SendDtmfRequest) -> pb.SendDtmfResponse:
        """Send digits."""
        problems = Problems()
        duration_us = problems.duration_us("duration", request.duration)
        call_id = checks.call_id_check(request.call_id)
        problems.check((call_id, *checks.dtmf_checks(request.digits, duration_us)))
        outcome = await self._control.send_dtmf(
            CallId(request.call_id),
            request.digits,
            duration_us,
            as_received=request.as_received,
        )
        return pb.SendDtmfResponse(status=convert.command_status(outcome))

    async def set_variables(self, request: pb.SetVariablesRequest) -> pb.SetVariablesResponse:
        """Set channel variables."""
        outcome = await self._control.set_variables(
            CallId(request.call_id), dict(request.variables)
        )
        return pb.SetVariablesResponse(status=convert.command_status(outcome))

    async def get_variables(self, request: pb.GetVariablesRequest) -> pb.GetVariablesResponse:
        """Read channel variables."""
        outcome = await self._control.get_variables(CallId(request.call_id), tuple(request.names))
        return pb.GetVariablesResponse(variables=outcome.variables)


def _repeatable(spec: OriginateSpec, request: pb.OriginateRequest) -> OriginateSpec:
    """A spec whose call is found again by a repeat of the request."""
    is_derived = spec.call_id is None
    return replace(
        spec,
        call_id=spec.call_id or call_id_of(PRINCIPAL, request.request_id),
        call_id_is_derived=is_derived,
        request_id=request.request_id,
        fingerprint=fingerprint_of(request),
    )
