"""What is measured of handed-over calls and workers, by its Prometheus names."""

from prometheus_client import CollectorRegistry, generate_latest

from callcontrol.calls.offers.ports import CallResult, OfferResult, WorkerState
from callcontrol.freeswitch.admission import OutboundCounters
from callcontrol.ids import WorkerId
from callcontrol.metrics_handling import (
    MAX_APPLICATIONS,
    HandlingCollector,
    HandlingMetrics,
    Labels,
)


def worker(name: str, applications: set[str], *, draining: bool = False) -> WorkerState:
    return WorkerState(
        worker_id=WorkerId(name),
        name=name,
        applications=frozenset(applications),
        max_calls=10,
        owned=2,
        offered=1,
        draining=draining,
        connected_s=1.0,
    )


def page(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


def test_offers_and_calls_are_counted_by_application_and_result():
    registry = CollectorRegistry()
    metrics = HandlingMetrics(registry)
    metrics.offer_ended("menu", OfferResult.EXPIRED)
    metrics.offer_ended("menu", OfferResult.EXPIRED)
    metrics.call_done("menu", CallResult.FALLBACK)
    metrics.offered_after("menu", 0.02)
    metrics.accepted_after("menu", 0.2)
    text = page(registry)
    for line in (
        'callcontrol_offers_total{application="menu",result="expired"} 2.0',
        'callcontrol_handed_calls_total{application="menu",result="fallback"} 1.0',
        'callcontrol_first_offer_seconds_bucket{application="menu",le="0.025"} 1.0',
        'callcontrol_accept_seconds_bucket{application="menu",le="0.25"} 1.0',
    ):
        assert line in text


def test_a_dialplan_that_makes_up_names_makes_no_more_than_a_hundred_labels():
    registry = CollectorRegistry()
    metrics = HandlingMetrics(registry)
    for number in range(MAX_APPLICATIONS + 7):
        metrics.call_done(f"menu-{number}", CallResult.GONE)
    text = page(registry)
    assert 'handed_calls_total{application="(others)",result="gone"} 7.0' in text
    assert text.count("callcontrol_handed_calls_total{") == MAX_APPLICATIONS + 1


def test_workers_calls_and_connections_are_read_when_somebody_asks():
    registry = CollectorRegistry()
    workers = [worker("ann", {"menu", "queue"}), worker("bob", {"menu"}, draining=True)]
    registry.register(
        HandlingCollector(
            Labels(),
            workers=lambda: workers,
            calls=lambda: {"waiting": 3, "owned": 4},
            outbound=OutboundCounters(arrivals=5, refused_peers=6),
            connections=lambda: 7,
        )
    )
    text = page(registry)
    for line in (
        "callcontrol_workers 2.0",
        'callcontrol_application_workers{application="menu"} 2.0',
        'callcontrol_application_workers{application="queue"} 1.0',
        "callcontrol_owned_calls 4.0",
        "callcontrol_offered_calls 2.0",
        "callcontrol_draining_workers 1.0",
        'callcontrol_handed_calls_now{stage="waiting"} 3.0',
        "callcontrol_outbound_connections_now 7.0",
        "callcontrol_outbound_arrivals_total 5.0",
        "callcontrol_outbound_refused_peers_total 6.0",
    ):
        assert line in text


def test_without_a_listener_there_are_no_figures_of_one():
    registry = CollectorRegistry()
    registry.register(HandlingCollector(Labels(), workers=list, calls=dict))
    assert "outbound" not in page(registry)
