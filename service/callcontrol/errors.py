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
    ├── CommandQueueFull      too many commands wait for the node; nothing was sent
    ├── OutcomeUnknown        the link broke, or time ran out, after sending
    ├── SwitchRefused         the switch answered with an error
    ├── SlowConsumer          a subscriber was overtaken and asked to be cut off
    ├── TooManySubscriptions  the limit on open event streams is reached
    ├── RequestIdReused       the same request id came with another request
    └── ShuttingDown          this replica is going away

A far end that is busy is an outcome, not an error. Only `rpc.status` knows gRPC codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callcontrol.ids import CallId, NodeId


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


class SlowConsumer(CallControlError):
    """The event log overtook a subscriber that asked to be cut off for it."""

    def __init__(self, missed_events: int) -> None:
        super().__init__(f"the subscriber fell behind and missed {missed_events} events")
        self.missed_events = missed_events


class TooManySubscriptions(CallControlError):
    """The limit on open event streams is reached: for one peer, or for this replica."""

    def __init__(self, limit: int, scope: str) -> None:
        super().__init__(f"{limit} subscriptions are open, the most allowed for {scope}")
        self.limit, self.scope = limit, scope


class RequestIdReused(CallControlError):
    """The same request id came with another request. Nothing was done for the second one."""

    def __init__(self, request_id: str) -> None:
        super().__init__("the request id was used before with another request")
        self.request_id = request_id


class ShuttingDown(CallControlError):
    """This replica is going away; another one, or this one later, will serve."""

    def __init__(self) -> None:
        super().__init__("this replica is shutting down")
