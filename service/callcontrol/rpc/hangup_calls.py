"""CallControlService: HangupCalls, which ends what a filter picks."""

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.hangup_calls import (
    HangupCallsOutcome,
    count_calls,
    hang_up_calls,
    hangup_calls_checks,
)
from callcontrol.rpc import convert
from callcontrol.rpc.call_filter import compile_filter
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.status import failure_of
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb


class HangupCallsService:
    """The RPC on many calls at once."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def handlers(self) -> Handlers:
        """The method that is served here."""
        return {"HangupCalls": unary(pb.HangupCallsRequest, self.hangup_calls)}

    async def hangup_calls(self, request: pb.HangupCallsRequest) -> pb.HangupCallsResponse:
        """End each call that the filter picks, or only count them."""
        problems = Problems()
        if not request.filter:
            problems.add("filter", "must not be empty: `true` picks all calls")
        problems.check(hangup_calls_checks(request.cause, request.max_calls))
        call_filter = compile_filter(request.filter)
        if request.validate_only:
            return _response(await count_calls(self._commander, call_filter))
        outcome = await hang_up_calls(
            self._commander, call_filter, request.cause, request.max_calls
        )
        return _response(outcome)


def _response(outcome: HangupCallsOutcome) -> pb.HangupCallsResponse:
    failures = ((call_id, failure_of(error)) for call_id, error in outcome.failed)
    return pb.HangupCallsResponse(
        call_ids=outcome.ended,
        matched_count=outcome.matched,
        unended=[
            pb.UnendedCall(call_id=call_id, reason=failure.reason, message=failure.message)
            for call_id, failure in failures
        ],
        status=convert.command_status(outcome),
    )
