"""CallControlService: the RPCs about ringing, parking, deflecting, later ends and messages."""

from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.deflect import deflect
from callcontrol.calls.commands.ringing import ring
from callcontrol.calls.commands.schedule import ScheduledHangups, schedule_checks
from callcontrol.calls.commands.sip_message import MessageMethod, message_checks, send_message
from callcontrol.calls.commands.transfer import transfer
from callcontrol.calls.requests import Leg, ParkDestination
from callcontrol.ids import CallId, OperationId
from callcontrol.rpc import convert
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb

_METHODS: Final[dict[int, MessageMethod]] = {
    pb.SendMessageRequest.METHOD_UNSPECIFIED: MessageMethod.INFO,
    pb.SendMessageRequest.METHOD_INFO: MessageMethod.INFO,
    pb.SendMessageRequest.METHOD_MESSAGE: MessageMethod.MESSAGE,
}


class SignallingService:
    """What is done to one leg's signalling; `call_control` has the verbs of every call's life."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander
        self._schedules = ScheduledHangups(commander)

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "Ring": unary(pb.RingRequest, self.ring),
            "Park": unary(pb.ParkRequest, self.park),
            "Deflect": unary(pb.DeflectRequest, self.deflect),
            "ScheduleHangup": unary(pb.ScheduleHangupRequest, self.schedule_hangup),
            "CancelScheduledHangup": unary(
                pb.CancelScheduledHangupRequest, self.cancel_scheduled_hangup
            ),
            "SendMessage": unary(pb.SendMessageRequest, self.send_message),
        }

    async def ring(self, request: pb.RingRequest) -> pb.RingResponse:
        """Tell the caller that it rings."""
        outcome = await ring(self._commander, CallId(request.call_id))
        return pb.RingResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def park(self, request: pb.ParkRequest) -> pb.ParkResponse:
        """Park a leg, or both of a bridged pair."""
        leg = Leg.BOTH if request.both else Leg.A
        call_id = CallId(request.call_id)
        outcome = await transfer(self._commander, call_id, leg, ParkDestination())
        return pb.ParkResponse(
            call=convert.call(outcome.call), status=convert.command_status(outcome)
        )

    async def deflect(self, request: pb.DeflectRequest) -> pb.DeflectResponse:
        """Ask the far end to call elsewhere; what it says is in the response."""
        outcome = await deflect(self._commander, CallId(request.call_id), request.uri)
        return pb.DeflectResponse(
            call=convert.call(outcome.call),
            sip_code=outcome.sip_code,
            sip_phrase=outcome.sip_phrase,
            status=convert.command_status(outcome),
        )

    async def schedule_hangup(self, request: pb.ScheduleHangupRequest) -> pb.ScheduleHangupResponse:
        """End a leg later."""
        problems = Problems()
        after_us = problems.duration_us("after", request.after)
        call_id = checks.call_id_check(request.call_id)
        problems.check([call_id, *schedule_checks(after_us, request.cause)])
        outcome = await self._schedules.schedule(CallId(request.call_id), after_us, request.cause)
        return pb.ScheduleHangupResponse(
            schedule_id=outcome.schedule_id or "",
            hangup_time=convert.timestamp(outcome.due_us),
            status=convert.command_status(outcome),
        )

    async def cancel_scheduled_hangup(
        self, request: pb.CancelScheduledHangupRequest
    ) -> pb.CancelScheduledHangupResponse:
        """Cancel one schedule of a leg, or all."""
        schedule_id = OperationId(request.schedule_id) if request.schedule_id else None
        outcome = await self._schedules.cancel(CallId(request.call_id), schedule_id)
        return pb.CancelScheduledHangupResponse(
            schedule_ids=outcome.schedule_ids, status=convert.command_status(outcome)
        )

    async def send_message(self, request: pb.SendMessageRequest) -> pb.SendMessageResponse:
        """Send a SIP INFO or MESSAGE."""
        problems = Problems()
        kinds = pb.SendMessageRequest.Method
        method = problems.choice("method", request.method, _METHODS, kinds)
        call_id = checks.call_id_check(request.call_id)
        problems.check([call_id, *message_checks(method, request.content_type, request.body)])
        outcome = await send_message(
            self._commander, CallId(request.call_id), method, request.body, request.content_type
        )
        return pb.SendMessageResponse(status=convert.command_status(outcome))
