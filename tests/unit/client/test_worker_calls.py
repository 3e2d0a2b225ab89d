"""What a worker has, whatever comes how often."""

from tests.support.worker_book import Book

from callcontrol.client.call_endings import Ended, Lost, Released
from callcontrol.v1.call_handling_service_pb2 import CallAssigned, CallReleased, OfferCall
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.common_pb2 import HangupCause
from callcontrol.v1.event_pb2 import CallBridged, CallUnbridged, Event


def book_with(*call_ids: str) -> Book:
    book = Book()
    book.registered()
    for call_id in call_ids:
        offer(book, call_id)
        book.assign(CallAssigned(offer_id=f"o-{call_id}", call=Call(call_id=call_id)))
    return book


def offer(book: Book, call_id: str) -> None:
    book.accept(OfferCall(offer_id=f"o-{call_id}", application="x", call=Call(call_id=call_id)))


async def test_a_stream_that_never_was_in_place_loses_no_call():
    book = book_with("a")
    assert book.to_resume() == ["a"]
    book.lose()
    assert book.begun[0].life.ending is None


async def test_an_offer_that_is_withdrawn_is_forgotten_also_where_another_stream_was_tried():
    book = book_with()
    offer(book, "a")
    assert book.to_resume() == ["a"]
    book.withdraw("o-a")
    assert (book.to_resume(), len(book)) == ([], 0)


async def test_what_is_assigned_twice_begins_once():
    book = book_with("a")
    book.registered()
    for _ in range(2):
        book.assign(CallAssigned(call=Call(call_id="a", node_id="fs2")))
    assert [owned.active.leg.node_id for owned in book.begun] == ["fs2"]
    book.lose()
    assert book.begun[0].life.ending is None


async def test_a_release_says_how_it_was_over():
    book = book_with("a", "b", "c", "d")
    book.release(CallReleased(call_id="a", hangup_cause=HangupCause(name="USER_BUSY")))
    book.release(CallReleased(call_id="b"))
    book.registered()
    book.release(CallReleased(call_id="c"))
    book.lose()
    assert [owned.life.ending for owned in book.begun] == [
        Ended("USER_BUSY"),
        Released(),
        Lost(),
        Lost(),
    ]
    assert not len(book)


async def test_a_release_of_a_call_that_it_has_not_changes_nothing():
    book = book_with("a")
    book.release(CallReleased(call_id="b"))
    assert (len(book), book.begun[0].life.ending) == (1, None)


async def test_events_of_the_leg_it_is_bridged_to_come_to_a_call_too():
    book = book_with("a")
    bridged = CallBridged(call_id="a", peer_call_id="b")
    parted = CallUnbridged(call_id="a", peer_call_id="b")
    for event in (
        Event(event_id="1", call_id="b"),
        Event(event_id="2", call_id="a", call_bridged=bridged),
        Event(event_id="3", call_id="b"),
        Event(event_id="4", call_id="a", call_unbridged=parted),
        Event(event_id="5", call_id="b"),
    ):
        book.take(event)
    inbox = book.begun[0].life.inbox
    items = [inbox.next() for _ in range(4)]
    assert [item.event_id if isinstance(item, Event) else None for item in items] == [
        "2",
        "3",
        "4",
        None,
    ]
    assert inbox.has_parted_from("b")
