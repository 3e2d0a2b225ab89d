"""What waits to be told to a worker: in order, at its place, and nothing that is over already."""

from callcontrol.ids import OfferId
from callcontrol.rpc import worker_messages as messages
from callcontrol.rpc.worker_notices import Notice, Notices

ONE, TWO = OfferId("o-1"), OfferId("o-2")


def words(offer_id: OfferId) -> Notice:
    return Notice(0, lambda: messages.withdrawal(offer_id))


def told(notices: Notices, place: int) -> list[str]:
    return [notice.words().withdraw.offer_id for notice in notices.due(place)]


def test_notices_are_told_in_order_once_the_events_before_them_have_been():
    notices = Notices()
    notices.add(5, words(ONE).words)
    notices.add(7, words(TWO).words)
    assert told(notices, 4) == []
    assert told(notices, 6) == ["o-1"]
    assert told(notices, 7) == ["o-2"]
    assert not notices


def test_one_that_must_wait_holds_up_those_behind_it():
    notices = Notices()
    notices.add(7, words(ONE).words)
    notices.add(5, words(TWO).words)
    assert told(notices, 6) == []
    assert told(notices, 7) == ["o-1", "o-2"]


def test_an_offer_is_taken_back_until_it_is_told():
    notices = Notices()
    notices.add(1, words(ONE).words, ONE)
    notices.add(1, words(TWO).words, TWO)
    assert notices.take_back(ONE)
    assert not notices.take_back(ONE)
    assert told(notices, 1) == ["o-2"]
    assert not notices.take_back(TWO)


def test_offers_that_were_taken_back_leave_nothing_behind():
    notices = Notices()
    for number in range(1_000):
        notices.add(1, words(ONE).words, OfferId(f"o-{number}"))
        notices.take_back(OfferId(f"o-{number}"))
    assert len(notices) == 0


def test_what_comes_first_passes_all_others():
    notices = Notices()
    notices.add(1, words(ONE).words)
    notices.add_first(words(TWO).words)
    assert len(notices) == 2
    assert [notice.words().withdraw.offer_id for notice in notices.first()] == ["o-2"]
    assert told(notices, 1) == ["o-1"]
