"""Going on after a token on the log that gave it out: nothing is missing, nothing comes twice."""

import asyncio

import pytest

from callcontrol.errors import (
    ResumeTokenExpired,
    ResumeTokenInvalid,
    ShuttingDown,
    SlowConsumer,
)
from callcontrol.events.catch_up import MAX_LOOKING_S, MAX_LOOKS, Start
from callcontrol.events.event import Event, Gap, GapReason
from callcontrol.events.filter import EventFilter
from callcontrol.events.log import EventLog
from callcontrol.events.places import MARK_EVERY
from callcontrol.events.ring import LogLimits
from callcontrol.events.subscription import Overflow, Subscription, SubscriptionClosed
from callcontrol.events.token import Token, TokenKey
from callcontrol.ids import NodeId

ANSWERS = EventFilter(names=frozenset({"CHANNEL_ANSWER"}))
LINK_LOST = GapReason.NODE_CONNECTION_LOST


def take_all(subscription: Subscription, max_events: int = 512) -> list[int]:
    """The numbers of everything there is."""
    numbers: list[int] = []
    while subscription.lag_events:
        numbers += [entry.number for entry in subscription.take(max_events).entries]
    return numbers


@pytest.fixture
def large() -> EventLog:
    return EventLog(LogLimits(max_events=10_000), clock=lambda: 0.0)


def test_a_stream_goes_on_with_what_came_after_the_token(log, event):
    log.append(event())
    token = log.token_at(log.next_number)
    log.append(event())
    subscription = log.subscribe(start=log.start_after(token))
    log.append(event())
    assert take_all(subscription) == [2, 3]


def test_a_token_of_now_is_the_same_as_beginning_now(log, event):
    log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(2)))
    assert subscription.lag_events == 0
    log.append(event())
    assert take_all(subscription) == [2]


def test_only_what_matches_is_taken_of_the_past_and_the_rest_is_counted(log, event):
    for name in ("CHANNEL_HANGUP", "CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_ANSWER"):
        log.append(event(name))
    subscription = log.subscribe([ANSWERS], start=log.start_after(log.token_at(1)))
    batch = subscription.take()
    assert [entry.number for entry in batch.entries] == [2, 4]
    assert (batch.filtered, batch.last_number, subscription.place) == (2, 4, 5)


def test_gaps_of_the_past_are_told_to_those_they_might_concern(log, event):
    log.append_gap(Gap(reason=LINK_LOST, node_id=NodeId("east")))
    log.append_gap(Gap(reason=LINK_LOST, node_id=NodeId("west")))
    log.append_gap(Gap(reason=LINK_LOST))
    east = EventFilter(node_ids=frozenset({NodeId("east")}))
    subscription = log.subscribe([east], start=log.start_after(log.token_at(1)))
    assert [entry.number for entry in subscription.take().entries] == [1]
    assert [entry.number for entry in subscription.take().entries] == [3]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_past_comes_in_pieces_of_any_size_without_hole_or_repeat(log, event, size):
    for _ in range(8):
        log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(1)))
    log.append(event())
    assert take_all(subscription, max_events=size) == list(range(1, 10))


def test_a_piece_is_bounded_in_bytes_and_the_place_is_before_what_was_cut_off(log, event):
    for size in (300, 300, 300):
        log.append(event(size=size))
    subscription = log.subscribe(start=log.start_after(log.token_at(1)))
    assert [entry.number for entry in subscription.take(max_bytes=600).entries] == [1, 2]
    assert subscription.place == 3


def test_a_take_of_the_past_that_fails_to_measure_has_taken_nothing(log, event):
    log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(1)))
    with pytest.raises(ZeroDivisionError):
        subscription.take(size_of=lambda entry: 1 // 0)
    assert take_all(subscription) == [1]


def test_no_piece_looks_at_more_than_a_bounded_number_of_entries(large, event):
    for _ in range(MAX_LOOKS + 1):
        large.append(event("CHANNEL_HANGUP"))
    large.append(event("CHANNEL_ANSWER"))
    subscription = large.subscribe([ANSWERS], start=Start(number=1))
    first, second = subscription.take(), subscription.take()
    assert (first.entries, first.last_number) == ([], MAX_LOOKS)
    assert [entry.number for entry in second.entries] == [MAX_LOOKS + 2]


def test_a_piece_of_the_past_ends_early_where_the_filter_is_slow_but_goes_on(event):
    now_s = 0.0

    class Slow:
        cost = 1

        def __call__(self, event: Event) -> bool:
            nonlocal now_s
            now_s += 0.6 * MAX_LOOKING_S
            return event.name == ""

    log = EventLog(clock=lambda: now_s)
    for _ in range(5):
        log.append(event())
    subscription = log.subscribe([EventFilter(expression=Slow())], start=Start(number=1))
    assert [subscription.take().last_number for _ in range(3)] == [2, 4, 5]


async def test_others_run_between_two_pieces_of_the_past(large, event):
    for _ in range(3 * MAX_LOOKS):
        large.append(event("CHANNEL_HANGUP"))
    subscription = large.subscribe([ANSWERS], start=Start(number=1))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    while subscription.lag_events:
        await subscription.wait()
        subscription.take()
    counting.cancel()
    await asyncio.wait([counting])
    assert turns >= 3


def test_what_the_log_drops_before_it_was_read_is_told(log, event):
    for _ in range(10):
        log.append(event("CHANNEL_HANGUP"))
    subscription = log.subscribe([ANSWERS], start=log.start_after(log.token_at(1)))
    for _ in range(4):
        log.append(event("CHANNEL_HANGUP"))
    batch = subscription.take()
    assert (batch.unread, batch.overtaken, batch.last_number) == (4, 0, 10)


def test_when_all_of_the_past_is_dropped_the_rest_is_told_as_to_any_other(log, event):
    for _ in range(10):
        log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(6)))
    for _ in range(15):
        log.append(event())
    first, second = subscription.take(), subscription.take()
    assert (first.unread, first.entries, first.last_number) == (5, [], 10)
    assert (second.overtaken, second.entries[0].number) == (5, 16)


