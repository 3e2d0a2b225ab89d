"""Workers' streams over gRPC: what a worker sees, in which order, and what the desk hears."""

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Iterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from tests.support.channels import NODE
from tests.support.handling import HandledStream
from tests.support.raw_http2 import grant  # noqa: F401  # see test of peers that do not read
from tests.support.rpc import CALL_ID, PEER_ID, UNKNOWN_ID, Replica, replica
from tests.support.streams import a_round_trip, until

from callcontrol.calls.call import HangupCause, HangupSide
from callcontrol.calls.requests import ExtensionDestination
from callcontrol.client.refusal import MOST_BYTES
from callcontrol.errors import CommandNotAllowed, InvalidRequest, TooManyWorkers, Violation
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.ring import Entry, LogLimits
from callcontrol.ids import CallId, NodeId, OfferId
from callcontrol.rpc.call_handling_service import HandlingLimits
from callcontrol.rpc.connections import ConnectionLimits
from callcontrol.rpc.failure import Reason
from callcontrol.rpc.server import RpcSettings
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_service_pb2
from callcontrol.v1.node_service_pb2 import CloseSubscriptionRequest, ListSubscriptionsRequest
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

NOWHERE = pb.ReleaseCall(destination=call_pb2.Destination())
CLEARED = HangupCause(name="NORMAL_CLEARING", q850_code=16, sip_code=0, side=HangupSide.REMOTE)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


async def worker(served: Replica, **fields: object) -> HandledStream:
    """A worker that is registered."""
    stream = HandledStream.open(served.channel)
    await stream.register(**fields)
    return stream


async def owner(served: Replica, **fields: object) -> HandledStream:
    """A worker that has a call."""
    served.place(CALL_ID)
    stream = await worker(served, **fields)
    served.desk.make_offer(CALL_ID)
    await stream.read("offer")
    await stream.say(accept=pb.AcceptCall(offer_id="o-1"))
    await stream.read("assigned")
    return stream


# Registering.


async def test_a_worker_is_told_its_id_and_the_settings_in_force(served):
    stream = HandledStream.open(served.channel)
    told = await stream.register(heartbeat_interval=Duration(seconds=7))
    assert told.worker_id == "w-1"
    assert told.resume_window.ToSeconds() == 30
    assert told.heartbeat_interval.ToSeconds() == 7
    stream.call.cancel()


