"""What is measured, by its Prometheus names."""

from pathlib import Path
from typing import NamedTuple

from prometheus_client import generate_latest

from callcontrol.events.event import Event, Position
from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.events.store import EventStore
from callcontrol.freeswitch.fields import Load
from callcontrol.freeswitch.status import ConnectionStatus, NodeCounters, NodeState, NodeStatus
from callcontrol.ids import CoreUuid, EventId, NodeId
from callcontrol.metrics import Metrics, ServiceCollector

EVENT = Event(
    event_id=EventId("core:1"),
    position=Position(node_id=NodeId("fs1"), core_uuid=CoreUuid("core"), sequence=1, time_us=1),
    name="CHANNEL_ANSWER",
    received_us=1,
)


def page(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def page_of(
    nodes: list[NodeStatus], log: EventLog, keeper: Keeper | None = None, **figures: int
) -> str:
    metrics = Metrics()
    given = dict.fromkeys(("calls_on", "late_work", "dropped_answers"), 0) | figures
    reads = {name: lambda *_, figure=figure: figure for name, figure in given.items()}
    metrics.registry.register(ServiceCollector(lambda: nodes, log, keeper=keeper, **reads))
    return page(metrics)


def test_an_rpc_is_counted_by_method_and_code_and_timed():
    metrics = Metrics()
    metrics.rpc_started("CallControlService/Hangup")
    metrics.rpc_ended("CallControlService/Hangup", "OK", 0.02)
    text = page(metrics)
    labels = 'grpc_code="OK",grpc_method="CallControlService/Hangup"'
    assert f"grpc_server_handled_total{{{labels}}} 1.0" in text
    assert 'handling_seconds_bucket{grpc_method="CallControlService/Hangup",le="0.025"} 1.0' in text


def test_the_life_of_a_stream_is_not_timed():
    metrics = Metrics()
    metrics.rpc_ended("EventService/Events", "CANCELLED", 3600.0)
    assert "handling_seconds_bucket" not in page(metrics)


def test_streams_and_what_they_sent_are_counted():
    metrics = Metrics()
    metrics.subscription_opened()
    metrics.batch_sent(events=32, size=9_000, write_s=0.001)
    metrics.events_skipped(7)
    metrics.expression_failed()
    text = page(metrics)
    for line in (
        "callcontrol_open_subscriptions 1.0",
        "callcontrol_events_sent_total 32.0",
        "callcontrol_event_bytes_sent_total 9000.0",
        "callcontrol_events_skipped_total 7.0",
        "callcontrol_filter_expression_failures_total 1.0",
    ):
        assert line in text


class Stream(NamedTuple):
    lag_events: int
    lag_s: float
    stalled_s: float


def page_of_streams(*streams: Stream) -> str:
    metrics = Metrics()
    collector = ServiceCollector(
        list,
        EventLog(),
        calls_on=lambda _: 0,
        late_work=lambda: 0,
        dropped_answers=lambda: 0,
        streams=lambda: streams,
    )
    metrics.registry.register(collector)
    return page(metrics)


def test_the_slowest_subscriber_is_told():
    text = page_of_streams(Stream(3, 7.5, 0.0), Stream(0, 0.0, 0.0))
    assert "callcontrol_subscription_lag_events_max 3.0" in text
    assert "callcontrol_subscription_lag_seconds_max 7.5" in text
    assert "callcontrol_subscription_lag_events_max 0.0" in page_of_streams()


def test_subscribers_that_take_nothing_for_long_are_counted():
    streams = [Stream(1, 1.0, stalled_s) for stalled_s in (0.0, 9.9, 10.0, 900.0)]
    assert "callcontrol_stalled_subscriptions 2.0" in page_of_streams(*streams)


def test_nodes_and_log_are_read_when_asked_for():
    node = NodeStatus(
        node_id=NodeId("fs1"),
        state=NodeState.ACTIVE,
        ready=True,
        draining=True,
        max_calls=0,
        call_limit=30,
        core_uuid=None,
        hostname="",
        version="",
        started_us=0,
        connected_us=0,
        load=Load(),
        command_latency_s=0.5,
        waiting_commands=2,
        jobs=1,
        connections=(ConnectionStatus(purpose="events", connected=True, covers_events=True),),
        last_error="",
        counters=NodeCounters(reconnects=4),
    )
    text = page_of([node], EventLog(), calls_on=12, late_work=3, dropped_answers=5)
    for line in (
        "callcontrol_calls 12.0",
        'callcontrol_node_calls{node="fs1"} 12.0',
        'callcontrol_node_max_calls{node="fs1"} 30.0',
        'callcontrol_node_draining{node="fs1"} 1.0',
        "callcontrol_late_work 3.0",
        "callcontrol_dropped_answers_total 5.0",
        "callcontrol_log_entries_total 0.0",
        'callcontrol_node_ready{node="fs1"} 1.0',
        'callcontrol_node_command_latency_seconds{node="fs1"} 0.5',
        'callcontrol_node_links_up{node="fs1"} 1.0',
        'callcontrol_node_covering_event_links{node="fs1"} 1.0',
        'callcontrol_node_reconnects_total{node="fs1"} 4.0',
    ):
        assert line in text


async def test_a_log_on_disk_tells_how_it_does(tmp_path: Path):
    log = EventLog()
    keeper = Keeper(log, EventStore(tmp_path / "events.db", 1 << 20), lambda _: b"")
    await keeper.restore()
    log.append(EVENT)
    assert "callcontrol_event_store_unwritten_entries 1.0" in page_of([], log, keeper)
    await keeper.finish(5.0)
    for line in ("failing 0.0", "unwritten_entries 0.0", "written_entries_total 1.0"):
        assert f"callcontrol_event_store_{line}" in page_of([], log, keeper)
