"""From failures to what a gRPC client is told: code, reason, facts, when to retry.

The rules, one for each class of error, are in `status_requests`, `status_nodes`, `status_calls` and
`status_streams`. Sentences are made there from the fields of an error: the text of an exception
never leaves. What no error of ours tells, a deadline or a fault, is told here.
"""

from collections.abc import Mapping
from typing import Final

import grpc

from callcontrol.errors import CallControlError
from callcontrol.rpc import status_calls, status_nodes, status_requests, status_streams
from callcontrol.rpc.failure import Failure, Reason, name_of
from callcontrol.rpc.status_rule import Rule

_RULES: Final[Mapping[type[CallControlError], Rule]] = {
    rule.kind: rule
    for rule in (
        *status_requests.RULES,
        *status_nodes.RULES,
        *status_calls.RULES,
        *status_streams.RULES,
    )
}


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


def rules() -> Mapping[type[CallControlError], tuple[grpc.StatusCode, str]]:
    """The table as code and reason name by error class, for documents and tests."""
    return {kind: (rule.code, name_of(rule.reason)) for kind, rule in _RULES.items()}