async def test_the_desk_hears_who_came_and_what_it_serves(served):
    stream = await worker(
        served,
        applications=["menu", "queue", "menu"],
        resume_call_ids=[CALL_ID, PEER_ID, CALL_ID],
        lost_worker_policy=pb.LOST_WORKER_POLICY_HANGUP,
    )
    (registration,) = served.desk.registered.values()
    assert registration.worker_name == "ann"
    assert registration.applications == {"menu", "queue"}
    assert registration.max_calls == 10
    assert registration.lost_policy.value == "hangup"
    assert registration.resume_call_ids == (CALL_ID, PEER_ID)
    stream.call.cancel()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"worker_name": ""}, "worker_name"),
        ({"worker_name": "ann bob"}, "worker_name"),
        ({"applications": []}, "applications"),
        ({"applications": ["menu", "a/b"]}, "applications[1]"),
        ({"applications": ["menu"] * 65}, "applications"),
        ({"max_calls": 0}, "max_calls"),
        ({"max_calls": 5_001}, "max_calls"),
        ({"event_names": ["lower"]}, "event_names[0]"),
        ({"event_names": ["CHANNEL_HOLD"] * 65}, "event_names"),
        ({"resume_call_ids": ["a b"]}, "resume_call_ids[0]"),
        ({"resume_token": "x" * 70_000}, "resume_token"),
        ({"resume_token": "none"}, "resume_token"),
        ({"lost_worker_policy": 77}, "lost_worker_policy"),
        ({"view": 77}, "view"),
        ({"header_names": ["a:b"]}, "header_names[0]"),
        ({"heartbeat_interval": Duration(seconds=-1)}, "heartbeat_interval"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused_by_field(served, fields, field):
    stream = HandledStream.open(served.channel)
    with pytest.raises(grpc.aio.AioRpcError):
        await stream.register(**fields)
    told = await stream.end()
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(told.violations) == [f"register_worker.{field}"]
    assert not served.desk.registered
    assert not served.log.subscriptions


async def test_every_violation_is_told_at_once(served):
    stream = HandledStream.open(served.channel)
    await stream.say(register_worker=pb.RegisterWorker())
    assert set((await stream.end()).violations) == {
        "register_worker.worker_name",
        "register_worker.applications",
        "register_worker.max_calls",
    }


async def test_the_first_message_must_register(served):
    stream = HandledStream.open(served.channel)
    await stream.say(accept=pb.AcceptCall(offer_id="o-1"))
    told = await stream.end()
    assert (told.reason, list(told.violations)) == ("INVALID_REQUEST", ["register_worker"])


async def test_a_stream_without_a_word_is_refused_when_its_client_says_nothing_more(served):
    stream = HandledStream.open(served.channel)
    await stream.call.done_writing()
    assert list((await stream.end()).violations) == ["register_worker"]


async def test_who_does_not_say_who_it_is_is_not_waited_for():
    settings = RpcSettings(handling=HandlingLimits(register_s=0.05))
    async with replica(settings=settings) as served:
        stream = HandledStream.open(served.channel)
        assert "must come within" in (await stream.end()).violations["register_worker"]


async def test_the_server_says_how_many_workers_there_may_be(served):
    served.desk.refuses = TooManyWorkers(3)
    stream = HandledStream.open(served.channel)
    with pytest.raises(grpc.aio.AioRpcError):
        await stream.register()
    told = await stream.end()
    assert told.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (told.reason, told.metadata["limit"]) == ("TOO_MANY_WORKERS", "3")
    assert not served.log.subscriptions


async def test_a_worker_may_have_no_more_calls_than_the_operator_says():
    async with replica(settings=RpcSettings(handling=HandlingLimits(max_calls=5))) as served:
        stream = HandledStream.open(served.channel)
        await stream.say(register_worker=pb.RegisterWorker(worker_name="a", max_calls=6))
        assert (await stream.end()).violations["register_worker.max_calls"] == "must be 1 to 5"


async def test_as_many_calls_as_a_worker_may_have_can_be_asked_for_again(served):
    stream = HandledStream.open(served.channel)
    asked = [f"7c3e0b52-5c0a-4a3f-9a39-{number:012x}" for number in range(5_000)]
    await stream.register(max_calls=5_000, resume_call_ids=asked, resume_token=token(served))
    (registration,) = served.desk.registered.values()
    assert len(registration.resume_call_ids) == 5_000
    stream.call.cancel()


def token(served: Replica) -> str:
    return served.log.token_at(served.log.next_number)


# Offers and calls.


async def test_an_offer_has_the_call_with_all_its_variables(served):
    served.place(CALL_ID)
    stream = await worker(served)
    served.desk.make_offer(CALL_ID, attempt=2)
    offer = (await stream.read("offer")).offer
    assert (offer.offer_id, offer.application, offer.attempt) == ("o-1", "menu", 2)
    assert offer.timeout.ToSeconds() == 5
    assert offer.call.call_id == CALL_ID
    assert offer.call.variables["uuid"] == CALL_ID
    stream.call.cancel()


async def test_from_the_accept_on_events_of_the_call_come_in_order_and_no_others(served):
    channel = served.place(CALL_ID)
    stream = await worker(served)
    served.tell(channel.event("CHANNEL_PROGRESS_MEDIA"))
    served.desk.make_offer(CALL_ID)
    await stream.read("offer")
    await stream.say(accept=pb.AcceptCall(offer_id="o-1"))
    assigned = (await stream.read("assigned")).assigned
    assert (assigned.offer_id, assigned.call.call_id) == ("o-1", CALL_ID)
    assert not assigned.call.variables
    served.place(PEER_ID)
    served.tell(channel.event("CHANNEL_HOLD"))
    served.tell(channel.event("CHANNEL_UNHOLD"))
    assert await stream.names(2) == ["CHANNEL_HOLD", "CHANNEL_UNHOLD"]
    stream.call.cancel()


async def test_the_view_the_names_and_the_headers_decide_how_much_comes(served):
    stream = await owner(served, event_names=["CHANNEL_HOLD"], header_names=["Answer-State"])
    channel = served.switch.channel(CALL_ID)
    served.tell(channel.event("CHANNEL_UNHOLD"))
    served.tell(channel.event("CHANNEL_HOLD"))
    (event,) = await stream.events(1)
    assert event.name == "CHANNEL_HOLD"
    assert event.headers == {"Answer-State": "ringing"}
    stream.call.cancel()


async def test_a_full_view_has_headers_and_variables(served):
    stream = HandledStream.open(served.channel)
    await stream.register(view=common_pb2.VIEW_FULL)
    served.place(CALL_ID)
    served.desk.make_offer(CALL_ID)
    await stream.read("offer")
    await stream.say(accept=pb.AcceptCall(offer_id="o-1"))
    assert (await stream.read("assigned")).assigned.call.variables
    served.tell(served.switch.channel(CALL_ID).event("CHANNEL_HOLD"))
    (event,) = await stream.events(1)
    assert event.headers["Unique-ID"] == CALL_ID
    stream.call.cancel()


async def test_what_concerns_two_of_a_workers_calls_comes_once(served):
    stream = await owner(served)
    peer = served.place(PEER_ID)
    served.desk.make_offer(PEER_ID, "o-2")
    await stream.read("offer")
    await stream.say(accept=pb.AcceptCall(offer_id="o-2"))
    await stream.read("assigned")
    served.tell(peer.event("CHANNEL_BRIDGE", Other_Leg_Unique_ID=CALL_ID))
    served.tell(peer.event("CHANNEL_UNHOLD"))
    assert await stream.names(2) == ["CHANNEL_BRIDGE", "CHANNEL_UNHOLD"]
    stream.call.cancel()


async def test_a_release_comes_behind_the_last_event_of_the_call(served):
    stream = await owner(served)
    channel = served.switch.channel(CALL_ID)
    served.end(channel)
    served.desk.newest.released(CallId(CALL_ID), CLEARED)
    served.tell(channel.event("CHANNEL_DESTROY"))
    assert await stream.names(2) == ["CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"]
    released = (await stream.read("released")).released
    assert (released.call_id, released.hangup_cause.name) == (CALL_ID, "NORMAL_CLEARING")
    stream.call.cancel()


async def test_a_call_that_comes_again_is_told_behind_its_release(served):
    stream = await owner(served)
    channel = served.switch.channel(CALL_ID)
    served.tell(channel.event("CHANNEL_HOLD"))
    served.desk.newest.released(CallId(CALL_ID), None)
    served.tell(channel.event("CHANNEL_PARK"))
    served.desk.make_offer(CALL_ID, "o-2")
    served.desk.accept(next(iter(served.desk.streams)), OfferId("o-2"))
    served.tell(channel.event("CHANNEL_UNHOLD"))
    told = [await stream.read() for _ in range(5)]
    kinds = [each.WhichOneof("message") for each in told]
    assert kinds == ["events", "released", "offer", "assigned", "events"]
    assert [each.name for each in told[0].events.events] == ["CHANNEL_HOLD"]
    assert not told[1].released.HasField("hangup_cause")
    assert [each.name for each in told[4].events.events] == ["CHANNEL_UNHOLD"]
    stream.call.cancel()


async def test_an_offer_that_was_told_is_withdrawn(served):
    served.place(CALL_ID)
    stream = await worker(served)
    served.desk.make_offer(CALL_ID)
    await stream.read("offer")
    served.desk.newest.withdraw(OfferId("o-1"))
    assert (await stream.read("withdraw")).withdraw.offer_id == "o-1"
    stream.call.cancel()


async def test_nothing_is_told_of_an_offer_that_is_over_before_it_was_told(served):
    served.place(CALL_ID)
    stream = await worker(served)
    served.desk.make_offer(CALL_ID)
    served.desk.newest.withdraw(OfferId("o-1"))
    served.desk.make_offer(CALL_ID, "o-2")
    assert (await stream.read("offer")).offer.offer_id == "o-2"
    stream.call.cancel()


async def test_a_gap_comes_where_it_could_concern_a_call_of_the_worker(served):
    stream = await owner(served)
    served.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NodeId("elsewhere")))
    served.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NODE))
    gap = (await stream.read("gap")).gap
    assert gap.reason == event_service_pb2.Gap.REASON_NODE_CONNECTION_LOST
    assert gap.node_id == NODE
    stream.call.cancel()


