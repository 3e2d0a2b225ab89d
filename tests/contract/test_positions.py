"""Streams that begin elsewhere than now: after a token, at a time, with a snapshot, on this replica
and on another one."""

import asyncio
from collections.abc import Callable, Mapping

import grpc
import pytest
from tests.contract.conftest import connected_phone
from tests.contract.phone import DEADLINE_S, Phone, State, loopback, new_id, reason_of
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import event_pb2, event_service_pb2
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse, Gap, StartPosition

KEY = {"token_key": "sixteen letters and more"}
BURST = 12


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return KEY


class Reader:
    """A stream that is read message by message."""

    def __init__(self, phone: Phone, request: EventsRequest) -> None:
        self._stream = phone.events.Events(request)
        self.messages: list[EventsResponse] = []

    async def next(self) -> EventsResponse:
        async with asyncio.timeout(DEADLINE_S):
            message = await self._stream.read()
        assert isinstance(message, EventsResponse)
        self.messages.append(message)
        return message

    async def until(self, holds: Callable[[EventsResponse], object]) -> EventsResponse:
        """Read on to the first message that this holds for."""
        while not holds(message := await self.next()):
            pass
        return message

    async def until_end_of(self, *call_ids: str) -> None:
        """Read on until these calls have ended."""
        missing = set(call_ids) - {event.call_id for event in self.events if is_end(event)}
        while missing:
            missing -= {event.call_id for event in (await self.next()).events if is_end(event)}

    @property
    def events(self) -> list[event_pb2.Event]:
        return [event for message in self.messages for event in message.events]

    @property
    def token(self) -> str:
        """The newest one."""
        return next(each.resume_token for each in reversed(self.messages) if each.resume_token)

    @property
    def gaps(self) -> list[Gap]:
        return [message.gap for message in self.messages if message.HasField("gap")]

    def close(self) -> None:
        self._stream.cancel()


def is_end(event: event_pb2.Event) -> bool:
    return event.HasField("call_ended")


def told(events: list[event_pb2.Event]) -> list[str]:
    """The ids of the switch's own events, which are the same on every replica."""
    return [each.event_id for each in events if each.position.sequence and not each.synthetic]


def after(token: str, **rest: object) -> EventsRequest:
    start = StartPosition(resume_token=token)
    return EventsRequest(start=start, **rest)  # type: ignore[arg-type]  # test sugar


async def burst(phone: Phone, dialled: str = "answer") -> list[str]:
    """Calls that come and go at the same time; their ids."""
    ids = [new_id() for _ in range(BURST)]

    async def call(call_id: str) -> None:
        await phone.originate(loopback(dialled), call_id=call_id)
        await phone.hang_up(call_id)

    async with asyncio.TaskGroup() as tasks:
        for call_id in ids:
            tasks.create_task(call(call_id))
    return ids


async def refused(phone: Phone, request: EventsRequest) -> tuple[grpc.StatusCode, str]:
    reader = Reader(phone, request)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reader.next()
    return caught.value.code(), reason_of(caught.value)


async def test_a_stream_goes_on_where_it_was_broken_off(phone: Phone) -> None:
    reader = Reader(phone, EventsRequest())
    await reader.next()
    first = await phone.answered()
    await phone.hang_up(first)
    await reader.until_end_of(first)
    reader.close()
    second = await phone.answered()
    await phone.hang_up(second)
    again = Reader(phone, after(reader.token))
    await again.until_end_of(second)
    again.close()

    both = told(reader.events) + told(again.events)
    assert len(set(both)) == len(both)
    await phone.tape.event("call_ended", second)
    tape = told(phone.tape.events)
    tape = tape[tape.index(both[0]) :]
    assert both[: len(tape)] == tape[: len(both)]
    assert not again.gaps


