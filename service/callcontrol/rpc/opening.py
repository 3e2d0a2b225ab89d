"""What a stream says before it goes on with the log: its settings, what is missing, and a picture
of the calls.

A stream that is broken off in the middle of this is to begin anew in the same way, so only the last
message of it has a resume token.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.picture.choosing import call_chooser
from callcontrol.calls.picture.synthetic import snapshot_event
from callcontrol.errors import InvalidRequest, ResumeTokenExpired, Violation
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.filter import EventFilter, may_match_node
from callcontrol.events.log import EventLog
from callcontrol.rpc import convert
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES, basic_event, gap
from callcontrol.rpc.event_request import StreamRequest
from callcontrol.rpc.event_start import StartRequest
from callcontrol.rpc.pace import MAX_LINGER_S
from callcontrol.v1 import event_pb2
from callcontrol.v1.event_service_pb2 import (
    Batching,
    EventsResponse,
    SnapshotCompleted,
    SubscriptionStarted,
)

MAX_AHEAD_US: Final = 60_000_000
"""How far the clock of a client may be ahead of ours."""
MAX_CALLS: Final = 100
"""Of a snapshot in one message: they are put into words in one go, in which nobody else runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The beginning of one stream. Good for the moment in which it was made."""

    start: Start | None = None
    """Where it begins in the log; None for now."""
    gaps: tuple[Gap, ...] = ()
    calls: Sequence[Call] | None = None
    """The snapshot, if there is one. It holds pictures that the tracker may have replaced."""
    oldest_us: int = 0
    """The oldest time a stream could begin from."""

    def messages(
        self, asked: StreamRequest, *, stream_id: str, server_version: str, now_us: int
    ) -> Iterator[EventsResponse]:
        """What it says, in order, first the settings in force; a message is made when it is asked
        for.
        """
        started = SubscriptionStarted(
            subscription_id=stream_id,
            oldest_time=convert.timestamp(self.oldest_us),
            server_version=server_version,
        )
        started.MergeFrom(_settings(asked))
        yield EventsResponse(started=started)
        for missing in self.gaps:
            yield EventsResponse(gap=gap(missing))
        if self.calls is None:
            return
        most, largest = min(asked.max_events, MAX_CALLS), min(asked.max_bytes, MAX_EVENT_BYTES)
        message, size = EventsResponse(), 0
        for call in self.calls:
            event = _snapshot(call, now_us, with_variables=asked.projection.is_full)
            size += event.ByteSize()
            if message.events and (size > largest or len(message.events) == most):
                yield message
                message, size = EventsResponse(), event.ByteSize()
            message.events.append(event)
        if message.events:
            yield message
        yield EventsResponse(snapshot_completed=SnapshotCompleted(call_count=len(self.calls)))


NOW: Final = Opening()
"""The beginning of a stream that says nothing before its first event."""


def open_stream(
    log: EventLog,
    calls: Callable[[], Iterable[Call]],
    asked: StartRequest | None,
    filters: Sequence[EventFilter],
    now_us: int,
) -> Opening:
    """How a stream begins that asked for this. To be followed by its subscription before anything
    else happens, so that nothing lies between the picture and the place.

    Raises InvalidRequest, ResumeTokenInvalid and ResumeTokenExpired.
    """
    oldest_us = log.oldest_us(now_us)
    if asked is None:
        return Opening(oldest_us=oldest_us)
    gaps: tuple[Gap, ...] = ()
    if not asked.snapshot:
        try:
            start = _place(log, asked, now_us)
        except ResumeTokenExpired:
            if not asked.snapshot_if_expired:
                raise
            gaps = _gaps(log, asked)
        else:
            return Opening(start=start, gaps=_for(filters, start.gaps), oldest_us=oldest_us)
    passes = call_chooser(filters)
    return Opening(
        gaps=_for(filters, gaps),
        calls=[call for call in calls() if passes(call)],
        oldest_us=oldest_us,
    )


def _settings(asked: StreamRequest) -> SubscriptionStarted:
    max_delay_s = MAX_LINGER_S if asked.max_delay_s is None else asked.max_delay_s
    return SubscriptionStarted(
        batching=Batching(
            max_events=asked.max_events,
            max_bytes=asked.max_bytes,
            max_delay=convert.duration_s(max_delay_s),
        ),
        heartbeat_interval=convert.duration_s(asked.heartbeat_s),
    )


def _place(log: EventLog, asked: StartRequest, now_us: int) -> Start:
    if asked.time_us is None:
        return log.start_after(asked.token)
    if asked.time_us > now_us + MAX_AHEAD_US:
        raise InvalidRequest([Violation("start.time", "must not be in the future")])
    return log.start_since(min(asked.time_us, now_us), now_us)


def _gaps(log: EventLog, asked: StartRequest) -> tuple[Gap, ...]:
    if asked.time_us is None:
        return log.gaps_after(asked.token)
    return (Gap(reason=GapReason.HISTORY_EXPIRED),)


def _for(filters: Sequence[EventFilter], gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    wanted = frozenset(filters)
    return tuple(missing for missing in gaps if may_match_node(wanted, missing.node_id))


def _snapshot(call: Call, now_us: int, *, with_variables: bool) -> event_pb2.Event:
    event = basic_event(snapshot_event(call, now_us))
    if with_variables:
        event.call_snapshot.call.variables.update(call.variables)
        if event.ByteSize() > MAX_EVENT_BYTES:
            event.call_snapshot.call.ClearField("variables")
    return event
