"""Expected failures, one class each, with the facts a caller needs to act on them.

    CallControlError
    ├── InvalidRequest        the request is malformed; nothing was sent
    │   └── InvalidFilter     a filter of a subscription is malformed or over the limits
    ├── NotImplementedYet     the API has it, this version does not serve it
    ├── CallNotFound          no connected node has the call
    ├── CallHasEnded          the call is over
    ├── CallStateConflict     the call is in a state that does not allow this
    ├── CallIdTaken           another call has that id
    ├── NodeNotFound          no such node is configured
    ├── NodeUnavailable       no link to the node; nothing was sent
    ├── NodeDraining          the node takes no new calls
    ├── NodeFull              the node has as many calls as it may; nothing was dialled
    ├── NodePaused            the switch was told to take no new calls; nothing was dialled
    ├── NodeRateLimited       the switch begins no more calls this second; nothing was dialled
    ├── ConferenceNotFound    no connected node has the conference
    ├── ConferenceConflict    the conference is locked or full
    ├── MemberNotFound        the conference has no such member
    ├── OperationNotFound     no such playback, recording or schedule
    ├── SubscriptionNotFound  this replica has no such subscription
    ├── SubscriptionEnded     an operator closed the subscription
    ├── TooManyCalls          more calls match than the request allows; none was ended
    ├── CommandNotAllowed     the operator's list does not have the raw command
    ├── CommandQueueFull      too many commands wait for the node; nothing was sent
    ├── OutcomeUnknown        the link broke, or time ran out, after sending
    ├── SwitchRefused         the switch answered with an error
    ├── ResumeTokenExpired    not everything after the place of a resume token is held
    ├── ResumeTokenInvalid    what came as a resume token is none
    ├── SlowConsumer          a subscriber was overtaken and asked to be cut off
    ├── TooManySubscriptions  the limit on open event streams is reached
    ├── FiltersCostTooMuch    the filters of all subscriptions cost as much as they may
    ├── AnswerTooLarge        the request was carried out, its answer cannot be carried
    ├── RequestIdReused       the same request id came with another request
    └── ShuttingDown          this replica is going away

A far end that is busy is an outcome, not an error. Only `rpc.status` and
its rules know gRPC codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callcontrol.ids import CallId, NodeId, OperationId


class CallControlError(Exception):
    """The base of every failure that a caller may meet in normal operation."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field, and how to mend it."""

    field: str
    """Path of the field as the client wrote it, for example `endpoints[0].sip.address`."""
    problem: str
    """A sentence that says what is accepted."""


class InvalidRequest(CallControlError):
    """The request is malformed; every violation is listed. Nothing was sent."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.problem}" for v in violations))
        self.violations = tuple(violations)


class InvalidFilter(InvalidRequest):
    """A filter of a subscription is malformed or over the limits; every violation is listed."""


class NotImplementedYet(CallControlError):
    """The API describes it, this version does not serve it. Nothing was sent.

    `field` is the path of the field of the request that asked for it, empty for a whole method.
    """

    def __init__(self, feature: str, field: str = "") -> None:
        super().__init__(f"{feature} is not implemented in this version")
        self.feature, self.field = feature, field


class CallNotFound(CallControlError):
    """No connected node has, or lately had, the call."""

    def __init__(self, call_id: CallId) -> None:
        super().__init__(f"no call {call_id} on any connected node")
        self.call_id = call_id


class CallHasEnded(CallControlError):
    """The call is over, or was over when the command reached it."""

    def __init__(self, call_id: CallId, cause: str = "") -> None:
        super().__init__(f"call {call_id} has ended" + (f" ({cause})" if cause else ""))
        self.call_id, self.cause = call_id, cause


class CallStateConflict(CallControlError):
    """The call lives, but what was asked makes no sense in its state."""

    def __init__(self, call_id: CallId, state: str, needs: str) -> None:
        super().__init__(f"call {call_id} is {state}; this needs {needs}")
        self.call_id, self.state, self.needs = call_id, state, needs


class CallIdTaken(CallControlError):
    """Another call has, or lately had, the id that was asked for."""

    def __init__(self, call_id: CallId) -> None:
        super().__init__(f"call id {call_id} is taken")
        self.call_id = call_id


class NodeNotFound(CallControlError):
    """No node of that name is configured."""

    def __init__(self, node_id: NodeId) -> None:
        super().__init__(f"no node {node_id} is configured")
        self.node_id = node_id


class NodeUnavailable(CallControlError):
    """No usable link to the node. Nothing was sent, so the caller may retry."""

    def __init__(self, node_id: NodeId, reason: str, retry_in_s: float) -> None:
        super().__init__(f"node {node_id} is unreachable: {reason}")
        self.node_id, self.reason, self.retry_in_s = node_id, reason, retry_in_s


class NodeDraining(CallControlError):
    """The node is being drained and takes no new calls."""

    def __init__(self, node_id: NodeId) -> None:
        super().__init__(f"node {node_id} is draining and takes no new calls")
        self.node_id = node_id


class NodeFull(CallControlError):
    """The node has as many calls as it may have. Nothing was dialled."""

    def __init__(self, node_id: NodeId, limit: int) -> None:
        super().__init__(f"node {node_id} has {limit} calls, the most it may have")
        self.node_id, self.limit = node_id, limit


class NodePaused(CallControlError):
    """The switch itself was told to take no new calls. Nothing was dialled."""

    def __init__(self, node_id: NodeId) -> None:
        super().__init__(f"node {node_id} is paused and takes no new calls")
        self.node_id = node_id


class NodeRateLimited(CallControlError):
    """The switch begins no more calls within this second. Nothing was dialled."""

    def __init__(self, node_id: NodeId, per_second: int) -> None:
        super().__init__(f"node {node_id} begins at most {per_second} calls a second")
        self.node_id, self.per_second = node_id, per_second


class ConferenceNotFound(CallControlError):
    """No connected node has a conference of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no conference {name} on any connected node")
        self.name = name


