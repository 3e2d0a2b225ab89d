"""Following events across streams that break."""

import asyncio
import random

import grpc
import grpc.aio
import pytest
from tests.support.scripted_streams import (
    Script,
    ScriptedStreams,
    Silence,
    completed,
    failed,
    going_away,
    pictured,
    started,
    told,
)

from callcontrol.client.backoff import FIRST_DELAY_S, LIVED_S, LONGEST_DELAY_S
from callcontrol.client.endless import HOPELESS, EndlessStream, Expired, Manners
from callcontrol.client.failure import Failure
from callcontrol.client.following import Following, Item, SnapshotStarted, follow
from callcontrol.client.patient_stream import OpenStream
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import (
    EventsRequest,
    EventsResponse,
    Gap,
    SnapshotCompleted,
    StartPosition,
)

UNAVAILABLE = failed(grpc.StatusCode.UNAVAILABLE)
EXPIRED = failed(grpc.StatusCode.OUT_OF_RANGE)
CUT = Script([started("t0"), told("a", "b", token="t1")], UNAVAILABLE)


class Pauses:
    """Remembers how long one was asked to wait, and waits not at all."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def manners(expired: Expired | None = None, remembered_ids: int = 100) -> Manners:
    return Manners(
        expired=expired, remembered_ids=remembered_ids, pause=Pauses(), clock=lambda: 0.0
    )


def said(item: Item) -> str:
    """An item in a word."""
    match item:
        case Event():
            return item.call_snapshot.call.call_id or item.event_id
        case Gap():
            return f"gap {Gap.Reason.Name(item.reason).removeprefix('REASON_').lower()}"
        case SnapshotStarted():
            return "snapshot"
        case SnapshotCompleted():
            return f"completed {item.call_count}"


async def items_of(following: Following, count: int) -> list[str]:
    return [said(await anext(following)) for _ in range(count)]


async def read_to_the_end(following: Following) -> None:
    """Read on until there are no more scripts."""
    with pytest.raises(IndexError):
        await anext(following)


def cut(*messages: EventsResponse) -> Script:
    return Script(messages, UNAVAILABLE)


async def test_a_stream_that_breaks_is_taken_up_with_the_newest_token():
    streams = ScriptedStreams(
        [
            cut(started("t0"), told("a", token="t1"), told("b", token="t2")),
            cut(started("t2")),
            cut(started(), told("c", token="t3")),
        ]
    )
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "b", "c"]
    assert streams.tokens == ["", "t2", "t2"]


async def test_what_comes_again_is_left_out():
    streams = ScriptedStreams(
        [cut(started("t0"), told("a", "b", "c", token="t1")), cut(told("b", "c", "d"), told("e"))]
    )
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 5) == ["a", "b", "c", "d", "e"]


async def test_events_without_an_id_are_never_left_out():
    streams = ScriptedStreams([cut(started(), told("", "", ""))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["", "", ""]


async def test_what_is_remembered_is_bounded():
    streams = ScriptedStreams([cut(started(), told("a", "b", "c", "d", "e", "a"))])
    async with follow(streams, EventsRequest(), manners(remembered_ids=2)) as following:
        assert await items_of(following, 6) == ["a", "b", "c", "d", "e", "a"]


async def test_a_gap_is_a_value_in_its_place():
    gap = EventsResponse(gap=Gap(reason=Gap.REASON_NODE_RESTARTED), resume_token="t2")
    streams = ScriptedStreams([cut(started("t0"), told("a", token="t1"), gap, told("b"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "gap node_restarted", "b"]


async def test_the_token_for_elsewhere_is_that_behind_what_was_returned():
    streams = ScriptedStreams([cut(started("t0"), told("a", "b", token="t1"), told("c"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert following.resume_token == ""
        await anext(following)
        assert following.resume_token == "t0"
        await anext(following)
        assert following.resume_token == "t1"


async def test_the_token_moves_with_messages_that_bring_nothing():
    streams = ScriptedStreams(
        [cut(started("t0"), told("a", token="t1"), told(token="t2"), told("b", "c", token="t3"))]
    )
    async with follow(streams, EventsRequest(), manners()) as following:
        await items_of(following, 2)
        assert following.resume_token == "t2"


async def test_a_caller_goes_on_from_a_token_that_was_kept():
    streams = ScriptedStreams([cut(started("t5"))] * 2 + [cut(told("a"))])
    request = EventsRequest(start=StartPosition(resume_token="t4"))
    async with follow(streams, request, manners()) as following:
        assert following.resume_token == "t4"
        await anext(following)
    assert streams.tokens == ["t4", "t5", "t5"]


async def test_an_expired_place_is_a_gap_and_the_events_of_now_follow():
    streams = ScriptedStreams([CUT, Script(end=EXPIRED), cut(started("t9"), told("z"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 4) == ["a", "b", "gap history_expired", "z"]
    assert streams.tokens == ["", "t1", ""]
    assert not streams.requests[-1].HasField("start")


async def test_a_gap_is_told_once_the_next_stream_is_in_place():
    """What a caller reads anew before that would lack what happens until then."""
    streams = ScriptedStreams([CUT, Script(end=EXPIRED), cut(), cut(started(), told("z"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "b", "gap history_expired"]
        assert streams.opened[-1].messages_read == 1
        assert await items_of(following, 1) == ["z"]
    assert streams.tokens == ["", "t1", "", ""]


async def test_a_snapshot_comes_in_place_of_an_expired_one_where_that_was_chosen():
    streams = ScriptedStreams([CUT, CUT])
    async with follow(streams, EventsRequest(), manners(Expired.SNAPSHOT)) as following:
        await items_of(following, 2)
        await read_to_the_end(following)
    first, second = streams.requests[:2]
    assert not first.HasField("start")
    assert second.start == StartPosition(resume_token="t1", snapshot_if_expired=True)


@pytest.mark.parametrize(
    ("start", "chosen"),
    [
        (StartPosition(snapshot=True), True),
        (StartPosition(resume_token="t", snapshot_if_expired=True), True),
        (StartPosition(resume_token="t"), False),
    ],
)
async def test_who_asks_for_a_snapshot_gets_one_also_later(start: StartPosition, chosen: bool):
    streams = ScriptedStreams([CUT, CUT])
    async with follow(streams, EventsRequest(start=start), manners()) as following:
        await items_of(following, 2)
        await read_to_the_end(following)
    assert streams.requests[1].start.snapshot_if_expired is chosen
    assert streams.requests[1].start.resume_token == "t1"


async def test_an_expired_place_is_raised_where_that_was_chosen():
    streams = ScriptedStreams([CUT, Script(end=EXPIRED)])
    async with follow(streams, EventsRequest(), manners(Expired.RAISE)) as following:
        await items_of(following, 2)
        with pytest.raises(grpc.aio.AioRpcError):
            await anext(following)


async def test_out_of_range_without_a_place_is_raised():
    streams = ScriptedStreams([Script(end=EXPIRED)])
    async with follow(streams, EventsRequest(), manners()) as following:
        with pytest.raises(grpc.aio.AioRpcError):
            await anext(following)


async def test_a_snapshot_that_breaks_begins_again():
    streams = ScriptedStreams(
        [
            cut(started(), pictured("one", "two")),
            cut(started(), pictured("one"), pictured("two"), completed(2, "t1"), told("a")),
        ]
    )
    request = EventsRequest(start=StartPosition(snapshot=True))
    async with follow(streams, request, manners()) as following:
        assert await items_of(following, 3) == ["snapshot", "one", "two"]
        assert following.resume_token == ""
        assert await items_of(following, 4) == ["snapshot", "one", "two", "completed 2"]
        assert following.resume_token == "t1"
        assert await items_of(following, 1) == ["a"]
    assert [request.start.snapshot for request in streams.requests] == [True, True]


@pytest.mark.parametrize("picture", [[pictured("one")], []], ids=["with calls", "without"])
async def test_behind_a_snapshot_events_come_again_as_its_replica_may_be_behind_the_former(
    picture: list[EventsResponse],
):
    streams = ScriptedStreams(
        [
            CUT,
            cut(started(), *picture, completed(len(picture), "t2"), told("b", "c", token="t3")),
            cut(started(), told("c", "d", token="t4")),
        ]
    )
    async with follow(streams, EventsRequest(), manners(Expired.SNAPSHOT)) as following:
        snapshot = ["snapshot", *(["one"] if picture else []), f"completed {len(picture)}"]
        heard = await items_of(following, 5 + len(snapshot))
        assert heard == ["a", "b", *snapshot, "b", "c", "d"]


async def test_a_snapshot_without_calls_is_one_too():
    streams = ScriptedStreams([cut(started(), completed(0, "t1"))])
    request = EventsRequest(start=StartPosition(snapshot=True))
    async with follow(streams, request, manners()) as following:
        assert await items_of(following, 2) == ["snapshot", "completed 0"]


async def test_a_snapshot_in_place_of_an_expired_place_begins_again_from_that_place():
    streams = ScriptedStreams([CUT, cut(started(), pictured("one")), CUT])
    async with follow(streams, EventsRequest(), manners(Expired.SNAPSHOT)) as following:
        assert await items_of(following, 4) == ["a", "b", "snapshot", "one"]
        await read_to_the_end(following)
    assert streams.tokens[:3] == ["", "t1", "t1"]


async def test_a_stream_that_goes_away_is_left_once_the_next_one_is_in_place():
    leaving = Script([started("t0"), told("a", token="t1"), going_away("t2"), told("b")])
    streams = ScriptedStreams([leaving, cut(started("t2"), told("b", "c", token="t3"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "b", "c"]
    assert streams.tokens == ["", "t2"]
    assert streams.opened[0].messages_read == 3
    assert all(stream.is_closed for stream in streams.opened)


async def test_to_move_is_no_break():
    broke: list[Failure] = []
    pauses = Pauses()
    how = Manners(on_break=broke.append, pause=pauses)
    streams = ScriptedStreams(
        [Script([started("t0"), going_away("t1")]), cut(started("t1"), told("a"))]
    )
    async with follow(streams, EventsRequest(), how) as following:
        await anext(following)
    assert (broke, pauses.seconds) == ([], [])


@pytest.mark.parametrize("end", [UNAVAILABLE, EXPIRED, Silence(), None])
async def test_a_stream_that_goes_away_is_read_to_its_end_where_no_other_opens(end):
    leaving = Script([started("t0"), going_away("t1"), told("a", token="t2")], UNAVAILABLE)
    streams = ScriptedStreams([leaving, Script(end=end), cut(started("t2"), told("b"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 2) == ["a", "b"]
    assert streams.tokens == ["", "t1", "t2"]
    assert streams.opened[1].is_closed


async def test_without_tokens_a_stream_that_goes_away_is_read_to_its_end_beside_the_next_one():
    leaving = Script([started(), told("a"), going_away(), told("b")], UNAVAILABLE)
    streams = ScriptedStreams([leaving, cut(started(), told("b", "c"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "b", "c"]


async def test_without_tokens_a_break_is_a_gap():
    streams = ScriptedStreams([cut(started(), told("a")), cut(started(), told("b"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "gap unspecified", "b"]


async def test_without_tokens_streams_that_do_not_begin_make_no_more_gaps():
    streams = ScriptedStreams([cut(started(), told("a")), cut(), cut(), cut(started(), told("b"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 3) == ["a", "gap unspecified", "b"]


async def test_what_never_began_leaves_no_gap():
    streams = ScriptedStreams([cut(), cut(), cut(started(), told("a"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 1) == ["a"]


async def test_a_stream_that_brings_nothing_any_more_is_replaced():
    broke: list[Failure] = []
    how = Manners(on_break=broke.append, pause=Pauses())
    streams = ScriptedStreams([Script([started("t0")], Silence()), cut(told("a"))])
    async with follow(streams, EventsRequest(), how) as following:
        await anext(following)
    assert [failure.code for failure in broke] == [grpc.StatusCode.DEADLINE_EXCEEDED]
    assert streams.tokens == ["", "t0"]


class Late:
    """A source whose streams bring something only when a test says so."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.is_asked, self.may_tell = asyncio.Event(), asyncio.Event()

    def open_events(self, request: EventsRequest) -> OpenStream[EventsResponse]:
        self.did.append("open")
        return self

    async def read(self) -> EventsResponse | None:
        self.is_asked.set()
        await self.may_tell.wait()
        return told("a", token="t1")

    async def close(self) -> None:
        self.did.append("close")


