"""CallControlService: the RPCs that record a leg and that listen in on one."""

from typing import Final

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.media import recording
from callcontrol.calls.media.eavesdropping import (
    EavesdropMode,
    EavesdropSpec,
    eavesdrop,
    eavesdrop_checks,
)
from callcontrol.calls.media.recording import RecordingSpec
from callcontrol.ids import CallId, OperationId
from callcontrol.rpc import convert
from callcontrol.rpc import convert_request as read
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb

_MODES: Final[dict[int, EavesdropMode]] = {
    pb.EavesdropRequest.MODE_UNSPECIFIED: EavesdropMode.LISTEN,
    pb.EavesdropRequest.MODE_LISTEN: EavesdropMode.LISTEN,
    pb.EavesdropRequest.MODE_WHISPER: EavesdropMode.WHISPER,
    pb.EavesdropRequest.MODE_JOIN: EavesdropMode.JOIN,
}


class RecordingService:
    """Begins, masks and stops recordings, and lets legs listen in."""

    def __init__(self, commander: Commander) -> None:
        self._commander, self._settings = commander, commander.settings

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "StartRecording": unary(pb.StartRecordingRequest, self.start_recording),
            "MaskRecording": unary(pb.MaskRecordingRequest, self.mask_recording),
            "StopRecording": unary(pb.StopRecordingRequest, self.stop_recording),
            "Eavesdrop": unary(pb.EavesdropRequest, self.eavesdrop),
        }

    async def start_recording(self, request: pb.StartRecordingRequest) -> pb.StartRecordingResponse:
        """Begin to record a leg."""
        problems = Problems()
        longest_us = None
        if request.HasField("max_duration"):
            longest_us = problems.duration_us("max_duration", request.max_duration)
        spec = RecordingSpec(
            call_id=CallId(request.call_id),
            path=request.path,
            direction=read.read_direction(request.direction, problems),
            stereo=request.stereo,
            max_duration_us=longest_us,
            sample_rate_hz=request.sample_rate_hz,
        )
        problems.check(recording.recording_checks(spec, self._settings))
        outcome = await recording.start_recording(self._commander, spec)
        return pb.StartRecordingResponse(
            recording_id=outcome.recording_id,
            path=outcome.path,
            status=convert.command_status(outcome),
        )

    async def mask_recording(self, request: pb.MaskRecordingRequest) -> pb.MaskRecordingResponse:
        """Leave out what is said, or take it in again."""
        outcome = await recording.mask_recording(
            self._commander,
            CallId(request.call_id),
            OperationId(request.recording_id),
            masked=request.masked,
        )
        return pb.MaskRecordingResponse(status=convert.command_status(outcome))

    async def stop_recording(self, request: pb.StopRecordingRequest) -> pb.StopRecordingResponse:
        """Stop one recording, or all."""
        chosen = OperationId(request.recording_id) if request.recording_id else None
        outcome = await recording.stop_recording(self._commander, CallId(request.call_id), chosen)
        return pb.StopRecordingResponse(
            recording_ids=outcome.recording_ids, status=convert.command_status(outcome)
        )

    async def eavesdrop(self, request: pb.EavesdropRequest) -> pb.EavesdropResponse:
        """Let a leg listen in on another one."""
        problems = Problems()
        spec = EavesdropSpec(
            call_id=CallId(request.call_id),
            listener_call_id=CallId(request.listener_call_id),
            mode=problems.choice("mode", request.mode, _MODES, pb.EavesdropRequest.Mode),
        )
        problems.check(eavesdrop_checks(spec))
        outcome = await eavesdrop(self._commander, spec)
        return pb.EavesdropResponse(
            operation_id=outcome.operation_id, status=convert.command_status(outcome)
        )
