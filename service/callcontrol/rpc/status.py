"""The one table from failures to what a gRPC client is told: code, reason, facts, when to retry.

Sentences are made here from the fields of an error. The text of an exception never leaves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

import grpc

from callcontrol import errors
from callcontrol.errors import CallControlError, Violation
from callcontrol.v1 import error_reason_pb2

Reason = error_reason_pb2.ErrorReason

_PREFIX: Final = "ERROR_REASON_"
_MAX_REPLY_LENGTH: Final = 256
_ANOTHER_REPLICA_AFTER_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a client is told of a call that failed."""

    code: grpc.StatusCode
    reason: Reason.ValueType
    message: str
    """A sentence for people; programs read `reason` and `metadata`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_in_s: float | None = None
    """When the same request may be sent again; set only where nothing was sent."""
    is_definite: bool = True
    """Whether a repeat of the request id must get this answer again. False where nothing was
    done, or a repeat could do nothing, so that it may try anew."""

    @property
    def reason_name(self) -> str:
        """The reason as clients see it in ErrorInfo, without the enum's prefix."""
        return Reason.Name(self.reason).removeprefix(_PREFIX)


@dataclass(frozen=True, slots=True)
class _Told:
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    code: grpc.StatusCode
    reason: Reason.ValueType
    is_definite: bool
    tell: Callable[[CallControlError], _Told]


E = TypeVar("E", bound=CallControlError)
_RULES: Final[dict[type[CallControlError], _Rule]] = {}


def _rule(
    kind: type[E],
    code: grpc.StatusCode,
    reason: Reason.ValueType,
    tell: Callable[[E], _Told],
    *,
    is_definite: bool = True,
) -> None:
    # cast: the table is keyed by `kind`, so a rule is only ever given errors of its kind.
    _RULES[kind] = _Rule(code, reason, is_definite, lambda error: tell(cast("E", error)))


