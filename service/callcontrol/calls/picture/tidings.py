"""What events say that are not about the life of a leg or what runs on it: one reader for each."""

from collections.abc import Callable, Mapping
from typing import Final

from callcontrol.calls.conferences.events import conference_changed
from callcontrol.calls.payloads import NodeChanged, OperationFinished, Payload
from callcontrol.calls.picture import detections, fields, mailboxes, sip_endpoints
from callcontrol.calls.picture.translate import Headers, small_number, subclass_of, text
from callcontrol.events.event import Position
from callcontrol.ids import OperationId

MAX_REPLY: Final = 1_000
"""Characters of a job's output that its payload has: all streams get that, and some lists are
megabytes."""
JOB: Final = "BACKGROUND_JOB"
_FAILURES: Final = ("-ERR", "-USAGE")

Reader = Callable[[Headers], Payload | None]


def job_finished(headers: Headers, output: str) -> OperationFinished | None:
    """BACKGROUND_JOB. Commands say of themselves, in how their output begins, whether they failed;
    many never do.
    """
    job_id = text(headers, fields.JOB_ID)
    if not job_id:
        return None
    failed = output.startswith(_FAILURES)
    return OperationFinished(OperationId(job_id), not failed, output[:MAX_REPLY])


def _heartbeat(headers: Headers, position: Position) -> NodeChanged:
    sessions = small_number(headers, fields.SESSION_COUNT)
    return NodeChanged(position.node_id, True, sessions, position.core_uuid, "heartbeat")


_CUSTOM: Final[Mapping[str, Reader]] = {
    fields.CONFERENCE_SUBCLASS: conference_changed,
    "sofia::register": sip_endpoints.registered,
    "sofia::unregister": sip_endpoints.unregistered,
    "sofia::expire": sip_endpoints.expired,
    "sofia::gateway_state": sip_endpoints.gateway_state,
    "sofia::gateway_add": sip_endpoints.gateway_added,
    "sofia::gateway_delete": sip_endpoints.gateway_removed,
    "avmd::beep": detections.beep_heard,
    "avmd::stop": detections.beep_search_ended,
    "vmd::beep": detections.beep_heard,
}


def _custom(headers: Headers) -> Payload | None:
    read = _CUSTOM.get(subclass_of(headers))
    return read(headers) if read is not None else None


_PLAIN: Final[Mapping[str, Reader]] = {
    fields.CUSTOM: _custom,
    "MESSAGE_WAITING": mailboxes.message_waiting,
    "DETECTED_TONE": detections.tone_detected,
    "TALK": detections.talk_began,
    "NOTALK": detections.talk_ended,
}

TELLING: Final = frozenset({*_PLAIN, "HEARTBEAT", JOB, "DETECTED_SPEECH"})
"""The names of events that `tidings` reads."""


def tidings(name: str, headers: Headers, body: str, position: Position) -> Payload | None:
    """What an event of such a name means; None for nothing that has a type of its own."""
    if (read := _PLAIN.get(name)) is not None:
        return read(headers)
    if name == "HEARTBEAT":
        return _heartbeat(headers, position)
    if name == JOB:
        return job_finished(headers, body)
    return detections.speech_detected(headers, body) if name == "DETECTED_SPEECH" else None