def test_one_that_asked_for_it_is_cut_off_when_its_past_is_dropped(log, event):
    for _ in range(10):
        log.append(event())
    subscription = log.subscribe(
        overflow=Overflow.DISCONNECT, start=log.start_after(log.token_at(1))
    )
    log.append(event())
    with pytest.raises(SlowConsumer):
        subscription.take()


async def test_closing_it_ends_the_reading_of_the_past(log, event):
    log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(1)))
    subscription.close()
    with pytest.raises(SubscriptionClosed):
        await subscription.wait()
    with pytest.raises(SubscriptionClosed):
        subscription.take()


async def test_the_past_is_read_to_its_end_though_the_log_was_closed(log, event):
    log.append(event())
    subscription = log.subscribe(start=log.start_after(log.token_at(1)))
    log.close("the replica stops")
    assert await subscription.wait() is True
    assert take_all(subscription) == [1]
    with pytest.raises(ShuttingDown):
        await subscription.wait()


def test_a_token_whose_next_event_was_dropped_has_expired(log, event):
    token = log.token_at(log.next_number)
    for _ in range(10):
        log.append(event())
    assert log.start_after(token).number == 1
    log.append(event())
    with pytest.raises(ResumeTokenExpired):
        log.start_after(token)


def test_a_token_from_before_everything_was_dropped_for_its_age_is_good_for_the_end(
    log, event, clock
):
    log.append(event())
    log.append(event())
    clock.now_s += 61.0
    log.sweep()
    assert log.start_after(log.token_at(3)).number == 3
    with pytest.raises(ResumeTokenExpired):
        log.start_after(log.token_at(2))


def test_a_number_that_was_never_given_out_is_no_token():
    key = TokenKey(b"known")
    log = EventLog(key=key)
    with pytest.raises(ResumeTokenInvalid):
        log.start_after(key.seal(Token(log.log_id, 7)))


def test_a_token_says_how_far_each_switch_has_come(log, event):
    key = TokenKey(b"known")
    log = EventLog(key=key)
    log.append(event(node="east", core="c1", sequence=7))
    log.append(event(node="west", core="c2", sequence=900))
    log.append(event(node="east", core="c1", sequence=5))
    log.append(event(node="east", core="c1", sequence=5_000, synthetic=True))
    token = key.open(log.token_at(log.next_number))
    assert passed_of(token) == [("c1", 7), ("c2", 900)]
    assert (token.log_id, token.number) == (log.log_id, 5)


def test_after_a_restart_of_the_switch_only_the_new_process_counts(event):
    key = TokenKey(b"known")
    log = EventLog(key=key)
    log.append(event(core="c1", sequence=9_000))
    log.append(event(core="c2", sequence=3))
    assert passed_of(key.open(log.token_at(3))) == [("c2", 3)]


def test_a_switch_that_is_two_nodes_counts_as_far_as_the_slower_one(event):
    key = TokenKey(b"known")
    log = EventLog(key=key)
    log.append(event(node="east", core="c1", sequence=9))
    log.append(event(node="also", core="c1", sequence=4))
    assert passed_of(key.open(log.token_at(3))) == [("c1", 4)]


def test_a_token_for_a_place_in_the_past_says_what_was_true_there(event):
    key = TokenKey(b"known")
    log = EventLog(LogLimits(max_events=1_000), key=key)
    for sequence in range(1, 3_001):
        log.append(event(sequence=sequence))
    for number in range(log.first_number, log.next_number + 1):
        ((_, sequence),) = passed_of(key.open(log.token_at(number)))
        if number >= log.first_number + MARK_EVERY:
            assert sequence == number - 1
        assert number - MARK_EVERY <= sequence < number
    assert passed_of(key.open(log.token_at(log.next_number))) == [("core", 3_000)]


def passed_of(token: Token) -> list[tuple[str, int]]:
    return [(passed.core_uuid, passed.sequence) for passed in token.passed]