_rule(
    errors.InvalidRequest,
    grpc.StatusCode.INVALID_ARGUMENT,
    Reason.ERROR_REASON_INVALID_REQUEST,
    lambda e: _Told("the request is malformed: " + _list(e.violations), violations=e.violations),
    is_definite=False,
)
_rule(
    errors.InvalidFilter,
    grpc.StatusCode.INVALID_ARGUMENT,
    Reason.ERROR_REASON_FILTER_INVALID,
    lambda e: _Told("the filter cannot be used: " + _list(e.violations), violations=e.violations),
    is_definite=False,
)
_rule(
    errors.NotImplementedYet,
    grpc.StatusCode.UNIMPLEMENTED,
    Reason.ERROR_REASON_NOT_IMPLEMENTED,
    lambda e: _Told(
        f"{e.feature} is not served by this version", {"feature": e.feature, "field": e.field}
    ),
    is_definite=False,
)
_rule(
    errors.CallNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_CALL_NOT_FOUND,
    lambda e: _Told(f"no call {e.call_id} on any connected node", {"call_id": e.call_id}),
    is_definite=False,
)
_rule(
    errors.CallHasEnded,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_CALL_ENDED,
    lambda e: _Told(f"call {e.call_id} has ended", {"call_id": e.call_id, "cause": e.cause}),
    is_definite=False,
)
_rule(
    errors.CallStateConflict,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_CALL_STATE,
    lambda e: _Told(
        f"call {e.call_id} is {e.state}; this needs {e.needs}",
        {"call_id": e.call_id, "state": e.state, "needs": e.needs},
    ),
    is_definite=False,
)
_rule(
    errors.CallIdTaken,
    grpc.StatusCode.ALREADY_EXISTS,
    Reason.ERROR_REASON_CALL_ID_TAKEN,
    lambda e: _Told(f"call id {e.call_id} is taken by another call", {"call_id": e.call_id}),
)
_rule(
    errors.NodeNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_NODE_NOT_FOUND,
    lambda e: _Told(f"no node {e.node_id} is configured", {"node_id": e.node_id}),
    is_definite=False,
)
_rule(
    errors.NodeUnavailable,
    grpc.StatusCode.UNAVAILABLE,
    Reason.ERROR_REASON_NODE_UNREACHABLE,
    lambda e: _Told(
        f"no connection to {_name_node(e.node_id)}; nothing was sent",
        {"node_id": e.node_id},
        retry_in_s=e.retry_in_s,
    ),
    is_definite=False,
)
_rule(
    errors.NodeDraining,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_NODE_DRAINING,
    lambda e: _Told(f"{_name_node(e.node_id)} takes no new calls", {"node_id": e.node_id}),
    is_definite=False,
)
_rule(
    errors.NodeFull,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.ERROR_REASON_NODE_FULL,
    lambda e: _Told(
        f"{_name_node(e.node_id)} has as many calls as it may; nothing was dialled",
        {"node_id": e.node_id, "limit": str(e.limit)},
    ),
    is_definite=False,
)
_rule(
    errors.NodePaused,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_NODE_PAUSED,
    lambda e: _Told(
        f"{_name_node(e.node_id)} is paused; nothing was dialled", {"node_id": e.node_id}
    ),
    is_definite=False,
)
_rule(
    errors.NodeRateLimited,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.ERROR_REASON_NODE_RATE_LIMITED,
    lambda e: _Told(
        f"{_name_node(e.node_id)} begins at most {e.per_second} calls a second;"
        " nothing was dialled",
        {"node_id": e.node_id, "per_second": str(e.per_second)},
        retry_in_s=1.0,
    ),
    is_definite=False,
)
_rule(
    errors.ConferenceNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_CONFERENCE_NOT_FOUND,
    lambda e: _Told(f"no conference {e.name} on any connected node", {"conference": e.name}),
    is_definite=False,
)
_rule(
    errors.ConferenceConflict,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_CONFERENCE_STATE,
    lambda e: _Told(
        f"conference {e.name} is {e.state}; the leg would be lost, and nothing was sent",
        {"conference": e.name, "state": e.state},
    ),
    is_definite=False,
)
_rule(
    errors.MemberNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_MEMBER_NOT_FOUND,
    lambda e: _Told(
        f"conference {e.name} has no member {e.member}",
        {"conference": e.name, "member": e.member},
    ),
    is_definite=False,
)
_rule(
    errors.OperationNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_OPERATION_NOT_FOUND,
    lambda e: _Told(
        f"no {e.kind} {e.operation_id}", {"kind": e.kind, "operation_id": e.operation_id}
    ),
    is_definite=False,
)
_rule(
    errors.SubscriptionNotFound,
    grpc.StatusCode.NOT_FOUND,
    Reason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND,
    lambda e: _Told(
        f"this replica has no subscription {e.subscription_id}",
        {"subscription_id": e.subscription_id},
    ),
    is_definite=False,
)
_rule(
    errors.SubscriptionEnded,
    grpc.StatusCode.ABORTED,
    Reason.ERROR_REASON_SUBSCRIPTION_CLOSED,
    lambda e: _Told("an operator closed this subscription", {"subscription_id": e.subscription_id}),
)
_rule(
    errors.TooManyCalls,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_TOO_MANY_CALLS,
    lambda e: _Told(
        f"{e.found} calls match, more than the {e.limit} that the request allows; none was ended",
        {"found": str(e.found), "limit": str(e.limit)},
    ),
    is_definite=False,
)
_rule(
    errors.CommandNotAllowed,
    grpc.StatusCode.PERMISSION_DENIED,
    Reason.ERROR_REASON_COMMAND_NOT_ALLOWED,
    lambda e: _Told(
        f"the {e.kind} {e.name} is not on the operator's list ({e.setting})"
        + (" with this argument" if e.is_listed else ""),
        {"kind": e.kind, "name": e.name, "setting": e.setting},
    ),
    is_definite=False,
)
_rule(
    errors.CommandQueueFull,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.ERROR_REASON_COMMAND_QUEUE_FULL,
    lambda e: _Told(
        f"{e.waiting} commands already wait for {_name_node(e.node_id)}; nothing was sent",
        {"node_id": e.node_id, "waiting": str(e.waiting)},
        retry_in_s=e.retry_in_s,
    ),
    is_definite=False,
)
_rule(
    errors.OutcomeUnknown,
    grpc.StatusCode.UNKNOWN,
    Reason.ERROR_REASON_OUTCOME_UNKNOWN,
    lambda e: _Told(
        f"the command was sent to {_name_node(e.node_id)} and may have run; its outcome is lost",
        {"node_id": e.node_id},
    ),
)
_rule(
    errors.SwitchRefused,
    grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ERROR_REASON_SWITCH_REFUSED,
    lambda e: _Told(
        f"{_name_node(e.node_id)} refused the command",
        {"node_id": e.node_id, "switch_reply": _printable(e.reply)},
    ),
)
_rule(
    errors.SlowConsumer,
    grpc.StatusCode.ABORTED,
    Reason.ERROR_REASON_SLOW_CONSUMER,
    lambda e: _Told(
        f"the subscriber was too slow and missed {e.missed_events} events",
        {"missed_events": str(e.missed_events)},
    ),
)
_rule(
    errors.TooManySubscriptions,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.ERROR_REASON_TOO_MANY_SUBSCRIPTIONS,
    lambda e: _Told(
        f"{e.limit} subscriptions are open, the most allowed for {e.scope}",
        {"limit": str(e.limit), "scope": e.scope},
    ),
)
_rule(
    errors.RequestIdReused,
    grpc.StatusCode.ABORTED,
    Reason.ERROR_REASON_REQUEST_ID_REUSED,
    lambda e: _Told(
        "the request id was used before with another request; nothing was done for this one",
        {"request_id": e.request_id},
    ),
    is_definite=False,
)
_rule(
    errors.ShuttingDown,
    grpc.StatusCode.UNAVAILABLE,
    Reason.ERROR_REASON_SHUTTING_DOWN,
    lambda _: _Told("this replica is going away", retry_in_s=_ANOTHER_REPLICA_AFTER_S),
    is_definite=False,
)