# What a worker says.


async def test_the_desk_hears_what_a_worker_says(served):
    stream = await worker(served)
    destination = call_pb2.Destination(extension=call_pb2.DialplanExtension(extension="1000"))
    await stream.say(accept=pb.AcceptCall(offer_id="o-9"))
    await stream.say(reject=pb.RejectCall(offer_id="o-8", final=True))
    await stream.say(update_capacity=pb.UpdateCapacity(available=3))
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID))
    await stream.say(release=pb.ReleaseCall(call_id=PEER_ID, destination=destination))
    await stream.say(drain=pb.DrainWorker())
    await until(lambda: len(served.desk.said) == 6)
    assert served.desk.said == [
        ("accept", "w-1", "o-9"),
        ("reject", "w-1", "o-8", True),
        ("capacity", "w-1", 3),
        ("release", "w-1", CALL_ID, None),
        ("release", "w-1", PEER_ID, ExtensionDestination(extension="1000")),
        ("drain", "w-1"),
    ]
    stream.call.cancel()


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({}, "message"),
        ({"register_worker": pb.RegisterWorker()}, "register_worker"),
        ({"accept": pb.AcceptCall()}, "accept.offer_id"),
        ({"reject": pb.RejectCall(offer_id="x" * 65)}, "reject.offer_id"),
        ({"release": pb.ReleaseCall()}, "release.call_id"),
        ({"release": NOWHERE}, "release.call_id"),
        ({"update_capacity": pb.UpdateCapacity(available=-1)}, "update_capacity.available"),
    ],
)
async def test_a_message_that_cannot_be_ends_the_stream_with_its_field(served, message, field):
    stream = await worker(served)
    await stream.say(**message)
    told = await stream.end()
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(told.violations) == [field]
    assert served.desk.gone == ["w-1"]
    assert not served.log.subscriptions


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            InvalidRequest([Violation("destination.extension.context", "no")]),
            pb.ReleaseRefused(
                code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
                reason=Reason.ERROR_REASON_INVALID_REQUEST,
                message="the request is malformed: release.destination.extension.context: no",
                violations=[
                    pb.FieldViolation(
                        field="release.destination.extension.context", description="no"
                    )
                ],
            ),
        ),
        (
            CommandNotAllowed("application", "x", "raw"),
            pb.ReleaseRefused(
                code=grpc.StatusCode.PERMISSION_DENIED.value[0],
                reason=Reason.ERROR_REASON_COMMAND_NOT_ALLOWED,
                message="the application x is not on the operator's list (raw)",
                metadata={"kind": "application", "name": "x", "setting": "raw"},
            ),
        ),
    ],
)
async def test_a_destination_that_is_refused_is_told_and_the_call_stays(
    served, refusal, expected, caplog
):
    caplog.set_level(logging.INFO, "callcontrol.audit")
    stream = await worker(served)
    served.desk.refuses = refusal
    parked = call_pb2.Destination(park=call_pb2.Park())
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID, destination=parked))
    told = (await stream.read("release_refused")).release_refused
    expected.call_id = CALL_ID
    assert told == expected
    written = [each for each in caplog.records if each.getMessage() == "worker"][-1]
    name = Reason.Name(expected.reason).removeprefix("ERROR_REASON_")
    assert (written.said, written.done, written.reason) == ("release", False, name)
    assert (written.call_id, written.targets) == (CALL_ID, ["park"])

    served.desk.refuses = None
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID))
    await stream.read("released")
    stream.call.cancel()


