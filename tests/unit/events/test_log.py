"""The log: what it holds, who is asked, what subscriptions take."""

import pytest

from callcontrol.errors import ShuttingDown, SlowConsumer
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.filter import EventFilter
from callcontrol.events.log import EventLog
from callcontrol.events.pieces import Batch
from callcontrol.events.ring import MAX_ENCODINGS, LogLimits
from callcontrol.events.subscription import Overflow, SubscriptionClosed
from callcontrol.ids import CallId, NodeId

ANSWERS = EventFilter(names=frozenset({"CHANNEL_ANSWER"}))
HANGUPS = EventFilter(names=frozenset({"CHANNEL_HANGUP"}))
LINK_LOST = GapReason.NODE_CONNECTION_LOST


def numbers(batch: Batch) -> list[int]:
    return [entry.number for entry in batch.entries]


def test_entries_are_numbered_from_one(log, event):
    assert [log.append(event()), log.append(event())] == [1, 2]
    assert (log.first_number, log.next_number) == (1, 3)


def test_the_oldest_go_when_there_are_too_many(log, event):
    for _ in range(25):
        log.append(event())
    assert (log.first_number, log.next_number) == (16, 26)


def test_the_oldest_go_when_they_are_too_heavy(clock, event):
    log = EventLog(LogLimits(max_bytes=1_000), clock)
    for size in (400, 500, 600):
        log.append(event(size=size))
    assert log.first_number == 3
    log.append(event(size=5_000))
    assert (log.first_number, log.bytes_held) == (4, 5_000)


def test_the_oldest_go_when_they_are_too_old(log, clock, event):
    log.append(event())
    clock.now_s += 61.0
    log.append(event())
    assert log.first_number == 2


def test_a_sweep_drops_what_is_too_old_though_no_event_comes(log, clock, event):
    log.append(event())
    clock.now_s += 61.0
    log.sweep()
    assert (log.first_number, log.bytes_held) == (log.next_number, 0)


def test_a_subscription_gets_what_matches_from_now_on(log, event):
    log.append(event("CHANNEL_ANSWER"))
    subscription = log.subscribe([ANSWERS])
    log.append(event("CHANNEL_HANGUP"))
    log.append(event("CHANNEL_ANSWER"))
    assert numbers(subscription.take()) == [3]
    assert numbers(subscription.take()) == []


def test_it_learns_how_many_events_were_left_out_since_it_took_last(log, event):
    subscription = log.subscribe([ANSWERS])
    for name in ("CHANNEL_HANGUP", "CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_HANGUP"):
        log.append(event(name))
    assert subscription.take().filtered == 3
    assert subscription.take().filtered == 0
    log.append(event("CHANNEL_HANGUP"))
    assert subscription.take().filtered == 1


def test_what_is_left_out_after_the_batch_is_counted_with_the_next_one(log, event):
    subscription = log.subscribe([ANSWERS])
    for name in ("CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_ANSWER"):
        log.append(event(name))
    first, second = subscription.take(max_events=1), subscription.take(max_events=1)
    assert (first.filtered, first.last_number) == (0, 1)
    assert (second.filtered, second.last_number) == (1, 3)


def test_a_batch_is_bounded_in_events(log, event):
    subscription = log.subscribe()
    for _ in range(5):
        log.append(event())
    assert numbers(subscription.take(max_events=3)) == [1, 2, 3]
    assert numbers(subscription.take(max_events=3)) == [4, 5]


def test_a_batch_is_bounded_in_bytes(log, event):
    subscription = log.subscribe()
    for size in (300, 300, 300):
        log.append(event(size=size))
    assert numbers(subscription.take(max_bytes=600)) == [1, 2]


def test_bytes_are_measured_as_the_caller_says(log, event):
    subscription = log.subscribe()
    log.append(event(size=1))
    log.append(event(size=1))
    assert numbers(subscription.take(max_bytes=600, size_of=lambda entry: 500)) == [1]


def test_one_event_larger_than_a_batch_is_taken_alone(log, event):
    subscription = log.subscribe()
    log.append(event(size=5_000))
    log.append(event(size=10))
    assert numbers(subscription.take(max_bytes=100)) == [1]
    assert numbers(subscription.take(max_bytes=100)) == [2]


