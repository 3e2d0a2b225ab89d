"""What events mean, as the API's messages."""

from collections.abc import Mapping
from typing import Final, assert_never

from callcontrol.calls import payloads
from callcontrol.calls.payloads import GatewayKind, RegistrationKind
from callcontrol.rpc import convert
from callcontrol.v1 import call_pb2, event_pb2

_REGISTRATION_KINDS: Final[
    Mapping[RegistrationKind, event_pb2.RegistrationChanged.Kind.ValueType]
] = {
    RegistrationKind.REGISTERED: event_pb2.RegistrationChanged.KIND_REGISTERED,
    RegistrationKind.UNREGISTERED: event_pb2.RegistrationChanged.KIND_UNREGISTERED,
    RegistrationKind.EXPIRED: event_pb2.RegistrationChanged.KIND_EXPIRED,
}
_GATEWAY_KINDS: Final[Mapping[GatewayKind, event_pb2.GatewayChanged.Kind.ValueType]] = {
    GatewayKind.STATE: event_pb2.GatewayChanged.KIND_STATE,
    GatewayKind.ADDED: event_pb2.GatewayChanged.KIND_ADDED,
    GatewayKind.REMOVED: event_pb2.GatewayChanged.KIND_REMOVED,
}


def set_payload(message: event_pb2.Event, payload: payloads.Payload) -> None:
    """Write what an event means into its message."""
    match payload:
        case payloads.CallCreated() | payloads.CallSnapshot():
            is_new = isinstance(payload, payloads.CallCreated)
            shown = message.call_created if is_new else message.call_snapshot
            shown.call.CopyFrom(convert.call(payload.call))
        case payloads.CallStateChanged():
            changed = message.call_state_changed
            changed.call.CopyFrom(convert.call(payload.call))
            changed.previous_state = convert.CALL_STATES[payload.previous_state]
        case payloads.CallEnded():
            message.call_ended.CopyFrom(_call_ended(payload))
        case payloads.CallBridged():
            message.call_bridged.call_id = payload.call_id
            message.call_bridged.peer_call_id = payload.peer_call_id
        case payloads.CallUnbridged():
            message.call_unbridged.call_id = payload.call_id
            message.call_unbridged.peer_call_id = payload.peer_call_id
        case payloads.ConferenceChanged():
            message.conference_changed.CopyFrom(_conference_changed(payload))
        case payloads.NodeChanged():
            message.node_changed.CopyFrom(_node_changed(payload))
        case payloads.RegistrationChanged():
            message.registration_changed.CopyFrom(_registration_changed(payload))
        case payloads.GatewayChanged():
            message.gateway_changed.CopyFrom(_gateway_changed(payload))
        case payloads.MessageWaiting():
            message.message_waiting.CopyFrom(_message_waiting(payload))
        case payloads.DetectionReported():
            found = message.detection_reported
            found.detector, found.result = payload.detector, payload.result
            found.content = payload.content
        case _:
            _set_operation(message, payload)


_Operation = (
    payloads.DtmfReceived
    | payloads.PlaybackStarted
    | payloads.PlaybackStopped
    | payloads.RecordingStarted
    | payloads.RecordingStopped
    | payloads.ApplicationStarted
    | payloads.ApplicationFinished
    | payloads.OperationFinished
)


def _set_operation(message: event_pb2.Event, payload: _Operation) -> None:
    match payload:
        case payloads.DtmfReceived():
            message.dtmf_received.digit = payload.digit
            message.dtmf_received.source = payload.source
            message.dtmf_received.duration.CopyFrom(convert.duration(payload.duration_us))
        case payloads.PlaybackStarted():
            message.playback_started.playback_id = payload.playback_id
            message.playback_started.uri = payload.uri
        case payloads.PlaybackStopped():
            message.playback_stopped.playback_id = payload.playback_id
            message.playback_stopped.uri = payload.uri
            message.playback_stopped.completed = payload.completed
        case payloads.RecordingStarted():
            message.recording_started.recording_id = payload.recording_id
            message.recording_started.path = payload.path
        case payloads.RecordingStopped():
            stopped = message.recording_stopped
            stopped.recording_id, stopped.path = payload.recording_id, payload.path
            stopped.duration.CopyFrom(convert.duration(payload.duration_us))
            stopped.reason = payload.reason
        case payloads.ApplicationStarted():
            started = message.application_started
            started.application.CopyFrom(_application(payload.name, payload.data))
            started.operation_id = payload.operation_id
        case payloads.ApplicationFinished():
            finished = message.application_finished
            finished.application.CopyFrom(_application(payload.name, payload.data))
            finished.operation_id, finished.response = payload.operation_id, payload.response
        case payloads.OperationFinished():
            ended = message.operation_finished
            ended.operation_id, ended.succeeded = payload.operation_id, payload.succeeded
            ended.reply = payload.reply
        case _:
            assert_never(payload)


def _application(name: str, data: str) -> call_pb2.Application:
    return call_pb2.Application(name=name, data=data)


def _call_ended(ended: payloads.CallEnded) -> event_pb2.CallEnded:
    message = event_pb2.CallEnded(
        call=convert.call(ended.call),
        cause=convert.hangup_cause(ended.cause),
        total_duration=convert.duration(ended.total_us),
    )
    if ended.call.answered_us:
        message.billable_duration.CopyFrom(convert.duration(ended.billable_us))
    return message


def _node_changed(changed: payloads.NodeChanged) -> event_pb2.NodeChanged:
    return event_pb2.NodeChanged(
        node_id=changed.node_id,
        connected=changed.connected,
        session_count=changed.session_count,
        core_uuid=changed.core_uuid or "",
        reason=changed.reason,
        draining=changed.draining,
    )


def _conference_changed(changed: payloads.ConferenceChanged) -> event_pb2.ConferenceChanged:
    return event_pb2.ConferenceChanged(
        conference_name=changed.conference_name,
        action=changed.action,
        member_id=changed.member_id,
        member_count=changed.member_count,
        conference_uuid=changed.conference_uuid,
        playback_id=changed.playback_id,
        recording_id=changed.recording_id,
        file=changed.file,
        error=changed.error,
    )


def _registration_changed(changed: payloads.RegistrationChanged) -> event_pb2.RegistrationChanged:
    return event_pb2.RegistrationChanged(
        kind=_REGISTRATION_KINDS[changed.kind],
        profile=changed.profile,
        user=changed.user,
        domain=changed.domain,
        contact=changed.contact,
    )


def _gateway_changed(changed: payloads.GatewayChanged) -> event_pb2.GatewayChanged:
    return event_pb2.GatewayChanged(
        kind=_GATEWAY_KINDS[changed.kind],
        gateway=changed.gateway,
        state=changed.state,
        up=changed.is_up,
        sip_code=changed.sip_code,
        reason=changed.reason,
    )


def _message_waiting(waiting: payloads.MessageWaiting) -> event_pb2.MessageWaiting:
    return event_pb2.MessageWaiting(
        mailbox=waiting.mailbox,
        waiting=waiting.has_new,
        new_messages=waiting.new_messages,
        saved_messages=waiting.saved_messages,
        new_urgent_messages=waiting.new_urgent_messages,
        saved_urgent_messages=waiting.saved_urgent_messages,
    )
