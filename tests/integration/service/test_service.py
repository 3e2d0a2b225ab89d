"""The whole service over real gRPC: calls are placed, followed and ended."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import grpc.aio
import pytest
from prometheus_client import generate_latest
from tests.support.stage import QUICK, Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.client.endless import EndlessStream, Manners
from callcontrol.client.failure import Failure, failure_of
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import (
    call_pb2,
    common_pb2,
    conference_service_pb2,
    event_service_pb2,
    node_service_pb2,
)
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse, Gap

Call = call_pb2.Call


async def test_a_call_is_placed_followed_and_ended(stage: Stage):
    async with listening(stage) as audience:
        placed = await stage.call("sofia/internal/ring-answer@example.org", labels={"ticket": "1"})
        call_id = placed.call.call_id
        assert placed.disposition == pb.DISPOSITION_ANSWERED
        ended = await stage.client.calls.Hangup(pb.HangupRequest(call_id=call_id))
        assert ended.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
        last = await audience.ended(call_id)
    assert last.call_ended.cause.name == "NORMAL_CLEARING"
    assert dict(last.labels) == {"ticket": "1"}
    assert len(audience.of("call_created", call_id)) == 1
    states = audience.states(call_id)
    assert states[0] == Call.STATE_RINGING
    assert Call.STATE_ACTIVE in states
    assert states[-1] == Call.STATE_ENDING


@pytest.mark.parametrize(
    ("dialled", "disposition", "cause"),
    [
        ("busy", pb.DISPOSITION_BUSY, "USER_BUSY"),
        ("reject", pb.DISPOSITION_REJECTED, "CALL_REJECTED"),
    ],
)
async def test_a_far_end_that_does_not_want_to_is_an_outcome(
    stage: Stage, dialled: str, disposition: int, cause: str
):
    placed = await stage.call(f"sofia/internal/{dialled}@example.org")
    assert (placed.disposition, placed.hangup_cause.name) == (disposition, cause)


async def test_verbs_are_confirmed_by_what_the_switch_tells(stage: Stage):
    async with listening(stage) as audience:
        call_id = (await stage.call("sofia/internal/answer@example.org")).call.call_id
        calls = stage.client.calls
        tone = common_pb2.MediaSource(tone_stream="%(1000,0,440)")
        played = await calls.Play(pb.PlayRequest(call_id=call_id, sources=[tone]))
        held = await calls.Hold(pb.HoldRequest(call_id=call_id))
        await calls.Unhold(pb.UnholdRequest(call_id=call_id))
        await calls.Hangup(pb.HangupRequest(call_id=call_id))
        await audience.ended(call_id)
    assert held.call.state == Call.STATE_HELD
    for response in (played, held):
        assert response.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    started = audience.of("playback_started", call_id)
    assert [event.playback_started.playback_id for event in started] == [played.playback_id]


async def test_a_repeated_request_id_rings_once(stage: Stage):
    async with listening(stage) as audience:
        whom = "sofia/internal/answer@example.org"
        first = await stage.call(whom, request_id="once")
        again = await stage.call(whom, request_id="once")
        await stage.client.calls.Hangup(pb.HangupRequest(call_id=first.call.call_id))
        await audience.ended(first.call.call_id)
    assert again.call.call_id == first.call.call_id
    assert (first.status.replayed, again.status.replayed) == (False, True)
    assert len(audience.of("call_created")) == 1


async def test_calls_are_listed_page_by_page(stage: Stage):
    placed = {
        (await stage.call("sofia/internal/answer@example.org")).call.call_id for _ in range(3)
    }
    page = await stage.client.calls.ListCalls(pb.ListCallsRequest(page_size=2))
    rest = await stage.client.calls.ListCalls(
        pb.ListCallsRequest(page_size=2, page_token=page.next_page_token)
    )
    assert (len(page.calls), len(rest.calls), rest.next_page_token) == (2, 1, "")
    assert {call.call_id for call in [*page.calls, *rest.calls]} == placed


async def test_an_event_filter_is_kept_to(stage: Stage):
    wanted = event_service_pb2.EventsRequest(
        filters=[event_service_pb2.EventFilter(names=["CHANNEL_HANGUP_COMPLETE"])]
    )
    async with listening(stage, wanted) as audience:
        await stage.call("sofia/internal/busy@example.org")
        await audience.wait_for(lambda it: bool(it.events))
    assert {event.name for event in audience.events} == {"CHANNEL_HANGUP_COMPLETE"}


async def test_an_unknown_call_is_not_found_with_a_reason(stage: Stage):
    unknown = pb.HoldRequest(call_id="7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5bff")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stage.client.calls.Hold(unknown)
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")


async def test_every_violation_is_told_at_once(stage: Stage):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stage.client.calls.Originate(
            pb.OriginateRequest(
                call_id="no uuid",
                endpoints=[call_pb2.Endpoint(sip=call_pb2.SipAddress(profile="a b", address="x"))],
                destination=call_pb2.Destination(park=call_pb2.Park()),
            )
        )
    failure = failure_of(caught.value)
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert {field for field, _ in failure.violations} >= {"call_id", "endpoints[0].sip.profile"}


async def test_what_is_not_served_says_so_with_a_reason(stage: Stage):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stage.client.conferences.PlayToConference(
            conference_service_pb2.PlayToConferenceRequest(
                name="room", source=common_pb2.MediaSource(phrase=common_pb2.Phrase(name="welcome"))
            )
        )
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


async def test_a_stream_lives_through_the_death_of_the_switch(stage: Stage):
    async with listening(stage) as audience:
        before = (await stage.call("sofia/internal/answer@example.org")).call.call_id
        await stage.simulator.restart()
        ended = await audience.ended(before)
        await audience.wait_for(lambda it: bool(it.gaps))
        await stage.service.wait_ready()
        after = (await stage.call("sofia/internal/answer@example.org")).call.call_id
        await audience.wait_for(lambda it: bool(it.of("call_created", after)))
    assert ended.synthetic
    assert audience.gaps[0].reason == event_service_pb2.Gap.REASON_NODE_RESTARTED
    assert [node.node_changed.connected for node in audience.of("node_changed")] == [False, True]


async def test_while_the_switch_is_away_commands_fail_at_once_and_may_be_repeated(stage: Stage):
    async with listening(stage) as audience:
        await stage.simulator.kill()
        await audience.wait_for(lambda it: bool(it.of("node_changed")))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stage.call("sofia/internal/answer@example.org")
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE")
    assert failure.retry_in_s is not None


async def test_the_nodes_are_told(stage: Stage):
    nodes = await stage.client.nodes.ListNodes(node_service_pb2.ListNodesRequest())
    (node,) = nodes.nodes
    assert (node.node_id, node.state) == ("fs1", node_service_pb2.Node.STATE_ACTIVE)
    assert node.core_uuid == stage.simulator.switch.core_uuid


async def test_shutdown_tells_streams_and_ends_no_call(simulator: Simulator):
    async with AsyncExitStack() as until_the_end, asyncio.timeout(20):
        config = settings_for(simulator, stream_notice_s=0.2)
        async with running_service(config, QUICK) as service:
            await service.wait_ready()
            client = Client(f"127.0.0.1:{service.port}")
            await until_the_end.enter_async_context(client)
            stage = Stage(simulator, service, client)
            placed = await stage.call("sofia/internal/answer@example.org")
            stream = client.events.Events(event_service_pb2.EventsRequest())
            assert (await anext(aiter(stream))).HasField("started")
        notices, failure = await collect_to_the_end(stream)
    assert "going_away" in notices
    assert failure.reason == "SHUTTING_DOWN"
    live = {leg.channel.call_id for leg in simulator.switch.live_legs()}
    assert placed.call.call_id in live


Stream = grpc.aio.UnaryStreamCall[event_service_pb2.EventsRequest, event_service_pb2.EventsResponse]


async def collect_to_the_end(stream: Stream) -> tuple[list[str | None], Failure]:
    """The notices of a stream, and why it ended."""
    notices: list[str | None] = []
    try:
        async for response in stream:
            notices += [response.WhichOneof("notice")]
    except grpc.aio.AioRpcError as error:
        return notices, failure_of(error)
    raise AssertionError("the stream ended without a status")


async def test_a_call_nobody_waits_for_any_more_is_ended_even_at_shutdown(simulator: Simulator):
    async with running_service(settings_for(simulator), QUICK) as service:
        await service.wait_ready()
        async with Client(f"127.0.0.1:{service.port}") as client:
            stage = Stage(simulator, service, client)
            async with listening(stage) as audience, asyncio.TaskGroup() as tasks:
                whom = "sofia/internal/ring@example.org"
                calling = tasks.create_task(stage.call(whom, hangup_on_cancel=True))
                await audience.wait_for(lambda it: bool(it.of("call_created")))
                calling.cancel()
    assert not list(simulator.switch.live_legs())


async def test_a_call_that_rings_at_shutdown_goes_on_and_its_client_is_told_to_look(
    simulator: Simulator,
):
    async with AsyncExitStack() as until_the_end, asyncio.timeout(20):
        async with running_service(settings_for(simulator), QUICK) as service:
            await service.wait_ready()
            client = Client(f"127.0.0.1:{service.port}")
            await until_the_end.enter_async_context(client)
            stage = Stage(simulator, service, client)
            async with listening(stage) as audience:
                whom = "sofia/internal/ring@example.org"
                calling = asyncio.ensure_future(stage.call(whom, hangup_on_cancel=True))
                await audience.wait_for(lambda it: bool(it.of("call_created")))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calling
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    live = {leg.channel.call_id for leg in simulator.switch.live_legs()}
    assert failure.metadata is not None
    assert failure.metadata["call_id"] in live


async def test_a_follower_finds_the_service_again_after_its_restart(simulator: Simulator):
    broke: list[Failure] = []
    async with AsyncExitStack() as until_the_end, asyncio.timeout(20):
        async with running_service(settings_for(simulator), QUICK) as service:
            address = f"127.0.0.1:{service.port}"
            client = await until_the_end.enter_async_context(Client(address))
            stream = EndlessStream(client, EventsRequest(), Manners(on_break=broke.append))
            responses = await until_the_end.enter_async_context(stream)
            assert (await anext(responses)).HasField("started")
        async with running_service(settings_for(simulator, listen=address), QUICK):
            told: list[EventsResponse] = []
            while not told or not told[-1].HasField("started"):
                told.append(await anext(responses))
    assert broke[0].code is grpc.StatusCode.UNAVAILABLE
    # The next run has another key, so the place is not known there, and that is told.
    assert Gap.REASON_HISTORY_EXPIRED in [each.gap.reason for each in told]


async def test_a_proxy_may_bring_as_many_streams_as_the_operator_says(simulator: Simulator):
    refused = []
    for limit in (1, 0):
        config = settings_for(simulator, max_streams=2, max_streams_per_peer=limit)
        async with running_service(config, QUICK) as service:
            stage = Stage(simulator, service, Client(f"127.0.0.1:{service.port}"))
            async with stage.client, listening(stage):
                stream = stage.client.events.Events(event_service_pb2.EventsRequest())
                try:
                    await anext(aiter(stream))
                except grpc.aio.AioRpcError as error:
                    refused.append((limit, failure_of(error).reason))
    assert refused == [(1, "TOO_MANY_SUBSCRIPTIONS")]


async def test_what_is_bounded_can_be_watched(stage: Stage):
    text = generate_latest(stage.service.metrics.registry).decode()
    for name in ("late_work", "dropped_answers_total", "subscription_lag_seconds_max"):
        assert f"callcontrol_{name} 0.0" in text


async def test_an_address_in_use_is_said_to_be(stage: Stage):
    taken = settings_for(stage.simulator, listen=f"127.0.0.1:{stage.service.port}")
    with pytest.raises(OSError, match="CALLCONTROL_LISTEN"):
        async with running_service(taken):
            pass
