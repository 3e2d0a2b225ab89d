"""What readers that are level take alike."""

from collections.abc import Callable

from callcontrol.events.event import Event
from callcontrol.events.filter import EventFilter
from callcontrol.events.log import EventLog
from callcontrol.events.pieces import MAX_PIECES, Batch
from callcontrol.events.ring import LogLimits
from callcontrol.events.subscription import Subscription

VIEW = "a view"
Make = Callable[..., Event]


def told(log: EventLog, event: Make, count: int) -> None:
    for _ in range(count):
        log.append(event())


def numbers(batch: Batch) -> list[int]:
    return [entry.number for entry in batch.entries]


def take(reader: Subscription, max_events: int = 512, view: str | None = VIEW) -> Batch:
    return reader.take(max_events, view=view)


def test_level_readers_of_one_filter_share_what_they_take(log: EventLog, event: Make) -> None:
    first, second = log.subscribe(), log.subscribe()
    told(log, event, 3)
    one, other = take(first), take(second)
    assert one.piece is other.piece
    assert numbers(other) == [1, 2, 3]


def test_what_was_made_of_it_is_made_once(log: EventLog, event: Make) -> None:
    readers = [log.subscribe() for _ in range(3)]
    told(log, event, 1)
    made: list[str] = []
    for reader in readers:
        take(reader).piece.once("key", lambda: made.append("made"))
    assert made == ["made"]


def test_for_another_key_it_is_made_anew(log: EventLog, event: Make) -> None:
    first, second = log.subscribe(), log.subscribe()
    told(log, event, 1)
    assert take(first).piece.once("one", lambda: 1) == 1
    assert take(second).piece.once("other", lambda: 2) == 2


def test_who_takes_later_gets_what_has_come_since(log: EventLog, event: Make) -> None:
    first, second = log.subscribe(), log.subscribe()
    told(log, event, 2)
    assert numbers(take(first)) == [1, 2]
    told(log, event, 1)
    assert numbers(take(second)) == [1, 2, 3]


def test_a_piece_that_was_cut_is_the_same_for_who_comes_later(log: EventLog, event: Make) -> None:
    first, second = log.subscribe(), log.subscribe()
    told(log, event, 5)
    early = take(first, 2)
    told(log, event, 5)
    assert take(second, 2).piece is early.piece
    assert numbers(take(second, 2)) == numbers(take(first, 2)) == [3, 4]


def test_other_limits_views_and_filters_share_nothing(log: EventLog, event: Make) -> None:
    readers = [log.subscribe() for _ in range(4)]
    readers.append(log.subscribe([EventFilter(names=frozenset({"CHANNEL_ANSWER"}))]))
    told(log, event, 3)
    batches = [
        take(readers[0]),
        take(readers[1], 2),
        take(readers[2], view="another"),
        take(readers[3], view=None),
        take(readers[4]),
    ]
    assert len({id(batch.piece) for batch in batches}) == len(batches)


def test_what_was_overtaken_and_left_out_is_each_readers_own(event: Make) -> None:
    log = EventLog(LogLimits(max_events=3))
    answers = [EventFilter(names=frozenset({"CHANNEL_ANSWER"}))]
    slow = log.subscribe(answers)
    told(log, event, 2)
    quick = log.subscribe(answers)
    log.append(event("CHANNEL_HANGUP"))
    told(log, event, 2)
    behind, level = take(slow), take(quick)
    assert behind.piece is level.piece
    assert numbers(level) == [4, 5]
    assert (behind.overtaken, behind.filtered) == (2, 1)
    assert (level.overtaken, level.filtered) == (0, 1)


def test_few_pieces_are_kept(event: Make) -> None:
    log = EventLog()
    first, second = log.subscribe(), log.subscribe()
    told(log, event, MAX_PIECES + 1)
    kept = [take(first, 1).piece for _ in range(MAX_PIECES + 1)]
    assert take(second, 1).piece is not kept[0]
    assert take(second, 1).piece is not kept[1]  # which gave way to the one before


def test_a_sweep_lets_go_of_all(log: EventLog, event: Make) -> None:
    first, second = log.subscribe(), log.subscribe()
    told(log, event, 1)
    kept = take(first).piece
    log.sweep()
    assert take(second).piece is not kept
