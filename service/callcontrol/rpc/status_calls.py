"""Rules for failures of calls, of what runs on them, and of conferences."""

from typing import Final

from grpc import StatusCode

from callcontrol import errors
from callcontrol.rpc.failure import Reason
from callcontrol.rpc.status_rule import Rule, Told, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        errors.CallNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_CALL_NOT_FOUND,
        lambda e: Told(f"no call {e.call_id} on any connected node", {"call_id": e.call_id}),
        is_definite=False,
    ),
    rule(
        errors.CallHasEnded,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_CALL_ENDED,
        lambda e: Told(f"call {e.call_id} has ended", {"call_id": e.call_id, "cause": e.cause}),
        is_definite=False,
    ),
    rule(
        errors.CallStateConflict,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_CALL_STATE,
        lambda e: Told(
            f"call {e.call_id} is {e.state}; this needs {e.needs}",
            {"call_id": e.call_id, "state": e.state, "needs": e.needs},
        ),
        is_definite=False,
    ),
    rule(
        errors.CallIdTaken,
        StatusCode.ALREADY_EXISTS,
        Reason.ERROR_REASON_CALL_ID_TAKEN,
        lambda e: Told(f"call id {e.call_id} is taken by another call", {"call_id": e.call_id}),
    ),
    rule(
        errors.TooManyCalls,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_TOO_MANY_CALLS,
        lambda e: Told(
            f"{e.found} calls match, more than the {e.limit} that the request allows;"
            " none was ended",
            {"found": str(e.found), "limit": str(e.limit)},
        ),
        is_definite=False,
    ),
    rule(
        errors.OperationNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_OPERATION_NOT_FOUND,
        lambda e: Told(
            f"no {e.kind} {e.operation_id}", {"kind": e.kind, "operation_id": e.operation_id}
        ),
        is_definite=False,
    ),
    rule(
        errors.ConferenceNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_CONFERENCE_NOT_FOUND,
        lambda e: Told(f"no conference {e.name} on any connected node", {"conference": e.name}),
        is_definite=False,
    ),
    rule(
        errors.ConferenceConflict,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_CONFERENCE_STATE,
        lambda e: Told(
            f"conference {e.name} is {e.state}; the leg would be lost, and nothing was sent",
            {"conference": e.name, "state": e.state},
        ),
        is_definite=False,
    ),
    rule(
        errors.MemberNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_MEMBER_NOT_FOUND,
        lambda e: Told(
            f"conference {e.name} has no member {e.member}",
            {"conference": e.name, "member": e.member},
        ),
        is_definite=False,
    ),
)
