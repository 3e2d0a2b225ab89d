"""What is counted and measured of handed-over calls and workers, by Prometheus names.

A label is an application's name. The dialplan gives those, so that a mistake in it could make any
number of them: after the first hundred, others count together.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callcontrol.calls.offers.ports import CallResult, OfferResult, WorkerState
from callcontrol.freeswitch.admission import OutboundCounters

MAX_APPLICATIONS: Final = 100
OTHERS: Final = "(others)"
"""No application can be called so."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Labels:
    """The applications that have figures of their own."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, application: str) -> str:
        """The label for an application."""
        if application not in self._known:
            if len(self._known) == MAX_APPLICATIONS:
                return OTHERS
            self._known.add(application)
        return application


class HandlingMetrics:
    """What the desk tells (`calls.offers.ports.DeskObserver`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.labels = Labels()
        application = ("application",)
        self._offers = Counter(
            "callcontrol_offers",
            "Offers of calls to workers that ended.",
            (*application, "result"),
            registry=registry,
        )
        self._calls = Counter(
            "callcontrol_handed_calls",
            "Calls that dialplans handed over and that are the desk's no more.",
            (*application, "result"),
            registry=registry,
        )
        self._accepted = Histogram(
            "callcontrol_accept_seconds",
            "Time from the doorbell to the worker that took the call.",
            application,
            buckets=_SECONDS,
            registry=registry,
        )
        self._offered = Histogram(
            "callcontrol_first_offer_seconds",
            "Time from the doorbell to the first offer.",
            application,
            buckets=_SECONDS,
            registry=registry,
        )

    def offer_ended(self, application: str, result: OfferResult) -> None:
        """One offer ended."""
        self._offers.labels(self.labels.of(application), result.value).inc()

    def call_done(self, application: str, result: CallResult) -> None:
        """A call is no longer the desk's."""
        self._calls.labels(self.labels.of(application), result.value).inc()

    def accepted_after(self, application: str, seconds: float) -> None:
        """A call was accepted so long after the bell."""
        self._accepted.labels(self.labels.of(application)).observe(seconds)

    def offered_after(self, application: str, seconds: float) -> None:
        """A call was offered for the first time so long after the bell."""
        self._offered.labels(self.labels.of(application)).observe(seconds)


class HandlingCollector(Collector):
    """Reads workers, calls and connections at the moment somebody asks for it."""

    def __init__(
        self,
        labels: Labels,
        *,
        workers: Callable[[], Iterable[WorkerState]],
        calls: Callable[[], Mapping[str, int]],
        outbound: OutboundCounters | None = None,
        connections: Callable[[], int] = lambda: 0,
    ) -> None:
        """`calls` gives how many handed-over calls are in which stage, by its name. Without
        `outbound` there is no listener.
        """
        self._labels, self._workers, self._calls = labels, workers, calls
        self._outbound, self._connections = outbound, connections

    def collect(self) -> Iterator[Metric]:
        """All figures, as of now."""
        stages = GaugeMetricFamily(
            "callcontrol_handed_calls_now", "Handed-over calls, by stage.", labels=("stage",)
        )
        for stage, count in self._calls().items():
            stages.add_metric((stage,), count)
        yield stages
        yield from self._of_workers(list(self._workers()))
        if self._outbound is not None:
            yield from self._of_connections(self._outbound)

    def _of_workers(self, workers: list[WorkerState]) -> Iterator[Metric]:
        yield GaugeMetricFamily("callcontrol_workers", "Workers registered.", len(workers))
        serving: Tally[str] = Tally()
        for worker in workers:
            serving.update({self._labels.of(each) for each in worker.applications})
        gauge = GaugeMetricFamily(
            "callcontrol_application_workers",
            "Workers that serve an application and take offers or finish their calls.",
            labels=("application",),
        )
        for application, count in serving.items():
            gauge.add_metric((application,), count)
        yield gauge
        for name, text, count in (
            ("owned_calls", "Calls that are a worker's.", sum(each.owned for each in workers)),
            ("offered_calls", "Calls that a worker is asked to take.",
             sum(each.offered for each in workers)),
            ("draining_workers", "Workers that take no more offers.",
             sum(each.draining for each in workers)),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"callcontrol_{name}", text, count)

    def _of_connections(self, counters: OutboundCounters) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "callcontrol_outbound_connections_now",
            "Calls that are here by their own connection.",
            self._connections(),
        )
        for field in fields(counters):
            text = f"{field.name.replace('_', ' ').capitalize()} of the outbound listener so far."
            count = getattr(counters, field.name)
            yield CounterMetricFamily(f"callcontrol_outbound_{field.name}", text, count)
