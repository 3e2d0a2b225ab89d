"""What runs on a leg: applications, playbacks, recordings and digits, and which command began it.

The switch gives an id only to applications (Application-UUID). PLAYBACK_START and RECORD_START
carry none, so they belong to the innermost application of the leg that plays or records. A
recording that no application began has an id made from its leg and path.
"""

from collections.abc import Callable, Mapping
from typing import Final

from callcontrol.calls.media.mix_target import DISPLACE, read_mix_target
from callcontrol.calls.media.recording_id import VARIABLE, recording_id
from callcontrol.calls.payloads import (
    ApplicationFinished,
    ApplicationStarted,
    DtmfReceived,
    PlaybackStarted,
    PlaybackStopped,
    RecordingStarted,
    RecordingStopped,
)
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.leg import Leg
from callcontrol.calls.picture.translate import Headers, number, text
from callcontrol.ids import OperationId

_NO_OPERATION: Final = OperationId("")
_OWN_RECORDING_ID: Final = fields.RECORDING_VARIABLE + VARIABLE
_PLAYING: Final = frozenset(
    {
        "playback",
        "endless_playback",
        "loop_playback",
        "play_and_get_digits",
        "play_and_detect_speech",
        "phrase",
        "say",
        "speak",
        "read",
    }
)
_RECORDING: Final = frozenset({"record", "record_session"})
_SAMPLE_US: Final = 125
"""DTMF-Duration counts samples at 8 kHz, whatever the codec (switch_channel.c)."""


def application_started(leg: Leg, headers: Headers) -> ApplicationStarted:
    """CHANNEL_EXECUTE."""
    name = text(headers, fields.APPLICATION)
    operation_id = OperationId(text(headers, fields.APPLICATION_ID))
    # Without an id it will have no end either: `uuid_bridge` is run so.
    if operation_id:
        leg.began_application(name, operation_id)
    return ApplicationStarted(name, text(headers, fields.APPLICATION_DATA), operation_id)


def application_finished(leg: Leg, headers: Headers) -> ApplicationFinished:
    """CHANNEL_EXECUTE_COMPLETE."""
    operation_id = OperationId(text(headers, fields.APPLICATION_ID))
    leg.ended_application(operation_id)
    return ApplicationFinished(
        text(headers, fields.APPLICATION),
        text(headers, fields.APPLICATION_DATA),
        operation_id,
        text(headers, fields.APPLICATION_RESPONSE),
    )


def _innermost(leg: Leg, names: frozenset[str]) -> OperationId:
    for name, operation_id in reversed(leg.applications):
        if name in names:
            return operation_id
    return _NO_OPERATION


def playing(leg: Leg) -> tuple[OperationId, ...]:
    """What plays to a leg, the outermost first."""
    return tuple(operation_id for name, operation_id in leg.applications if name in _PLAYING)


def playback_started(leg: Leg, headers: Headers) -> PlaybackStarted:
    """PLAYBACK_START."""
    return PlaybackStarted(_innermost(leg, _PLAYING), text(headers, fields.PLAYBACK_PATH))


def playback_stopped(leg: Leg, headers: Headers) -> PlaybackStopped:
    """PLAYBACK_STOP. What the end of the leg cuts off is `done` too, and comes after the hangup."""
    done = text(headers, fields.PLAYBACK_STATUS) == "done"
    playback_id = _innermost(leg, _PLAYING)
    leg.paused.discard(playback_id)
    return PlaybackStopped(
        playback_id,
        text(headers, fields.PLAYBACK_PATH),
        done and not leg.is_ending(),
    )


def mix_started(_leg: Leg, headers: Headers) -> PlaybackStarted | None:
    """MEDIA_BUG_START, which is of a playback where it is a sound over the conversation."""
    if text(headers, fields.MEDIA_BUG_FUNCTION) != DISPLACE:
        return None
    return PlaybackStarted(*read_mix_target(text(headers, fields.MEDIA_BUG_TARGET)))


def mix_stopped(_leg: Leg, headers: Headers) -> PlaybackStopped | None:
    """MEDIA_BUG_STOP. It does not say whether the sound came to its end."""
    if text(headers, fields.MEDIA_BUG_FUNCTION) != DISPLACE:
        return None
    playback_id, uri = read_mix_target(text(headers, fields.MEDIA_BUG_TARGET))
    return PlaybackStopped(playback_id, uri, completed=False)


def recording_started(leg: Leg, headers: Headers) -> RecordingStarted:
    """RECORD_START. An application that records has an id of its own, unless this service began
    the recording meanwhile.
    """
    path = text(headers, fields.RECORD_PATH)
    own_id = OperationId(text(headers, _OWN_RECORDING_ID))
    operation_id = own_id or _innermost(leg, _RECORDING) or recording_id(leg.call_id, path)
    leg.began_recording(path, operation_id)
    return RecordingStarted(operation_id, path)


def recording_stopped(leg: Leg, headers: Headers) -> RecordingStopped:
    """RECORD_STOP. `record_session` ends at once, so its recording is found again by the path."""
    path = text(headers, fields.RECORD_PATH)
    return RecordingStopped(
        leg.recordings.pop(path, _NO_OPERATION) or recording_id(leg.call_id, path),
        path,
        number(headers, fields.VARIABLE_RECORD_MS) * 1_000,
        text(headers, fields.RECORD_CAUSE),
    )


def dtmf_received(_leg: Leg, headers: Headers) -> DtmfReceived:
    """DTMF."""
    return DtmfReceived(
        text(headers, fields.DTMF_DIGIT),
        number(headers, fields.DTMF_DURATION) * _SAMPLE_US,
        text(headers, fields.DTMF_SOURCE),
    )


OperationPayload = (
    ApplicationStarted
    | ApplicationFinished
    | PlaybackStarted
    | PlaybackStopped
    | RecordingStarted
    | RecordingStopped
    | DtmfReceived
    | None
)

OPERATIONS: Final[Mapping[str, Callable[[Leg, Headers], OperationPayload]]] = {
    "CHANNEL_EXECUTE": application_started,
    "CHANNEL_EXECUTE_COMPLETE": application_finished,
    "PLAYBACK_START": playback_started,
    "PLAYBACK_STOP": playback_stopped,
    "MEDIA_BUG_START": mix_started,
    "MEDIA_BUG_STOP": mix_stopped,
    "RECORD_START": recording_started,
    "RECORD_STOP": recording_stopped,
    "DTMF": dtmf_received,
}
"""The payload of each event about what runs on a leg."""
