"""What we asked a leg to run and has not begun: it waits behind what runs, and is dropped with all
that waits, of which the switch tells nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from callcontrol.calls.commands.commander import Commander
from callcontrol.errors import CallControlError, OutcomeUnknown
from callcontrol.ids import CallId, OperationId


@contextmanager
def queued(
    commander: Commander,
    call_id: CallId,
    operation_id: OperationId,
    on_dropped: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Around asking for something, which may begin before the switch has answered. It waits until
    it does, unless it was refused.
    """
    leg = commander.tracker.legs.alive(call_id)
    if leg is not None:
        leg.queue_application(operation_id, on_dropped)
    try:
        yield
    except CallControlError as error:
        if not isinstance(error, OutcomeUnknown):
            drop(commander, call_id, (operation_id,))
        raise


def waiting(commander: Commander, call_id: CallId) -> tuple[OperationId, ...]:
    """What waits on a leg, in the order of asking."""
    leg = commander.tracker.legs.alive(call_id)
    return tuple(leg.queued) if leg is not None else ()


def drop(commander: Commander, call_id: CallId, dropped: Iterable[OperationId]) -> None:
    """These will not begin any more."""
    leg = commander.tracker.legs.alive(call_id)
    if leg is not None:
        for operation_id in dropped:
            if (on_dropped := leg.queued.pop(operation_id, None)) is not None:
                on_dropped()
