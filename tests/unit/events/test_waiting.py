"""How a subscription waits: no wake-up is lost, and every wait ends."""

import asyncio

import pytest

from callcontrol.errors import ShuttingDown
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.filter import EventFilter
from callcontrol.events.subscription import Subscription, SubscriptionClosed

ANSWERS = EventFilter(names=frozenset({"CHANNEL_ANSWER"}))
FOREVER_S = 3_600.0


async def settle() -> None:
    """Let everything that can run now run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(subscription: Subscription) -> asyncio.Task[bool]:
    """A wait that has begun."""
    wait = asyncio.create_task(subscription.wait(FOREVER_S))
    await settle()
    assert not wait.done()
    return wait


async def test_a_matching_event_ends_the_wait(log, event):
    wait = await waiting(log.subscribe([ANSWERS]))
    log.append(event("CHANNEL_ANSWER"))
    assert await wait is True


async def test_an_event_that_does_not_match_leaves_it_asleep(log, event):
    wait = await waiting(log.subscribe([ANSWERS]))
    log.append(event("CHANNEL_HANGUP"))
    await settle()
    assert not wait.done()
    log.append(event("CHANNEL_ANSWER"))
    assert await wait is True


async def test_a_gap_ends_the_wait(log):
    wait = await waiting(log.subscribe([ANSWERS]))
    log.append_gap(Gap(reason=GapReason.SWITCH_OVERLOADED))
    assert await wait is True


async def test_an_event_that_came_before_the_wait_is_not_waited_for(log, event):
    subscription = log.subscribe()
    log.append(event())
    assert await subscription.wait(FOREVER_S) is True


async def test_what_was_not_taken_is_still_there_for_the_next_wait(log, event):
    subscription = log.subscribe()
    log.append(event())
    log.append(event())
    subscription.take(max_events=1)
    assert await subscription.wait(FOREVER_S) is True
    subscription.take()
    assert await subscription.wait(0.0) is False


async def test_one_event_wakes_all_that_wait_for_it(log, event):
    waits = [await waiting(log.subscribe([ANSWERS])) for _ in range(3)]
    log.append(event("CHANNEL_ANSWER"))
    assert await asyncio.wait_for(asyncio.gather(*waits), 10) == [True, True, True]


async def test_time_that_runs_out_ends_the_wait_with_nothing(log):
    assert await log.subscribe().wait(0.001) is False


async def test_a_wake_up_that_meets_a_cancel_is_not_lost(log, event):
    subscription = log.subscribe()
    wait = await waiting(subscription)
    log.append(event())
    wait.cancel()
    await asyncio.wait([wait])
    assert wait.cancelled()
    assert await subscription.wait(FOREVER_S) is True


async def test_cancelling_one_wait_leaves_the_others_of_its_filter_alone(log, event):
    first, second = await waiting(log.subscribe()), await waiting(log.subscribe())
    first.cancel()
    await settle()
    log.append(event())
    assert await second is True


async def test_a_wait_that_was_cancelled_leaves_nothing_behind(log):
    subscription = log.subscribe()
    wait = await waiting(subscription)
    wait.cancel()
    await asyncio.wait([wait])
    assert not subscription._matcher.waiters


async def test_waking_all_ends_each_wait_and_the_next_one_waits_again(log):
    subscription = log.subscribe()
    wait = await waiting(subscription)
    log.wake_all()
    assert await wait is False
    again = await waiting(subscription)
    log.wake_all()
    assert await again is False


async def test_closing_the_log_ends_each_wait(log):
    wait = await waiting(log.subscribe())
    log.close("shutting down")
    with pytest.raises(ShuttingDown):
        await wait


async def test_a_closed_log_is_read_to_its_end_first(log, event):
    subscription = log.subscribe()
    log.append(event())
    log.close("shutting down")
    assert await subscription.wait(FOREVER_S) is True
    subscription.take()
    with pytest.raises(ShuttingDown):
        await subscription.wait(FOREVER_S)


async def test_closing_a_subscription_ends_its_wait_and_no_other(log, event):
    subscription, other = log.subscribe(), log.subscribe()
    wait, other_wait = await waiting(subscription), await waiting(other)
    subscription.close()
    with pytest.raises(SubscriptionClosed):
        await wait
    assert not other_wait.done()
    log.append(event())
    assert await other_wait is True


async def test_a_subscription_has_one_reader(log, event):
    subscription = log.subscribe()
    wait = await waiting(subscription)
    with pytest.raises(RuntimeError, match="one task"):
        await subscription.wait(FOREVER_S)
    log.append(event())
    assert await wait is True


async def test_a_slow_reader_keeps_nobody_waiting(log, event):
    slow, quick = log.subscribe(), log.subscribe()
    taken = 0
    for _ in range(100):
        log.append(event())
        assert await quick.wait(FOREVER_S)
        taken += len(quick.take().entries)
    assert taken == 100
    assert slow.lag_events == 100
    assert slow.take().overtaken == 90
