"""What is counted and measured, by Prometheus names. Labels are methods and nodes, never calls."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.status import NodeStatus
from callcontrol.ids import NodeId
from callcontrol.rpc.open_stream import Lag

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_EVENTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """A registry of its own, and what the rpc layer tells (`callcontrol.rpc.recorder.Recorder`)."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the page
        self.registry = registry = CollectorRegistry(auto_describe=True)
        method = ("grpc_method",)
        self._started = Counter(
            "grpc_server_started", "RPCs that came in.", method, registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled", "RPCs that ended.", (*method, "grpc_code"), registry=registry
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time from the start of an RPC to its end, streams left out.",
            method,
            buckets=_SECONDS,
            registry=registry,
        )
        self._replayed = Counter(
            "callcontrol_replayed_requests",
            "Requests answered from the window of request ids.",
            method,
            registry=registry,
        )
        self._open = Gauge(
            "callcontrol_open_subscriptions", "Event streams now.", registry=registry
        )
        self._sent = Counter(
            "callcontrol_events_sent", "Events delivered to subscribers.", registry=registry
        )
        self._sent_bytes = Counter(
            "callcontrol_event_bytes_sent", "Bytes of event messages.", registry=registry
        )
        self._skipped = Counter(
            "callcontrol_events_skipped",
            "Events that slow subscribers missed, told to them as gaps.",
            registry=registry,
        )
        self._failed = Counter(
            "callcontrol_filter_expression_failures",
            "Times the expression of a filter had no value for an event, and counted as false.",
            registry=registry,
        )
        self._batch = Histogram(
            "callcontrol_event_batch_size",
            "Events in a message of a stream.",
            buckets=_EVENTS,
            registry=registry,
        )
        self._write = Histogram(
            "callcontrol_event_write_seconds",
            "Time a message of a stream waited for its peer.",
            buckets=_SECONDS,
            registry=registry,
        )

    def rpc_started(self, method: str) -> None:
        """An RPC came in."""
        self._started.labels(method).inc()

    def rpc_ended(self, method: str, code: str, seconds: float) -> None:
        """It ended with that gRPC code by name."""
        self._handled.labels(method, code).inc()
        if method not in STREAMS:
            self._seconds.labels(method).observe(seconds)

    def rpc_replayed(self, method: str) -> None:
        """A repeated request id got its first answer again."""
        self._replayed.labels(method).inc()

    def subscription_opened(self) -> None:
        """An event stream began."""
        self._open.inc()

    def subscription_closed(self) -> None:
        """An event stream ended."""
        self._open.dec()

    def batch_sent(self, events: int, size: int, write_s: float) -> None:
        """A message of a stream was written."""
        self._sent.inc(events)
        self._sent_bytes.inc(size)
        self._batch.observe(events)
        self._write.observe(write_s)

    def events_skipped(self, count: int) -> None:
        """A slow subscriber was overtaken."""
        self._skipped.inc(count)

    def expression_failed(self) -> None:
        """An expression had no value for an event."""
        self._failed.inc()


STREAMS: Final = frozenset({"EventService/Events", "CallHandlingService/HandleCalls"})
"""Their time says how long clients stay, which no histogram of seconds can show."""


STALLED_S: Final = 10.0
"""How long a client may take nothing of what it is sent before its stream counts as stalled."""


class ServiceCollector(Collector):
    """Reads the state of nodes, event log and calls at the moment somebody asks for it."""

    def __init__(
        self,
        nodes: Callable[[], Iterable[NodeStatus]],
        log: EventLog,
        *,
        keeper: Keeper | None = None,
        calls_on: Callable[[NodeId], int],
        late_work: Callable[[], int],
        dropped_answers: Callable[[], int],
        streams: Callable[[], Iterable[Lag]] = tuple,
    ) -> None:
        self._nodes, self._log, self._calls_on = nodes, log, calls_on
        self._keeper = keeper
        self._late_work, self._dropped_answers = late_work, dropped_answers
        self._streams = streams

    def collect(self) -> Iterator[Metric]:
        """All figures, as of now."""
        log = self._log
        nodes = list(self._nodes())
        yield GaugeMetricFamily(
            "callcontrol_calls",
            "Legs that are up or being placed.",
            sum(self._calls_on(node.node_id) for node in nodes),
        )
        yield GaugeMetricFamily(
            "callcontrol_late_work",
            "Clean-ups under way for callers who went away.",
            self._late_work(),
        )
        yield CounterMetricFamily(
            "callcontrol_dropped_answers",
            "Answers to request ids that were forgotten before their time, for want of room.",
            self._dropped_answers(),
        )
        yield from _collect_log(log)
        yield from _collect_streams(list(self._streams()))
        if self._keeper is not None:
            yield from _collect_store(self._keeper)
        yield from _collect_nodes(nodes, self._calls_on)


