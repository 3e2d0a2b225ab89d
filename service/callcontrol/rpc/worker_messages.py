"""What a worker is told, as the messages of its stream."""

from typing import Final

from callcontrol.calls.call import Call, HangupCause
from callcontrol.calls.offers.ports import Assignment, Offer
from callcontrol.events.event import Gap
from callcontrol.ids import CallId, OfferId
from callcontrol.rpc import convert, convert_event
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES, varint
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.refusal import bad_request, error_info, sentence
from callcontrol.v1 import call_pb2
from callcontrol.v1.call_handling_service_pb2 import (
    CallAssigned,
    CallReleased,
    DrainStream,
    FieldViolation,
    HandleCallsResponse,
    OfferCall,
    ReleaseRefused,
    StreamHeartbeat,
    WithdrawOffer,
    WorkerRegistered,
)

_EVENTS_TAG: Final = bytes(
    [(HandleCallsResponse.EVENTS_FIELD_NUMBER << 3) | 2]  # 2: length-delimited
)


def registered(
    worker_id: str, window_s: float, resumed: list[CallId], heartbeat_s: float
) -> HandleCallsResponse:
    """The worker is registered."""
    return HandleCallsResponse(
        registered=WorkerRegistered(
            worker_id=worker_id,
            resume_window=convert.duration_s(window_s),
            resumed_call_ids=resumed,
            heartbeat_interval=convert.duration_s(heartbeat_s),
        )
    )


def offer(offered: Offer) -> HandleCallsResponse:
    """A call to take or to refuse, with all its variables that fit a message."""
    return HandleCallsResponse(
        offer=OfferCall(
            offer_id=offered.offer_id,
            application=offered.application,
            call=_call(offered.call, with_variables=True),
            timeout=convert.duration_s(offered.timeout_s),
            attempt=offered.attempt,
        )
    )


def withdrawal(offer_id: OfferId) -> HandleCallsResponse:
    """An offer is off."""
    return HandleCallsResponse(withdraw=WithdrawOffer(offer_id=offer_id))


def assignment(assigned: Assignment, *, with_variables: bool) -> HandleCallsResponse:
    """A call is the worker's."""
    call = _call(assigned.call, with_variables=with_variables)
    return HandleCallsResponse(assigned=CallAssigned(offer_id=assigned.offer_id or "", call=call))


def release(call_id: CallId, cause: HangupCause | None) -> HandleCallsResponse:
    """A call is no longer the worker's."""
    hangup_cause = convert.hangup_cause(cause)
    return HandleCallsResponse(released=CallReleased(call_id=call_id, hangup_cause=hangup_cause))


def release_refused(call_id: CallId, failure: Failure) -> HandleCallsResponse:
    """A call is not released: what a refused request tells, and as much of it."""
    violations = bad_request(failure.violations).field_violations
    return HandleCallsResponse(
        release_refused=ReleaseRefused(
            call_id=call_id,
            code=failure.code.value[0],
            reason=failure.reason,
            message=sentence(failure),
            metadata=error_info(failure).metadata,
            violations=[
                FieldViolation(field=each.field, description=each.description)
                for each in violations
            ],
        )
    )


def drain(grace_s: float) -> HandleCallsResponse:
    """The stream ends in this time."""
    return HandleCallsResponse(drain=DrainStream(grace=convert.duration_s(max(0.0, grace_s))))


def gap(missing: Gap) -> HandleCallsResponse:
    """Events are missing here."""
    return HandleCallsResponse(gap=convert_event.gap(missing))


def heartbeat() -> HandleCallsResponse:
    """Nothing happened for a while."""
    return HandleCallsResponse(heartbeat=StreamHeartbeat())


def events(chunks: list[bytes]) -> bytes:
    """A message of events that are encoded already. CallEvents and EventsResponse have them in a
    field of the same number, so that the bytes are the same.
    """
    body = b"".join(chunks)
    return _EVENTS_TAG + varint(len(body)) + body


def with_token(message: bytes, token: str) -> bytes:
    """The message with a resume token: encoded messages are merged by joining them."""
    return message + HandleCallsResponse(resume_token=token).SerializeToString()


def _call(call: Call, *, with_variables: bool) -> call_pb2.Call:
    message = convert.call(call, with_variables=with_variables)
    if message.ByteSize() > MAX_EVENT_BYTES:
        message.ClearField("variables")
    return message