class ConferenceConflict(CallControlError):
    """The conference would not let in the leg, which the switch then ends. Nothing was sent."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"conference {name} is {state}")
        self.name, self.state = name, state


class MemberNotFound(CallControlError):
    """The conference runs, and has no such member. Nothing was changed."""

    def __init__(self, name: str, member: str) -> None:
        super().__init__(f"conference {name} has no member {member}")
        self.name, self.member = name, member


class OperationNotFound(CallControlError):
    """A leg or conference has no such playback, recording or schedule, or has it no more."""

    def __init__(self, kind: str, operation_id: OperationId) -> None:
        super().__init__(f"no {kind} {operation_id}")
        self.kind, self.operation_id = kind, operation_id


class SubscriptionNotFound(CallControlError):
    """This replica has no subscription of that id; another one may."""

    def __init__(self, subscription_id: str) -> None:
        super().__init__(f"no subscription {subscription_id} on this replica")
        self.subscription_id = subscription_id


class SubscriptionEnded(CallControlError):
    """An operator closed the subscription. Its client may open another."""

    def __init__(self, subscription_id: str) -> None:
        super().__init__(f"subscription {subscription_id} was closed by an operator")
        self.subscription_id = subscription_id


class TooManyCalls(CallControlError):
    """More calls match than the request allows. None was ended."""

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"{found} calls match, and at most {limit} may")
        self.found, self.limit = found, limit


class CommandNotAllowed(CallControlError):
    """A raw command, application or dial string is not on the operator's list. Nothing was sent.

    `is_listed` where its name is there, and only its argument does not fit.
    """

    def __init__(self, kind: str, name: str, setting: str, *, is_listed: bool = False) -> None:
        super().__init__(f"the {kind} {name} is not among those that {setting} allows")
        self.kind, self.name, self.setting, self.is_listed = kind, name, setting, is_listed


class CommandQueueFull(CallControlError):
    """Too many commands wait for the node. Nothing was sent, so the caller may retry."""

    def __init__(self, node_id: NodeId, waiting: int, retry_in_s: float) -> None:
        super().__init__(f"{waiting} commands already wait for node {node_id}")
        self.node_id, self.waiting, self.retry_in_s = node_id, waiting, retry_in_s


class OutcomeUnknown(CallControlError):
    """The command was sent, and what became of it is not known. It may have run."""

    def __init__(self, node_id: NodeId, reason: str) -> None:
        super().__init__(f"the command was sent to node {node_id}, but {reason}")
        self.node_id, self.reason = node_id, reason


class SwitchRefused(CallControlError):
    """The switch answered with an error of its own."""

    def __init__(self, node_id: NodeId, reply: str) -> None:
        super().__init__(f"node {node_id} refused: {reply}")
        self.node_id, self.reply = node_id, reply


class ResumeTokenExpired(CallControlError):
    """Not everything that came after the place of a resume token, or a time, is held here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the stream cannot begin there: {reason}")
        self.reason = reason


class ResumeTokenInvalid(CallControlError):
    """What came as a resume token was never given out like this. `field` is where it stood."""

    def __init__(self, field: str = "start.resume_token") -> None:
        super().__init__("what came as a resume token is none")
        self.field = field


class SlowConsumer(CallControlError):
    """The event log overtook a subscriber that asked to be cut off for it.

    `missed_events` is 0 where it is not known how many.
    """

    def __init__(self, missed_events: int) -> None:
        super().__init__(f"the subscriber fell behind and missed {missed_events or 'some'} events")
        self.missed_events = missed_events


class TooManySubscriptions(CallControlError):
    """The limit on open event streams is reached: for one peer, or for this replica."""

    def __init__(self, limit: int, scope: str) -> None:
        super().__init__(f"{limit} subscriptions are open, the most allowed for {scope}")
        self.limit, self.scope = limit, scope


class TooManyWorkers(CallControlError):
    """As many workers are registered as may be on this replica."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} workers are registered, the most allowed")
        self.limit = limit


class FiltersCostTooMuch(CallControlError):
    """The distinct filters of the subscriptions of one peer, or of this replica, together cost as
    much as they may.
    """

    def __init__(self, cost: int, limit: int, scope: str) -> None:
        super().__init__(f"no room for filters of cost {cost}: those of {scope} may cost {limit}")
        self.cost, self.limit, self.scope = cost, limit, scope


class AnswerTooLarge(CallControlError):
    """The request was carried out, but its answer has more bytes than clients receive."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"an answer of {size} bytes; the limit is {limit}")
        self.size, self.limit = size, limit


class RequestIdReused(CallControlError):
    """The same request id came with another request. Nothing was done for the second one."""

    def __init__(self, request_id: str) -> None:
        super().__init__("the request id was used before with another request")
        self.request_id = request_id


class ShuttingDown(CallControlError):
    """This replica is going away; another one, or this one later, will serve."""

    def __init__(self) -> None:
        super().__init__("this replica is shutting down")