async def test_a_read_that_was_cancelled_loses_nothing_and_opens_nothing():
    source = Late()
    async with follow(source, EventsRequest(), manners()) as following:
        reading = asyncio.ensure_future(following.__anext__())
        await source.is_asked.wait()
        reading.cancel()
        await asyncio.wait([reading])
        source.may_tell.set()
        assert await items_of(following, 1) == ["a"]
    assert source.did == ["open", "close"]


@pytest.mark.parametrize("code", sorted(HOPELESS, key=str))
async def test_what_would_be_said_again_is_raised(code: grpc.StatusCode):
    streams = ScriptedStreams([Script([started()], failed(code))])
    async with follow(streams, EventsRequest(), manners()) as following:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(following)
    assert caught.value.code() is code


@pytest.mark.parametrize("code", sorted(set(grpc.StatusCode) - HOPELESS, key=str))
async def test_any_other_status_is_reconnected_at(code: grpc.StatusCode):
    end = None if code is grpc.StatusCode.OK else failed(code)
    streams = ScriptedStreams([Script([started("t0")], end), cut(told("a"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        assert await items_of(following, 1) == ["a"]


async def read_messages(streams: ScriptedStreams, how: Manners) -> None:
    async with EndlessStream(streams, EventsRequest(), how) as stream:
        with pytest.raises(IndexError):
            await anext(stream)


async def test_pauses_grow_to_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    pauses = Pauses()
    await read_messages(ScriptedStreams([cut()] * 8), Manners(pause=pauses, clock=lambda: 0.0))
    assert pauses.seconds == [FIRST_DELAY_S, 1, 2, 4, 8, LONGEST_DELAY_S, 10, 10]


async def test_the_pause_is_short_again_once_a_stream_has_lived(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    pauses, now_s = Pauses(), 0.0
    streams = ScriptedStreams([cut(), cut(), cut(started("t0")), cut()])
    how = Manners(pause=pauses, clock=lambda: now_s)
    async with EndlessStream(streams, EventsRequest(), how) as stream:
        await anext(stream)
        now_s += LIVED_S
        with pytest.raises(IndexError):
            await anext(stream)
    assert pauses.seconds == [0.5, 1, 0.5, 1]


async def test_the_server_says_how_long_to_stay_away_at_least():
    later = failed(grpc.StatusCode.UNAVAILABLE, retry_s=30)
    pauses = Pauses()
    await read_messages(
        ScriptedStreams([Script(end=later)]), Manners(pause=pauses, clock=lambda: 0.0)
    )
    assert 30 <= pauses.seconds[0] <= 30 + FIRST_DELAY_S


async def test_the_end_closes_every_stream():
    streams = ScriptedStreams([cut(started("t0"), told("a"))])
    async with follow(streams, EventsRequest(), manners()) as following:
        await anext(following)
    assert streams.opened[0].is_closed