async def test_another_replica_goes_on_from_any_place(phone: Phone, other: Phone) -> None:
    request = EventsRequest(batching=event_service_pb2.Batching(max_events=3))
    reader = Reader(phone, request)
    await reader.next()
    ids = await burst(phone)
    await reader.until_end_of(*ids)
    last = await phone.answered()
    await phone.hang_up(last)
    await reader.until_end_of(last)
    reader.close()
    end = next(n for n, e in enumerate(reader.events) if is_end(e) and e.call_id == last)
    whole = told(reader.events[: end + 1])  # messages are cut elsewhere on the other replica
    assert len(set(whole)) == len(whole)

    repeats = []
    step = max(1, len(reader.messages) // 10)
    for place in range(0, len(reader.messages) - 1, step):  # after the last nothing comes
        had = told([event for each in reader.messages[: place + 1] for event in each.events])
        again = Reader(other, after(reader.messages[place].resume_token))
        await again.until_end_of(last)
        again.close()
        assert set(whole) <= set(had) | set(told(again.events))
        if had:  # before the first event it is not known where the switch was
            assert not again.gaps
        repeats.append(len(set(had) & set(told(again.events))))
    assert max(repeats[1:]) < len(whole) / 2


async def test_a_replica_that_began_later_cannot_and_offers_a_picture(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = await phone.answered()
    reader = Reader(phone, EventsRequest())
    await reader.next()
    await phone.hang_up(await phone.answered())
    await reader.until(lambda message: any(map(is_end, message.events)))
    reader.close()
    async with connected_phone(switch, KEY) as late:
        finding = Reader(late, EventsRequest(start=StartPosition(snapshot=True)))
        await finding.until(lambda message: any(e.call_id == call_id for e in message.events))
        finding.close()  # a call that has just begun may be missing in the switch's tables
        told = await refused(late, after(reader.token))
        request = after(reader.token)
        request.start.snapshot_if_expired = True
        picture = Reader(late, request)
        completed = await picture.until(lambda message: message.HasField("snapshot_completed"))
        await phone.hang_up(call_id)
        await picture.until_end_of(call_id)
        picture.close()

    assert told == (grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")
    assert [gap.reason for gap in picture.gaps] == [Gap.REASON_HISTORY_EXPIRED]
    assert picture.gaps[0].last_before.sequence > 0
    shown = {e.call_id for e in picture.events if e.HasField("call_snapshot")}
    assert call_id in shown
    assert completed.snapshot_completed.call_count == len(shown)


async def test_a_replica_with_another_key_cannot(phone: Phone, switch: SwitchUnderTest) -> None:
    reader = Reader(phone, EventsRequest())
    token = (await reader.next()).resume_token
    reader.close()
    async with connected_phone(switch, {}) as stranger:
        told = await refused(stranger, after(token))
    assert told == (grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")


async def test_what_is_no_token_is_refused(phone: Phone) -> None:
    reader = Reader(phone, EventsRequest())
    token = (await reader.next()).resume_token
    reader.close()
    for text in ("", "hello", token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B")):
        assert await refused(phone, after(text)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "RESUME_TOKEN_INVALID",
        )


async def test_a_stream_begins_at_a_time(phone: Phone) -> None:
    first = await phone.answered()
    await phone.hang_up(first)
    answered = await phone.tape.where(
        lambda event: event.call_id == first and event.name == "CHANNEL_ANSWER"
    )
    request = EventsRequest(start=StartPosition(time=answered.receive_time))
    request.filters.add(call_ids=[first])
    reader = Reader(phone, request)
    await reader.until_end_of(first)
    reader.close()
    own = [event for event in phone.tape.events if event.call_id == first]
    expected = told(
        [
            e
            for e in own
            if e.receive_time.ToMicroseconds() >= answered.receive_time.ToMicroseconds()
        ]
    )
    heard = told([event for event in reader.events if event.call_id == first])
    assert heard[: len(expected)] == expected
    oldest = reader.messages[0].started.oldest_time
    assert 0 < oldest.ToMicroseconds() < answered.receive_time.ToMicroseconds()

    too_old = EventsRequest(start=StartPosition(time=oldest))
    too_old.start.time.seconds -= 3600
    assert await refused(phone, too_old) == (
        grpc.StatusCode.OUT_OF_RANGE,
        "RESUME_TOKEN_EXPIRED",
    )


async def test_a_snapshot_and_what_follows_fit_together(phone: Phone) -> None:
    held, gone = await phone.answered(), await phone.answered()
    await phone.hang_up(gone)
    reader = Reader(phone, EventsRequest(start=StartPosition(snapshot=True)))
    completed = await reader.until(lambda message: message.HasField("snapshot_completed"))
    pictures = {e.call_id: e.call_snapshot.call for e in reader.events}
    await phone.hang_up(held)
    await reader.until_end_of(held)
    reader.close()

    assert pictures[held].state == State.STATE_PARKED
    assert gone not in pictures
    assert completed.snapshot_completed.call_count == len(pictures)
    later = [event for event in reader.events if not event.HasField("call_snapshot")]
    assert held in {event.call_id for event in later if is_end(event)}
    assert not {e.call_id for e in later if e.HasField("call_created")} & pictures.keys()
    with_token = [bool(message.resume_token) for message in reader.messages]
    place = reader.messages.index(completed)
    assert (any(with_token[:place]), all(with_token[place:])) == (False, True)


async def test_snapshots_in_a_burst_of_calls_have_no_hole_and_no_contradiction(
    phone: Phone,
) -> None:
    readers: list[Reader] = []

    async def take_pictures() -> None:
        while True:
            reader = Reader(phone, EventsRequest(start=StartPosition(snapshot=True)))
            await reader.until(lambda message: message.HasField("snapshot_completed"))
            readers.append(reader)
            await asyncio.sleep(0.02)

    taking = asyncio.create_task(take_pictures())
    ids = await burst(phone)
    taking.cancel()
    await asyncio.wait([taking])
    last = await phone.answered()
    await phone.hang_up(last)
    assert len(readers) > 2
    for reader in readers:
        await reader.until_end_of(last)
        reader.close()
        up: set[str] = set()
        for event in reader.events:
            match event.WhichOneof("payload"):
                case "call_snapshot" | "call_created":
                    assert event.call_id not in up
                    up.add(event.call_id)
                case "call_ended":
                    assert event.call_id in up
                    up.remove(event.call_id)
        assert not up & {*ids, last}


async def test_a_list_of_calls_tells_the_place_to_go_on_from(phone: Phone, other: Phone) -> None:
    held = await phone.answered()
    await other.tape.event("call_created", held)
    for each in (phone, other):
        listed = await each.calls.ListCalls(calls_pb2.ListCallsRequest(), timeout=DEADLINE_S)
        assert held in {call.call_id for call in listed.calls}
        reader = Reader(each, after(listed.resume_token))
        late = await phone.answered()
        await phone.hang_up(late)
        await reader.until_end_of(late)
        reader.close()
        assert late in {e.call_id for e in reader.events if e.HasField("call_created")}
        assert held not in {e.call_id for e in reader.events if e.HasField("call_created")}
    await phone.hang_up(held)