def test_a_take_that_fails_to_measure_has_taken_nothing(log, event):
    subscription = log.subscribe()
    log.append(event())
    with pytest.raises(ZeroDivisionError):
        subscription.take(size_of=lambda entry: 1 // 0)
    assert numbers(subscription.take()) == [1]


def test_one_that_was_overtaken_is_told_how_much_it_missed(log, event):
    subscription = log.subscribe([ANSWERS])
    for name in ("CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_ANSWER") + ("CHANNEL_HANGUP",) * 9:
        log.append(event(name))
    batch = subscription.take()
    assert (batch.overtaken, numbers(batch)) == (1, [3])
    assert batch.filtered == 10
    assert subscription.take().overtaken == 0


def test_one_whose_missed_events_did_not_match_was_not_overtaken(log, event):
    subscription = log.subscribe([ANSWERS])
    for _ in range(50):
        log.append(event("CHANNEL_HANGUP"))
    batch = subscription.take()
    assert (batch.overtaken, batch.filtered) == (0, 50)


def test_one_that_slept_while_its_events_grew_old_is_told(log, clock, event):
    subscription = log.subscribe()
    log.append(event())
    clock.now_s += 61.0
    log.sweep()
    batch = subscription.take()
    assert (batch.overtaken, numbers(batch)) == (1, [])


def test_one_that_asked_for_it_is_cut_off_when_overtaken(log, event):
    subscription = log.subscribe(overflow=Overflow.DISCONNECT)
    for _ in range(13):
        log.append(event())
    with pytest.raises(SlowConsumer) as caught:
        subscription.take()
    assert caught.value.missed_events == 3


def test_lag_is_told_in_events_and_in_seconds(log, clock, event):
    subscription = log.subscribe([ANSWERS])
    assert (subscription.lag_events, subscription.lag_s) == (0, 0.0)
    log.append(event("CHANNEL_HANGUP"))
    clock.now_s += 5.0
    log.append(event("CHANNEL_ANSWER"))
    log.append(event("CHANNEL_ANSWER"))
    clock.now_s += 2.5
    assert (subscription.lag_events, subscription.lag_s) == (2, 2.5)
    subscription.take(max_events=2)
    assert (subscription.lag_events, subscription.lag_s) == (0, 0.0)


def test_equal_filters_share_one_matcher(log):
    first = log.subscribe([ANSWERS, HANGUPS])
    second = log.subscribe([HANGUPS, ANSWERS])
    everything = log.subscribe()
    also_everything = log.subscribe([EventFilter(), HANGUPS])
    assert log.distinct_filters == 2
    for subscription in (first, everything, also_everything):
        subscription.close()
    assert log.distinct_filters == 1
    second.close()
    assert log.distinct_filters == 0


def test_one_that_leaves_takes_nothing_from_those_with_the_same_filter(log, event):
    first, second = log.subscribe([ANSWERS]), log.subscribe([ANSWERS])
    log.append(event())
    first.close()
    log.append(event())
    assert numbers(second.take()) == [1, 2]


def test_a_closed_subscription_cannot_be_read(log):
    with log.subscribe(name="dashboard") as subscription:
        pass
    with pytest.raises(SubscriptionClosed):
        subscription.take()
    assert log.subscriptions == frozenset()


def test_a_gap_reaches_each_subscription_that_the_missing_events_might_concern(log):
    east = log.subscribe([EventFilter(node_ids=frozenset({NodeId("east")}))])
    west = log.subscribe([EventFilter(node_ids=frozenset({NodeId("west")}))])
    call = log.subscribe([EventFilter(call_ids=frozenset({CallId("ann")}))])
    log.append_gap(Gap(reason=LINK_LOST, node_id=NodeId("east")))
    assert [numbers(s.take()) for s in (east, west, call)] == [[1], [], [1]]
    log.append_gap(Gap(reason=LINK_LOST))
    assert [numbers(s.take()) for s in (east, west, call)] == [[2], [2], [2]]


def test_a_gap_ends_the_batch_so_that_it_is_told_in_its_place(log, event):
    subscription = log.subscribe()
    log.append(event())
    log.append_gap(Gap(reason=LINK_LOST))
    log.append(event())
    assert numbers(subscription.take()) == [1, 2]
    assert numbers(subscription.take()) == [3]


def test_a_matcher_that_nobody_reads_remembers_no_more_than_the_log_holds(log, event):
    subscription = log.subscribe()
    for _ in range(10_000):
        log.append(event())
    assert len(subscription._matcher.numbers) <= 2 * 10 + 1
    assert subscription.take().overtaken == 9_990


def test_a_sweep_lets_a_matcher_forget_though_nothing_matches_it_any_more(log, event):
    subscription = log.subscribe([ANSWERS])
    for name in ("CHANNEL_ANSWER",) * 5 + ("CHANNEL_HANGUP",) * 10:
        log.append(event(name))
    log.sweep()
    assert len(subscription._matcher.numbers) == 0
    assert subscription.take().overtaken == 5


def test_a_sweep_lets_go_of_what_every_reader_of_a_matcher_has_taken(log, event):
    level, slow = log.subscribe(), log.subscribe()
    for _ in range(8):
        log.append(event())
    assert len(level.take().entries) == 8
    assert numbers(slow.take(3)) == [1, 2, 3]
    log.sweep()
    assert len(level._matcher.numbers) == 5
    log.append(event())
    assert (numbers(level.take()), numbers(slow.take())) == ([9], [4, 5, 6, 7, 8, 9])
    log.sweep()
    assert len(level._matcher.numbers) == 0
    assert (level.lag_events, slow.lag_events, level.lag_s) == (0, 0, 0.0)


def test_an_event_is_encoded_once_for_each_view(log, event):
    subscription = log.subscribe()
    log.append(event())
    (entry,) = subscription.take().entries
    made = []

    def encode(item):
        made.append(item)
        return b"x" * 40

    assert entry.encoded("full", encode) == entry.encoded("full", encode)
    assert made == [entry.item]
    assert log.bytes_held == 140


def test_the_encodings_kept_with_an_event_are_few(log, event):
    subscription = log.subscribe()
    log.append(event())
    (entry,) = subscription.take().entries
    for view in range(100):
        assert entry.encoded(view, lambda item: b"x") == b"x"
    assert len(entry._encodings) == MAX_ENCODINGS


def test_encodings_of_an_entry_that_has_left_are_not_counted(log, event):
    subscription = log.subscribe()
    log.append(event())
    (entry,) = subscription.take().entries
    for _ in range(10):
        log.append(event(size=0))
    entry.encoded("full", lambda item: b"x" * 40)
    assert log.bytes_held == 0


def test_a_closed_log_takes_in_nothing_more(log, event):
    subscription = log.subscribe()
    log.append(event())
    log.close("replaced by a newer version")
    assert log.append(event()) == 0
    assert log.append_gap(Gap(reason=LINK_LOST)) == 0
    assert numbers(subscription.take()) == [1]
    assert log.close_reason == "replaced by a newer version"
    with pytest.raises(ShuttingDown):
        log.subscribe()