def _collect_log(log: EventLog) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "callcontrol_log_entries", "Events and gaps numbered so far.", log.next_number - 1
    )
    held = log.next_number - log.first_number
    yield GaugeMetricFamily("callcontrol_log_entries_held", "Events and gaps held.", held)
    yield GaugeMetricFamily("callcontrol_log_bytes_held", "Bytes of them.", log.bytes_held)
    yield GaugeMetricFamily(
        "callcontrol_distinct_filters",
        "Different filters of subscribers.",
        log.distinct_filters,
    )


def _collect_streams(streams: list[Lag]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "callcontrol_subscription_lag_events_max",
        "Events that wait for the slowest subscriber.",
        max((stream.lag_events for stream in streams), default=0),
    )
    yield GaugeMetricFamily(
        "callcontrol_subscription_lag_seconds_max",
        "Age of the oldest event that waits for a subscriber.",
        max((stream.lag_s for stream in streams), default=0.0),
    )
    yield GaugeMetricFamily(
        "callcontrol_stalled_subscriptions",
        f"Event streams whose clients have taken nothing for {STALLED_S:.0f} s.",
        sum(stream.stalled_s >= STALLED_S for stream in streams),
    )


def _collect_store(keeper: Keeper) -> Iterator[Metric]:
    name, counters = "callcontrol_event_store", keeper.counters
    yield GaugeMetricFamily(
        f"{name}_failing", "Whether the file could not be written lately.", keeper.is_failing
    )
    yield GaugeMetricFamily(
        f"{name}_unwritten_entries", "Events and gaps held that are not on disk.", keeper.unwritten
    )
    yield GaugeMetricFamily(
        f"{name}_restored_entries", "Events and gaps of former runs.", counters.restored
    )
    for kind, text, value in (
        ("written_entries", "Events and gaps written.", counters.written),
        ("written_bytes", "Bytes of them.", counters.bytes_written),
        ("failures", "Times that the file could not be opened or written.", counters.failures),
        ("forgotten", "Times that it was begun anew as it fell behind.", counters.forgotten),
    ):
        yield CounterMetricFamily(f"{name}_{kind}", text, value)


def _collect_nodes(nodes: list[NodeStatus], calls_on: Callable[[NodeId], int]) -> Iterator[Metric]:
    gauges: tuple[tuple[str, str, Callable[[NodeStatus], float]], ...] = (
        ("ready", "Whether links are up and a canary came back lately.", lambda n: n.ready),
        ("draining", "Whether an operator lets it take no new calls.", lambda n: n.draining),
        ("calls", "Legs on it or being placed there.", lambda n: calls_on(n.node_id)),
        ("max_calls", "Legs at which it gets no more; 0 for no limit.", lambda n: n.call_limit),
        ("sessions", "Sessions on the switch.", lambda n: n.session_count),
        ("max_sessions", "Most sessions it allows.", lambda n: n.max_sessions),
        ("idle_cpu_ratio", "Idle processor time.", lambda n: n.idle_cpu_percent / 100),
        ("command_latency_seconds", "The last probe's round trip.", lambda n: n.command_latency_s),
        ("waiting_commands", "Commands that wait for a link.", lambda n: n.waiting_commands),
        ("jobs", "bgapi commands under way.", lambda n: n.jobs),
        ("links_up", "Connections.", lambda n: sum(link.connected for link in n.connections)),
        (
            "covering_event_links",
            "Event connections each of which alone loses no event.",
            lambda n: sum(link.covers_events for link in n.connections),
        ),
    )
    for name, text, read in gauges:
        gauge = GaugeMetricFamily(f"callcontrol_node_{name}", text, labels=("node",))
        for node in nodes:
            gauge.add_metric((node.node_id,), read(node))
        yield gauge
    for name in COUNTED:
        text = f"{name.replace('_', ' ').capitalize()} so far."
        counter = CounterMetricFamily(f"callcontrol_node_{name}", text, labels=("node",))
        for node in nodes:
            counter.add_metric((node.node_id,), getattr(node.counters, name))
        yield counter


COUNTED: Final = (
    "dials",
    "failed_dials",
    "lost_links",
    "reconnects",
    "overdue_replies",
    "silent_links",
    "commands",
    "unsent_commands",
    "unknown_outcomes",
    "lost_jobs",
    "events",
    "unreadable_events",
    "mended_events",
    "observer_failures",
)
"""Counters of a node, by the names of `NodeCounters`."""
