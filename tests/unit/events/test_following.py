"""A reader that follows calls: those it has now, in the order of the log, and each event once."""

import asyncio

import pytest

from callcontrol.errors import ShuttingDown
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.following import Following
from callcontrol.events.log import EventLog
from callcontrol.events.pieces import Batch
from callcontrol.events.subscription import SubscriptionClosed, wire_size
from callcontrol.ids import CallId

ANN, BOB = CallId("ann"), CallId("bob")


def take(following: Following, most: int = 100) -> Batch:
    return following.take(most, 1_000_000, wire_size)


def names(batch: Batch) -> list[str]:
    return [getattr(entry.item, "name", "gap") for entry in batch.entries]


def test_it_takes_what_its_calls_say_and_nothing_else(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    log.append(event("A", call="ann"))
    log.append(event("B", call="bob"))
    following.add(BOB)
    log.append(event("C", call="bob"))
    assert names(take(following)) == ["A", "C"]
    assert following.place == log.next_number


def test_what_concerns_two_of_its_calls_comes_once(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    following.add(BOB)
    log.append(event("CHANNEL_BRIDGE", call="ann", peers=("bob",)))
    assert names(take(following)) == ["CHANNEL_BRIDGE"]


def test_what_a_call_said_before_it_was_dropped_is_still_taken(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    log.append(event("A", call="ann"))
    following.drop(ANN)
    log.append(event("B", call="ann"))
    assert names(take(following)) == ["A"]


def test_a_call_that_is_dropped_twice_and_added_twice_is_followed_once(log: EventLog, event):
    following = log.follow()
    following.drop(ANN)
    for _ in range(2):
        following.add(ANN)
    log.append(event("A", call="ann"))
    assert names(take(following)) == ["A"]
    for _ in range(2):
        following.drop(ANN)
    log.append(event("B", call="ann"))
    assert names(take(following)) == []


def test_only_events_of_the_names_it_wants_come_also_of_the_past(log: EventLog, event):
    log.append(event("A", call="ann"))
    log.append(event("B", call="ann"))
    following = log.follow(frozenset({"A"}))
    following.replay([ANN], Start(number=1))
    log.append(event("B", call="ann"))
    log.append(event("A", call="ann"))
    assert names(take(following)) == ["A"]
    assert names(take(following)) == ["A"]


def test_the_past_of_some_calls_comes_before_what_all_say_now(log: EventLog, event):
    log.append(event("A", call="ann"))
    log.append(event("B", call="bob"))
    following = log.follow()
    following.add(BOB)
    log.append(event("C", call="bob"))
    following.replay([ANN], Start(number=1))
    log.append(event("D", call="ann"))
    past = take(following)
    assert names(past) == ["A"]
    assert past.last_number + 1 == following.place
    assert names(take(following)) == ["C", "D"]


def test_while_the_past_is_read_its_place_is_there(log: EventLog, event):
    for _ in range(3):
        log.append(event("A", call="ann"))
    following = log.follow()
    following.replay([ANN], Start(number=1))
    log.append(event("B", call="ann"))
    assert take(following, 1).last_number == 1
    assert following.place == 2
    assert following.lag_events == 3


async def test_a_wait_ends_at_once_where_there_is_a_past(log: EventLog, event):
    log.append(event("A", call="ann"))
    following = log.follow()
    following.replay([ANN], Start(number=1))
    assert await following.wait(3600)


async def test_a_wait_ends_with_an_event_of_a_call_that_was_added_meanwhile(log: EventLog, event):
    following = log.follow()
    wait = asyncio.ensure_future(following.wait(3600))
    await asyncio.sleep(0)
    following.add(ANN)
    log.append(event("A", call="ann"))
    assert await wait is True


async def test_a_wait_is_ended_from_outside(log: EventLog):
    following = log.follow()
    wait = asyncio.ensure_future(following.wait(3600))
    await asyncio.sleep(0)
    following.wake()
    assert await wait is False


async def test_closing_it_ends_its_wait_and_lets_go_of_its_calls(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    wait = asyncio.ensure_future(following.wait(3600))
    await asyncio.sleep(0)
    following.close()
    with pytest.raises(SubscriptionClosed):
        await wait
    assert not log.subscriptions
    log.append(event("A", call="ann"))


def test_a_gap_comes_once_and_ends_the_batch(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    following.add(BOB)
    log.append_gap(Gap(reason=GapReason.SWITCH_OVERLOADED))
    log.append(event("A", call="ann"))
    assert names(take(following)) == ["gap"]
    assert names(take(following)) == ["A"]


def test_what_the_log_dropped_before_it_was_taken_is_counted(log: EventLog, event):
    following = log.follow()
    following.add(ANN)
    for _ in range(15):
        log.append(event("A", call="ann"))
    log.sweep()
    assert take(following).overtaken == 5


def test_a_closed_log_is_not_followed(log: EventLog):
    log.close("the test")
    with pytest.raises(ShuttingDown):
        log.follow()
