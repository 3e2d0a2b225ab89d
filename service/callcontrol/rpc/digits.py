"""CallControlService: the RPC that collects digits."""

from typing import Final

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.media.collecting import CleanUp, collect_digits
from callcontrol.calls.media.collection import CollectSpec, Result, collect_checks
from callcontrol.ids import CallId
from callcontrol.rpc import convert
from callcontrol.rpc.convert_media import read_source
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb

_RESULTS: Final = {
    Result.COLLECTED: pb.CollectDigitsResponse.RESULT_COLLECTED,
    Result.TIMED_OUT: pb.CollectDigitsResponse.RESULT_TIMED_OUT,
    Result.NO_MATCH: pb.CollectDigitsResponse.RESULT_NO_MATCH,
    Result.CALL_ENDED: pb.CollectDigitsResponse.RESULT_CALL_ENDED,
    Result.INTERRUPTED: pb.CollectDigitsResponse.RESULT_INTERRUPTED,
}


class DigitsService:
    """Collects digits."""

    def __init__(self, commander: Commander, clean_up: CleanUp) -> None:
        self._commander, self._clean_up = commander, clean_up

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {"CollectDigits": unary(pb.CollectDigitsRequest, self.collect_digits)}

    async def collect_digits(self, request: pb.CollectDigitsRequest) -> pb.CollectDigitsResponse:
        """Play a prompt and wait for digits."""
        problems = Problems()
        spec = _read(request, problems)
        problems.check(collect_checks(spec, self._commander.settings))
        outcome = await collect_digits(self._commander, spec, self._clean_up)
        return pb.CollectDigitsResponse(
            result=_RESULTS[outcome.result],
            digits=outcome.digits,
            terminator=outcome.terminator,
            status=convert.command_status(outcome),
        )


def _read(request: pb.CollectDigitsRequest, problems: Problems) -> CollectSpec:
    between_us = None
    if request.HasField("digit_timeout"):
        between_us = problems.duration_us("digit_timeout", request.digit_timeout)
    return CollectSpec(
        call_id=CallId(request.call_id),
        prompt=tuple(
            read_source(source, f"prompt[{place}]", problems)
            for place, source in enumerate(request.prompt)
        ),
        invalid_prompt=tuple(
            read_source(source, f"invalid_prompt[{place}]", problems)
            for place, source in enumerate(request.invalid_prompt)
        ),
        min_digits=request.min_digits,
        max_digits=request.max_digits,
        tries=request.tries or 1,
        timeout_us=problems.duration_us("timeout", request.timeout),
        digit_timeout_us=between_us,
        terminators=request.terminators,
        pattern=request.pattern,
    )
