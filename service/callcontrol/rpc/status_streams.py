"""Rules for failures of event streams."""

from typing import Final

from grpc import StatusCode

from callcontrol import errors
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
            f"the subscriber was too slow and missed {e.missed_events} events",
            {"missed_events": str(e.missed_events)},
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
)