async def test_a_release_to_nowhere_is_refused_with_its_field(served):
    stream = await worker(served)
    nowhere = call_pb2.Destination()
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID, destination=nowhere))
    told = (await stream.read("release_refused")).release_refused
    assert [each.field for each in told.violations] == ["release.destination"]
    assert served.desk.said == []
    stream.call.cancel()


async def test_of_a_call_that_is_not_the_workers_that_is_told_wherever_it_was_to_go(served):
    stream = await worker(served)
    served.desk.nobodys = frozenset({CALL_ID})
    nowhere = call_pb2.Destination()
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID, destination=nowhere))
    assert (await stream.read("released")).released.call_id == CALL_ID
    stream.call.cancel()


async def test_a_refusal_is_no_longer_than_an_error_may_be(served):
    stream = await worker(served)
    bad = [Violation(f"destination.applications.items[{n}].data", "x" * 99) for n in range(999)]
    served.desk.refuses = InvalidRequest(bad)
    await stream.say(release=pb.ReleaseCall(call_id=CALL_ID))
    told = await stream.read("release_refused")
    assert told.ByteSize() < 8_192
    last = told.release_refused.violations[-1]
    assert (last.field, last.description.partition(" ")[0]) == ("", "and")
    stream.call.cancel()


@pytest.mark.parametrize(("size", "is_taken"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
async def test_a_message_ends_the_stream_where_it_is_larger_than_clients_know_it_may_be(
    served, size, is_taken
):
    stream = await worker(served)
    there = call_pb2.Destination(extension=call_pb2.DialplanExtension())
    release = pb.ReleaseCall(call_id=CALL_ID, destination=there)
    missing = size - pb.HandleCallsRequest(release=release).ByteSize() - 10
    release.destination.extension.extension = "x" * missing
    release.destination.extension.extension += "x" * (
        size - pb.HandleCallsRequest(release=release).ByteSize()
    )
    await stream.say(release=release)
    if is_taken:
        await stream.read("released")
        stream.call.cancel()
    else:
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
        assert ended.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_what_a_worker_says_is_written_down(served, caplog):
    caplog.set_level(logging.INFO, "callcontrol.audit")
    stream = await owner(served, worker_name="ann-4930123456")
    await stream.say(reject=pb.RejectCall(offer_id="o-7"))
    await stream.say(
        release=pb.ReleaseCall(
            call_id=CALL_ID,
            destination=call_pb2.Destination(
                extension=call_pb2.DialplanExtension(extension="4930123")
            ),
        )
    )
    await stream.say(release=pb.ReleaseCall(call_id=PEER_ID))
    await stream.read("released")
    await stream.read("released")
    said = [each for each in caplog.records if each.getMessage() == "worker"]
    facts = [(each.said, each.offer_id, each.call_id, each.done, each.targets) for each in said]
    assert facts == [
        ("register_worker", "", "", True, []),
        ("accept", "o-1", CALL_ID, True, []),
        ("reject", "o-7", "", False, []),
        ("release", "", CALL_ID, True, ["extension/*****23"]),
        ("release", "", PEER_ID, True, []),
    ]
    assert "4930123456" not in caplog.text
    stream.call.cancel()


# Coming back.


async def test_a_call_comes_back_with_all_that_it_said_meanwhile(served):
    stream = await owner(served)
    channel = served.switch.channel(CALL_ID)
    served.tell(channel.event("CHANNEL_HOLD"))
    await stream.events(1)
    stream.call.cancel()
    await until(lambda: served.desk.gone)
    served.tell(channel.event("CHANNEL_UNHOLD"))
    served.place(PEER_ID)
    served.desk.back_at_once = frozenset({CALL_ID})
    again = HandledStream.open(served.channel)
    told = await again.register(resume_call_ids=[CALL_ID, PEER_ID], resume_token=stream.token)
    assert told.resumed_call_ids == [CALL_ID]
    assigned = (await again.read("assigned")).assigned
    assert (assigned.offer_id, assigned.call.call_id) == ("", CALL_ID)
    assert await again.names(1) == ["CHANNEL_UNHOLD"]
    served.tell(channel.event("CHANNEL_HOLD"))
    assert await again.names(1) == ["CHANNEL_HOLD"]
    again.call.cancel()


async def test_calls_that_take_longer_come_back_whole_too(served):
    stream = await owner(served)
    channel, other = served.switch.channel(CALL_ID), served.place(PEER_ID)
    served.tell(channel.event("CHANNEL_HOLD"))
    await stream.events(1)
    stream.call.cancel()
    served.tell(channel.event("CHANNEL_UNHOLD"))
    served.tell(other.event("CHANNEL_HOLD"))
    again = HandledStream.open(served.channel)
    asked = [CALL_ID, PEER_ID, UNKNOWN_ID]
    told = await again.register(resume_call_ids=asked, resume_token=stream.token)
    assert not told.resumed_call_ids
    served.desk.newest.assigned(served.desk.call(CALL_ID))
    served.tell(channel.event("CHANNEL_PARK"))
    served.desk.newest.assigned(served.desk.call(PEER_ID))
    served.desk.newest.released(CallId(UNKNOWN_ID), None)
    back = [(await again.read("assigned")).assigned.call.call_id for _ in range(2)]
    assert back == [CALL_ID, PEER_ID]
    assert await again.names(3) == ["CHANNEL_UNHOLD", "CHANNEL_HOLD", "CHANNEL_PARK"]
    assert (await again.read("released")).released.call_id == UNKNOWN_ID
    again.call.cancel()


async def test_without_a_token_events_begin_with_what_comes_now(served):
    channel = served.place(CALL_ID)
    served.desk.back_at_once = frozenset({CALL_ID})
    stream = await worker(served, resume_call_ids=[CALL_ID])
    served.tell(channel.event("CHANNEL_HOLD"))
    await stream.read("assigned")
    assert await stream.names(1) == ["CHANNEL_HOLD"]
    stream.call.cancel()


async def test_where_not_all_is_held_a_gap_says_so_and_events_begin_now():
    async with replica(limits=LogLimits(max_events=5)) as served:
        stream = await owner(served)
        channel = served.switch.channel(CALL_ID)
        served.tell(channel.event("CHANNEL_HOLD"))
        await stream.events(1)
        stream.call.cancel()
        for _ in range(10):
            served.tell(channel.event("CHANNEL_UNHOLD"))
        served.desk.back_at_once = frozenset({CALL_ID})
        again = HandledStream.open(served.channel)
        await again.register(resume_call_ids=[CALL_ID], resume_token=stream.token)
        await again.read("assigned")
        gap = (await again.read("gap")).gap
        assert gap.reason == event_service_pb2.Gap.REASON_HISTORY_EXPIRED
        served.tell(channel.event("CHANNEL_PARK"))
        assert await again.names(1) == ["CHANNEL_PARK"]
        again.call.cancel()


async def test_a_heartbeat_has_a_token_that_passes_what_did_not_concern_the_worker(served):
    stream = await owner(served, heartbeat_interval=Duration(seconds=1))
    served.place(PEER_ID)
    await stream.read("heartbeat")
    served.tell(served.switch.channel(CALL_ID).event("CHANNEL_HOLD"))
    stream.call.cancel()
    served.desk.back_at_once = frozenset({CALL_ID, PEER_ID})
    again = HandledStream.open(served.channel)
    await again.register(resume_call_ids=[CALL_ID, PEER_ID], resume_token=stream.token)
    await again.read("assigned")
    await again.read("assigned")
    assert await again.names(1) == ["CHANNEL_HOLD"]
    again.call.cancel()


# The end of a stream.


async def test_a_stream_that_breaks_leaves_the_desk_and_the_log_at_once(served):
    stream = await owner(served)
    stream.call.cancel()
    await until(lambda: served.desk.gone == ["w-1"])
    assert not served.log.subscriptions
    assert not served.server.streams


async def test_a_worker_that_has_drained_is_told_all_and_ends_well(served):
    stream = await owner(served)
    session = served.desk.newest
    await stream.say(drain=pb.DrainWorker())
    await until(lambda: ("drain", "w-1") in served.desk.said)
    served.end(served.switch.channel(CALL_ID))
    session.released(CallId(CALL_ID), CLEARED)
    session.finish()
    assert await stream.names(2) == ["CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"]
    await stream.read("released")
    await stream.ends_well()
    assert served.desk.gone == ["w-1"]


async def test_to_say_nothing_more_is_to_drain(served):
    stream = await worker(served)
    await stream.call.done_writing()
    await until(lambda: served.desk.said == [("drain", "w-1")])
    served.desk.newest.finish()
    await stream.ends_well()


async def test_an_operator_sees_workers_and_ends_their_streams(served):
    stream = await owner(served)
    served.tell(served.switch.channel(CALL_ID).event("CHANNEL_HOLD"))
    await stream.events(1)
    admin = AdminServiceStub(served.channel)
    (seen,) = (await admin.ListSubscriptions(ListSubscriptionsRequest())).subscriptions
    assert (seen.subscription_id, seen.subscriber_name) == ("w-1", "ann")
    assert seen.sent_events == 1
    assert seen.worker.applications == ["menu"]
    assert (seen.worker.max_calls, seen.worker.owned_calls) == (10, 1)
    assert (seen.worker.offered_calls, seen.worker.draining) == (2, True)
    closed = await admin.CloseSubscription(CloseSubscriptionRequest(subscription_id="w-1"))
    assert closed.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    told = await stream.end()
    assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "SUBSCRIPTION_CLOSED")
    assert served.desk.gone == ["w-1"]


async def test_a_replica_that_goes_says_so_takes_nobody_more_and_ends_streams_in_time(served):
    stream = await worker(served)
    assert served.server.leave(0.0, 0.0, 0.2) == 0.2
    assert (await stream.read("drain")).drain.grace.ToMilliseconds() == 200
    late = HandledStream.open(served.channel)
    await late.say(
        register_worker=pb.RegisterWorker(worker_name="bob", applications=["menu"], max_calls=1)
    )
    assert (await late.end()).reason == "SHUTTING_DOWN"
    told = await stream.end()
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert served.desk.gone == ["w-1"]


async def test_a_stream_on_an_old_connection_gets_no_offers_and_ends_in_time():
    limits = ConnectionLimits(max_age_s=0.5, max_age_grace_s=10.0)
    async with replica(settings=RpcSettings(connections=limits)) as served:
        stream = await worker(served)
        assert (await stream.read("drain")).drain.grace.ToMilliseconds() < 1_000
        assert served.desk.said == [("drain", "w-1")]
        assert (await stream.end()).reason == "SHUTTING_DOWN"


async def test_a_stream_ends_with_the_log(served):
    stream = await worker(served)
    served.log.close("the test")
    assert (await stream.end()).reason == "SHUTTING_DOWN"
    assert served.desk.gone == ["w-1"]


# Workers that do not read.


async def filled(served: Replica, most: int = 30) -> int:
    """Fire events until no more of them are taken; how many were fired."""
    channel, fired = served.switch.channel(CALL_ID), 0
    (subscription,) = served.log.subscriptions
    while subscription.lag_events <= most:
        for _ in range(10):
            served.tell(channel.event("CHANNEL_HOLD", X="x" * 60_000))
            fired += 1
        await a_round_trip(served)
    return fired


async def test_a_worker_that_does_not_read_holds_no_events_and_its_end_frees_its_calls(served):
    stream = await owner(served, view=common_pb2.VIEW_FULL)
    await filled(served)
    (session,) = served.server.streams
    assert session.stalled_s > 0
    assert session.lag_events > 30
    stream.call.cancel()
    await until(lambda: served.desk.gone == ["w-1"])
    assert not served.log.subscriptions
    assert not served.server.streams


async def test_a_worker_that_does_not_read_keeps_no_event_that_the_log_has_dropped():
    async with replica(limits=LogLimits(max_events=20)) as served:
        stream = await owner(served, view=common_pb2.VIEW_FULL)
        await filled(served, most=10)
        served.log.sweep()
        gc.collect()
        held = [each.number for each in gc.get_objects() if isinstance(each, Entry)]
        assert min(held) == served.log.first_number
        stream.call.cancel()


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("how", ["left", "malformed", "closed", "drained", "unread"])
@pytest.mark.usefixtures("without_collector")
async def test_nothing_of_a_stream_is_left_when_it_has_ended(served, how):
    stream = await owner(served, view=common_pb2.VIEW_FULL)
    gone = weakref.ref(served.server.streams[0])
    match how:
        case "left":
            stream.call.cancel()
        case "malformed":
            await stream.say()
        case "closed":
            served.server.streams[0].close()
        case "drained":
            served.server.streams[0].finish()
        case _:
            await filled(served)
            stream.call.cancel()
    await until(lambda: served.desk.gone == ["w-1"] and not served.server.streams)
    await until(lambda: gone() is None)


async def test_what_a_worker_leaves_unread_is_bounded(served):
    stream = await owner(served, view=common_pb2.VIEW_FULL)
    session = served.desk.newest
    await filled(served)
    for number in range(20_000):
        if not served.desk.streams:
            break
        session.released(CallId(UNKNOWN_ID), None)
        if not number % 100:
            await asyncio.sleep(0)
    assert served.desk.gone == ["w-1"]
    assert number < 2_000
    assert not served.log.subscriptions
    told = await stream.end()
    assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")


async def test_a_slow_worker_is_told_what_it_missed():
    async with replica(limits=LogLimits(max_events=200)) as served:
        stream = await owner(served, view=common_pb2.VIEW_FULL)
        fired = await filled(served)
        for _ in range(300):
            served.tell(served.switch.channel(CALL_ID).event("CHANNEL_UNHOLD"))
        came, missed = 0, 0
        while came + missed < fired + 300:
            message = await stream.read()
            came += len(message.events.events)
            missed += message.gap.count
        assert missed > 0
        stream.call.cancel()
