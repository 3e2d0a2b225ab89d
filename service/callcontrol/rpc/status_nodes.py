"""Rules for failures of a node: it is not there, takes no more, or says no."""

from typing import Final

from grpc import StatusCode

from callcontrol import errors
from callcontrol.rpc.failure import Reason
from callcontrol.rpc.status_rule import Rule, Told, rule

_MAX_REPLY_LENGTH: Final = 256
_NEXT_SECOND_S: Final = 1.0

RULES: Final[tuple[Rule, ...]] = (
    rule(
        errors.NodeNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_NODE_NOT_FOUND,
        lambda e: Told(f"no node {e.node_id} is configured", {"node_id": e.node_id}),
        is_definite=False,
    ),
    rule(
        errors.NodeUnavailable,
        StatusCode.UNAVAILABLE,
        Reason.ERROR_REASON_NODE_UNREACHABLE,
        lambda e: Told(
            f"no connection to {_name(e.node_id)}; nothing was sent",
            {"node_id": e.node_id},
            retry_in_s=e.retry_in_s,
        ),
        is_definite=False,
    ),
    rule(
        errors.NodeDraining,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_NODE_DRAINING,
        lambda e: Told(f"{_name(e.node_id)} takes no new calls", {"node_id": e.node_id}),
        is_definite=False,
    ),
    rule(
        errors.NodeFull,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_NODE_FULL,
        lambda e: Told(
            f"{_name(e.node_id)} has as many calls as it may; nothing was dialled",
            {"node_id": e.node_id, "limit": str(e.limit)},
        ),
        is_definite=False,
    ),
    rule(
        errors.NodePaused,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_NODE_PAUSED,
        lambda e: Told(
            f"{_name(e.node_id)} is paused; nothing was dialled", {"node_id": e.node_id}
        ),
        is_definite=False,
    ),
    rule(
        errors.NodeRateLimited,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_NODE_RATE_LIMITED,
        lambda e: Told(
            f"{_name(e.node_id)} begins at most {e.per_second} calls a second; nothing was dialled",
            {"node_id": e.node_id, "per_second": str(e.per_second)},
            retry_in_s=_NEXT_SECOND_S,
        ),
        is_definite=False,
    ),
    rule(
        errors.CommandQueueFull,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_COMMAND_QUEUE_FULL,
        lambda e: Told(
            f"{e.waiting} commands already wait for {_name(e.node_id)}; nothing was sent",
            {"node_id": e.node_id, "waiting": str(e.waiting)},
            retry_in_s=e.retry_in_s,
        ),
        is_definite=False,
    ),
    rule(
        errors.OutcomeUnknown,
        StatusCode.UNKNOWN,
        Reason.ERROR_REASON_OUTCOME_UNKNOWN,
        lambda e: Told(
            f"the command was sent to {_name(e.node_id)} and may have run; its outcome is lost",
            {"node_id": e.node_id},
        ),
    ),
    rule(
        errors.SwitchRefused,
        StatusCode.FAILED_PRECONDITION,
        Reason.ERROR_REASON_SWITCH_REFUSED,
        lambda e: Told(
            f"{_name(e.node_id)} refused the command",
            {"node_id": e.node_id, "switch_reply": _printable(e.reply)},
        ),
    ),
)


def _name(node_id: str) -> str:
    return f"node {node_id}" if node_id else "the node"


def _printable(text: str) -> str:
    kept = "".join(each if each.isprintable() else " " for each in text[:_MAX_REPLY_LENGTH])
    return kept.strip()
