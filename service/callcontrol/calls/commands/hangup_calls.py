"""HangupCalls: the end of each call that a filter picks, told for each as it came out."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, is_no_such_call
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.payloads import CallEnded
from callcontrol.calls.picture.watch import Watch
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallControlError,
    CallHasEnded,
    CommandQueueFull,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
    TooManyCalls,
)
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId

DEFAULT_MAX: Final = 100
"""Calls that a request ends which says nothing of how many it means."""
MOST: Final = 10_000


class CallFilter(Protocol):
    """Picks calls."""

    async def pick(self, calls: Iterable[Call], limit: int | None = None) -> list[Call]:
        """Those it holds for, in order, at most `limit`. Lets others go on in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupCallsOutcome(Outcome):
    """What came of each call that the filter picked. Confirmed when all are seen to have ended."""

    matched: int
    ended: tuple[CallId, ...] = ()
    """Told to end, or ended meanwhile by themselves."""
    failed: tuple[tuple[CallId, CallControlError], ...] = ()
    """Those that may go on, and why."""


@dataclass(slots=True)
class _Round:
    """One request under way: what was told to end, and what could not be."""

    watches: dict[CallId, Watch] = field(default_factory=dict)
    failed: dict[CallId, CallControlError] = field(default_factory=dict)


def hangup_calls_checks(cause: str, max_calls: int) -> list[Checked]:
    """What is wrong with the cause and the bound."""
    inside = 0 <= max_calls <= MOST
    return [
        checks.cause_check(cause),
        ("max_calls", None if inside else f"must be from 0, which means {DEFAULT_MAX}, to {MOST}"),
    ]


async def count_calls(commander: Commander, call_filter: CallFilter) -> HangupCallsOutcome:
    """Which calls would be ended. Nothing is sent."""
    picked = await call_filter.pick(commander.tracker.calls())
    return HangupCallsOutcome(
        confirmed=False,
        matched=len(picked),
        ended=tuple(call.call_id for call in picked[:MOST]),
    )


async def hang_up_calls(
    commander: Commander, call_filter: CallFilter, cause: str = "", max_calls: int = 0
) -> HangupCallsOutcome:
    """End each call the filter picks, by its own `uuid_kill`; an empty cause is NORMAL_CLEARING.

    Raises TooManyCalls when it picks more than `max_calls` (0 means 100), and a failure when none
    is known to have been told: OutcomeUnknown if one may have been, else the first. Once one was
    told, the failures of others are in the outcome: NodeUnavailable, CommandQueueFull and
    InvalidRequest (no command can carry the id) are for calls to which nothing was sent,
    OutcomeUnknown for those that may have ended.
    """
    checks.require_valid(hangup_calls_checks(cause, max_calls))
    picked = await call_filter.pick(commander.tracker.calls())
    limit = max_calls or DEFAULT_MAX
    if len(picked) > limit:
        raise TooManyCalls(len(picked), limit)
    under_way = _Round()
    with ExitStack() as watching:
        # Cancelled here, each node has been told of some of its calls: the caller hears that the
        # outcome is unknown, and can ask for the same again, which ends nothing twice.
        async with asyncio.TaskGroup() as nodes:
            for node_id, calls in _by_node(picked).items():
                work = _end_all(commander, under_way, watching, calls, cause or "NORMAL_CLEARING")
                nodes.create_task(work, name=f"hang up on {node_id}")
        if not under_way.watches and under_way.failed:
            raise _gravest(under_way.failed.values())
        confirmed = await _ended(commander, under_way)
    ended = [call.call_id for call in picked if call.call_id not in under_way.failed]
    return HangupCallsOutcome(
        confirmed=confirmed and not under_way.failed,
        matched=len(picked),
        ended=tuple(ended),
        failed=tuple(under_way.failed.items()),
    )


def _gravest(failures: Iterable[CallControlError]) -> CallControlError:
    """Of one request: that nothing was sent is true only where it is true of all."""
    first, *others = failures
    return next((each for each in (first, *others) if isinstance(each, OutcomeUnknown)), first)


def _by_node(calls: Sequence[Call]) -> dict[NodeId, list[Call]]:
    nodes: dict[NodeId, list[Call]] = {}
    for call in calls:
        nodes.setdefault(call.node_id, []).append(call)
    return nodes


async def _end_all(
    commander: Commander, under_way: _Round, watching: ExitStack, calls: list[Call], cause: str
) -> None:
    """Tell one node to end its calls, one after the other; the rest is let be once it is lost."""
    lost: CallControlError | None = None
    for call in calls:
        if lost is not None:
            under_way.failed[call.call_id] = lost
            continue
        watch = watching.enter_context(commander.tracker.watch(call.call_id, node_id=call.node_id))
        try:
            reply = await commander.reply(call, "uuid_kill", call.call_id, cause)
        except (NodeUnavailable, CommandQueueFull) as error:
            under_way.failed[call.call_id] = lost = error
            continue
        except (OutcomeUnknown, InvalidRequest) as error:
            under_way.failed[call.call_id] = error
            continue
        if reply.startswith("-") and not is_no_such_call(reply):
            under_way.failed[call.call_id] = SwitchRefused(call.node_id, reply)
            continue
        under_way.watches[call.call_id] = watch


async def _ended(commander: Commander, under_way: _Round) -> bool:
    """Whether all that were told to end are seen to have ended, within the time for one proof."""

    def over(event: Event) -> bool:
        return isinstance(event.payload, CallEnded)

    try:
        async with asyncio.timeout(patience_s(commander.settings.confirm_timeout_s)):
            for call_id, watch in under_way.watches.items():
                try:
                    await watch.until(over, past_hangup=True)
                except CallHasEnded:
                    continue
                except OutcomeUnknown as error:
                    under_way.failed[call_id] = error
    except TimeoutError:
        return False
    return True
