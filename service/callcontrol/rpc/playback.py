"""CallControlService: the RPCs that play something to a leg."""

from google.protobuf.duration_pb2 import Duration

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.media.play_checks import play_checks
from callcontrol.calls.media.playback import play, stop_playback
from callcontrol.calls.media.playback_control import (
    Change,
    Pause,
    SeekBy,
    SeekTo,
    Volume,
    control_checks,
    control_playback,
)
from callcontrol.calls.requests import PlaySpec
from callcontrol.ids import CallId, OperationId
from callcontrol.rpc import convert
from callcontrol.rpc import convert_request as read
from callcontrol.rpc.convert_media import read_source
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems, microseconds
from callcontrol.v1 import call_control_service_pb2 as pb


class PlaybackService:
    """Plays, controls what plays, and stops it."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "Play": unary(pb.PlayRequest, self.play),
            "ControlPlayback": unary(pb.ControlPlaybackRequest, self.control_playback),
            "StopPlayback": unary(pb.StopPlaybackRequest, self.stop_playback),
        }

    async def play(self, request: pb.PlayRequest) -> pb.PlayResponse:
        """Play to a call."""
        problems = Problems()
        sources = [
            read_source(source, f"sources[{place}]", problems)
            for place, source in enumerate(request.sources)
        ]
        spec = PlaySpec(
            call_id=CallId(request.call_id),
            sources=tuple(sources),
            leg=read.read_leg(request.leg, problems),
            mix=request.mix,
            repeat=request.repeat,
        )
        problems.check(play_checks(spec, self._commander.settings))
        outcome = await play(self._commander, spec)
        return pb.PlayResponse(
            playback_id=outcome.playback_id, status=convert.command_status(outcome)
        )

    async def control_playback(
        self, request: pb.ControlPlaybackRequest
    ) -> pb.ControlPlaybackResponse:
        """Change how something plays."""
        problems = Problems()
        change = _read_change(request, problems)
        call_id, playback_id = CallId(request.call_id), OperationId(request.playback_id)
        problems.check(control_checks(call_id, playback_id, change))
        outcome = await control_playback(self._commander, call_id, playback_id, change)
        return pb.ControlPlaybackResponse(status=convert.command_status(outcome))

    async def stop_playback(self, request: pb.StopPlaybackRequest) -> pb.StopPlaybackResponse:
        """Stop what plays."""
        playback_id = OperationId(request.playback_id) if request.playback_id else None
        outcome = await stop_playback(self._commander, CallId(request.call_id), playback_id)
        return pb.StopPlaybackResponse(status=convert.command_status(outcome))


def _read_change(request: pb.ControlPlaybackRequest, problems: Problems) -> Change:
    match request.WhichOneof("action"):
        case "pause":
            return Pause(request.pause)
        case "seek_by":
            return SeekBy(_signed_us("seek_by", request.seek_by, problems))
        case "seek_to":
            return SeekTo(problems.duration_us("seek_to", request.seek_to))
        case "volume":
            return Volume(request.volume)
        case _:
            problems.add("action", "must be one of pause, seek_by, seek_to and volume")
            return Pause(False)


def _signed_us(field: str, value: Duration, problems: Problems) -> int:
    """A length of time that may be negative: then its seconds and its nanoseconds both are."""
    if value.seconds >= 0 and value.nanos >= 0:
        return problems.duration_us(field, value)
    length_us = microseconds(Duration(seconds=-value.seconds, nanos=-value.nanos))
    if length_us is None:
        problems.add(field, "must be a time of at most 100 days, forward or back")
    return -(length_us or 0)
