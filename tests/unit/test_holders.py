"""The account that trials of outbound mode keep of each call."""

from tests.support.holders import (
    ENDED,
    FALLBACK,
    NOBODY,
    Account,
    Died,
    Heard,
    Left,
    Over,
    Taken,
    percentile,
)

BOTH = frozenset({"w1", "w2"})


def test_a_call_is_alone_from_its_beginning_until_a_worker_has_it():
    account = Account.of(1.0, [Taken(1.5, "w1"), Over(9.0)])
    assert account.owners == ["w1"]
    assert account.alone_s == [0.5]
    assert account.holder == ENDED


def test_facts_may_be_given_in_any_order():
    account = Account.of(1.0, [Over(9.0), Taken(4.0, "w2"), Left(3.0, "w1"), Taken(2.0, "w1")])
    assert account.owners == ["w1", "w2"]
    assert account.alone_s == [1.0, 1.0]
    assert not account.disputes


def test_two_owners_at_a_time_are_a_dispute():
    account = Account.of(1.0, [Taken(2.0, "w1"), Taken(3.0, "w2")])
    assert account.disputes == ["w2 got it while it was with w1"]


def test_a_worker_that_gets_its_call_back_is_no_dispute():
    account = Account.of(1.0, [Taken(2.0, "w1"), Died(3.0, BOTH), Taken(5.0, "w1")])
    assert not account.disputes
    assert account.alone_s == [1.0, 2.0]


def test_a_replica_that_dies_takes_no_call_from_workers_of_another_one():
    account = Account.of(1.0, [Taken(2.0, "w3"), Died(3.0, BOTH)])
    assert account.holder == "w3"


def test_a_call_whose_replica_died_is_kept_for_its_worker():
    account = Account.of(1.0, [Taken(2.0, "w1"), Died(3.0, BOTH), Taken(5.0, "w2")])
    assert account.disputes == ["w2 got it while it was kept for w1"]


def test_a_call_whose_replica_died_does_not_go_on_while_its_worker_may_ask():
    account = Account.of(1.0, [Taken(2.0, "w1"), Died(3.0, BOTH), Heard(5.0)])
    assert account.disputes == ["the fallback began while it was kept for w1"]


def test_a_call_is_not_kept_for_a_worker_that_died_too_or_was_told_that_it_lost_it():
    account = Account.of(
        1.0, [Taken(2.0, "w1"), Died(3.0, BOTH), Left(4.0, "w1"), Taken(5.0, "w2")]
    )
    assert not account.disputes


def test_what_one_worker_leaves_is_not_taken_from_another():
    account = Account.of(1.0, [Taken(2.0, "w1"), Left(3.0, "w2")])
    assert account.holder == "w1"


def test_a_fallback_while_somebody_has_the_call_is_a_dispute():
    account = Account.of(1.0, [Taken(2.0, "w1"), Heard(3.0)])
    assert account.disputes == ["the fallback began while it was with w1"]


def test_a_call_in_the_fallback_does_not_need_the_service():
    account = Account.of(1.0, [Heard(2.0), Died(3.0, BOTH), Over(4.0)])
    assert account.was_heard
    assert account.alone_s == [1.0]


def test_a_call_that_waits_is_with_nobody():
    account = Account.of(1.0, [])
    assert account.holder == NOBODY
    assert account.alone_s == []


def test_what_is_said_late_of_a_call_that_ended_changes_nothing():
    account = Account.of(1.0, [Taken(2.0, "w1"), Over(3.0), Left(3.1, "w1"), Taken(3.2, "w2")])
    assert account.holder == ENDED
    assert not account.disputes
    assert FALLBACK not in account.owners


def test_a_percentile_of_nothing_is_nothing():
    assert percentile([], 99) == 0.0


def test_the_median_is_the_value_in_the_middle():
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
