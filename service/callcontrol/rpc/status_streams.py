"""Rules for failures of event streams."""

from typing import Final

from grpc import StatusCode

from callcontrol import errors
from callcontrol.errors import Violation
from callcontrol.rpc.failure import Reason
from callcontrol.rpc.status_rule import Rule, Told, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        errors.SubscriptionNotFound,
        StatusCode.NOT_FOUND,
        Reason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND,
        lambda e: Told(
            f"this replica has no subscription {e.subscription_id}",
            {"subscription_id": e.subscription_id},
        ),
        is_definite=False,
    ),
    rule(
        errors.SubscriptionEnded,
        StatusCode.ABORTED,
        Reason.ERROR_REASON_SUBSCRIPTION_CLOSED,
        lambda e: Told(
            "an operator closed this subscription", {"subscription_id": e.subscription_id}
        ),
    ),
    rule(
        errors.SlowConsumer,
        StatusCode.ABORTED,
        Reason.ERROR_REASON_SLOW_CONSUMER,
        lambda e: Told(
            f"the subscriber was too slow and missed {e.missed_events or 'some'} events",
            {"missed_events": str(e.missed_events or "")},
        ),
    ),
    rule(
        errors.ResumeTokenExpired,
        StatusCode.OUT_OF_RANGE,
        Reason.ERROR_REASON_RESUME_TOKEN_EXPIRED,
        lambda e: Told(
            f"the stream cannot begin there: {e.reason}; begin now, without start, "
            "or with start.snapshot_if_expired"
        ),
    ),
    rule(
        errors.ResumeTokenInvalid,
        StatusCode.INVALID_ARGUMENT,
        Reason.ERROR_REASON_RESUME_TOKEN_INVALID,
        lambda e: Told(
            f"{e.field} is no resume token, or was changed",
            violations=(Violation(e.field, "must be as a stream or a list gave it out"),),
        ),
    ),
    rule(
        errors.TooManySubscriptions,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_TOO_MANY_SUBSCRIPTIONS,
        lambda e: Told(
            f"{e.limit} subscriptions are open, the most allowed for {e.scope}",
            {"limit": str(e.limit), "scope": e.scope},
        ),
    ),
    rule(
        errors.TooManyWorkers,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_TOO_MANY_WORKERS,
        lambda e: Told(
            f"{e.limit} workers are registered, the most allowed on this replica",
            {"limit": str(e.limit)},
        ),
    ),
    rule(
        errors.FiltersCostTooMuch,
        StatusCode.RESOURCE_EXHAUSTED,
        Reason.ERROR_REASON_FILTERS_TOO_COSTLY,
        lambda e: Told(
            f"the filters of {e.scope} cost as much as they may: there is no room for {e.cost}",
            {"limit": str(e.limit), "cost": str(e.cost), "scope": e.scope},
        ),
    ),
)
