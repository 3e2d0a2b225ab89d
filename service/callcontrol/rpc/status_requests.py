"""Rules for what is wrong with a request itself, whatever it is for, or with this replica."""

from typing import Final

from grpc import StatusCode

from callcontrol import errors
from callcontrol.errors import Violation
from callcontrol.rpc.failure import Reason
from callcontrol.rpc.status_rule import Rule, Told, rule

_ANOTHER_REPLICA_AFTER_S: Final = 1.0

RULES: Final[tuple[Rule, ...]] = (
    rule(
        errors.InvalidRequest,
        StatusCode.INVALID_ARGUMENT,
        Reason.ERROR_REASON_INVALID_REQUEST,
        lambda e: Told("the request is malformed: " + _list(e.violations), violations=e.violations),
        is_definite=False,
    ),
    rule(
        errors.InvalidFilter,
        StatusCode.INVALID_ARGUMENT,
        Reason.ERROR_REASON_FILTER_INVALID,
        lambda e: Told(
            "the filter cannot be used: " + _list(e.violations), violations=e.violations
        ),
        is_definite=False,
    ),
    rule(
        errors.NotImplementedYet,
        StatusCode.UNIMPLEMENTED,
        Reason.ERROR_REASON_NOT_IMPLEMENTED,
        lambda e: Told(
            f"{e.feature} is not served by this version", {"feature": e.feature, "field": e.field}
        ),
        is_definite=False,
    ),
    rule(
        errors.RequestIdReused,
        StatusCode.ABORTED,
        Reason.ERROR_REASON_REQUEST_ID_REUSED,
        lambda e: Told(
            "the request id was used before with another request; nothing was done for this one",
            {"request_id": e.request_id},
        ),
        is_definite=False,
    ),
    rule(
        errors.CommandNotAllowed,
        StatusCode.PERMISSION_DENIED,
        Reason.ERROR_REASON_COMMAND_NOT_ALLOWED,
        lambda e: Told(
            f"the {e.kind} {e.name} is not on the operator's list ({e.setting})"
            + (" with this argument" if e.is_listed else ""),
            {"kind": e.kind, "name": e.name, "setting": e.setting},
        ),
        is_definite=False,
    ),
    rule(
        errors.ShuttingDown,
        StatusCode.UNAVAILABLE,
        Reason.ERROR_REASON_SHUTTING_DOWN,
        lambda _: Told("this replica is going away", retry_in_s=_ANOTHER_REPLICA_AFTER_S),
        is_definite=False,
    ),
    rule(
        errors.AnswerTooLarge,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_ANSWER_TOO_LARGE,
        lambda e: Told(
            f"the request was carried out, but its answer of {e.size} bytes is more than the"
            f" {e.limit} that clients receive",
            {"size": str(e.size), "limit": str(e.limit)},
        ),
    ),
)


def _list(violations: tuple[Violation, ...]) -> str:
    shown = [f"{each.field}: {each.problem}".removeprefix(": ") for each in violations[:3]]
    return "; ".join(shown) + ("; ..." if len(violations) > 3 else "")