def failure_of(error: CallControlError) -> Failure:
    """What a client is told of an expected failure. Raises KeyError for a class with no rule."""
    rule = next(_RULES[kind] for kind in type(error).__mro__ if kind in _RULES)
    told = rule.tell(error)
    return Failure(
        code=rule.code,
        reason=rule.reason,
        message=told.message,
        metadata={name: value for name, value in told.metadata.items() if value},
        violations=told.violations,
        retry_in_s=told.retry_in_s,
        is_definite=rule.is_definite,
    )


def unexpected(error_id: str) -> Failure:
    """What a client is told of a fault of ours: an id under which the log has the rest."""
    return Failure(
        code=grpc.StatusCode.INTERNAL,
        reason=Reason.ERROR_REASON_INTERNAL,
        message=f"a fault in the service; its log has more under {error_id}",
        metadata={"error_id": error_id},
    )


def out_of_time(facts: Mapping[str, str], *, nothing_was_sent: bool = False) -> Failure:
    """What a client is told when its deadline came first; `facts` say what was reached."""
    message = (
        "the deadline passed before anything was sent"
        if nothing_was_sent
        else "the deadline passed; what was asked may have been done, or may be under way"
    )
    return Failure(
        code=grpc.StatusCode.DEADLINE_EXCEEDED,
        reason=Reason.ERROR_REASON_OUTCOME_UNKNOWN,
        message=message,
        metadata={**facts, "nothing_was_sent": "true"} if nothing_was_sent else facts,
        is_definite=not nothing_was_sent,
    )


def cut_off(facts: Mapping[str, str]) -> Failure:
    """What a client is told whose command was under way when we had to go; `facts` as above."""
    return Failure(
        code=grpc.StatusCode.UNKNOWN,
        reason=Reason.ERROR_REASON_OUTCOME_UNKNOWN,
        message="this replica went away; what was asked may have been done, or may be under way",
        metadata=facts,
    )


def is_unknown_outcome(failure: Failure) -> bool:
    """Whether what was asked may have been done, and nobody knows."""
    return failure.is_definite and failure.reason == Reason.ERROR_REASON_OUTCOME_UNKNOWN


def rules() -> Mapping[type[CallControlError], tuple[grpc.StatusCode, str]]:
    """The table as code and reason name by error class, for documents and tests."""
    return {
        kind: (rule.code, Reason.Name(rule.reason).removeprefix(_PREFIX))
        for kind, rule in _RULES.items()
    }


def _list(violations: tuple[Violation, ...]) -> str:
    shown = [f"{each.field}: {each.problem}".removeprefix(": ") for each in violations[:3]]
    return "; ".join(shown) + ("; ..." if len(violations) > 3 else "")


def _name_node(node_id: str) -> str:
    return f"node {node_id}" if node_id else "the node"


def _printable(text: str) -> str:
    kept = "".join(each if each.isprintable() else " " for each in text[:_MAX_REPLY_LENGTH])
    return kept.strip()
