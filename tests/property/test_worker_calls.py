"""Whatever a worker is told, and however often its stream breaks: a call begins once, and ends."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from tests.support.worker_book import Book

from callcontrol.client.call_endings import Ended, Left, Lost
from callcontrol.v1.call_handling_service_pb2 import CallAssigned, CallReleased, OfferCall
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.common_pb2 import HangupCause

IDS = st.sampled_from(["a", "b", "c"])


class Model:
    """What must hold, told by as little as possible."""

    def __init__(self) -> None:
        self.book = Book()
        self.book.registered()
        self.pending: dict[str, str] = {}
        """Accepted offers, and the call of each."""
        self.hoped: set[str] = set()
        self.alive: set[str] = set()
        self.asked: set[str] = set()
        self.begun = 0

    def accept(self, call_id: str) -> None:
        """A call is offered, and taken."""
        offer_id = f"o-{call_id}"
        self.pending[offer_id] = call_id
        self.book.accept(OfferCall(offer_id=offer_id, call=Call(call_id=call_id)))

    def withdraw(self, call_id: str) -> None:
        """The offer is off."""
        self.pending.pop(f"o-{call_id}", None)
        self.book.withdraw(f"o-{call_id}")

    def assign(self, call_id: str) -> None:
        """By an offer if there is one, else once more."""
        is_offered = self.pending.pop(f"o-{call_id}", None) is not None
        self.hoped.discard(call_id)
        self.asked.discard(call_id)
        self.begun += call_id not in self.alive
        self.alive.add(call_id)
        offer_id = f"o-{call_id}" if is_offered else ""
        self.book.assign(CallAssigned(offer_id=offer_id, call=Call(call_id=call_id)))

    def release(self, call_id: str) -> None:
        """It goes on without the worker; lost where it had been asked for."""
        was_mine, was_asked = call_id in self.alive, call_id in self.asked
        self._drop(call_id)
        self.book.release(CallReleased(call_id=call_id))
        if was_mine:
            assert isinstance(self.ending(call_id), Lost) == was_asked

    def end(self, call_id: str) -> None:
        """It has ended."""
        was_mine = call_id in self.alive
        self._drop(call_id)
        cause = HangupCause(name="NORMAL_CLEARING")
        self.book.release(CallReleased(call_id=call_id, hangup_cause=cause))
        if was_mine:
            assert self.ending(call_id) == Ended("NORMAL_CLEARING")

    def break_and_register(self, _: str) -> None:
        """The stream breaks, and another one is in place."""
        self.book.broke()
        self.hoped |= set(self.pending.values())
        self.pending.clear()
        self.asked = self.alive | self.hoped
        assert self.book.to_resume() == sorted(self.asked)
        self.book.registered()

    def try_elsewhere(self, _: str) -> None:
        """Another stream is tried, and refused: nothing changes."""
        self.book.to_resume()

    def give_up(self, _: str) -> None:
        """Of what was asked for nothing has come."""
        for call_id in self.asked:
            self.hoped.discard(call_id)
            self.alive.discard(call_id)
        self.asked = set()
        self.book.lose()

    def ending(self, call_id: str) -> object:
        """Of the newest call with that id."""
        return next(
            each.life.ending for each in reversed(self.book.begun) if each.active.call_id == call_id
        )

    def check(self) -> None:
        """The book has what it must, each call once."""
        alive = [each.active.call_id for each in self.book.begun if each.life.ending is None]
        assert sorted(alive) == sorted(self.alive)
        assert len(self.book.begun) == self.begun
        may_come = self.hoped | set(self.pending.values())
        assert self.book.to_resume() == sorted(self.alive | may_come)

    def _drop(self, call_id: str) -> None:
        self.hoped.discard(call_id)
        self.asked.discard(call_id)
        self.alive.discard(call_id)


DEEDS: list[Callable[[Model, str], None]] = [
    Model.accept,
    Model.withdraw,
    Model.assign,
    Model.release,
    Model.end,
    Model.break_and_register,
    Model.try_elsewhere,
    Model.give_up,
]


@given(st.lists(st.tuples(st.sampled_from(DEEDS), IDS), max_size=40))
def test_each_call_begins_once_and_ends(story: list[tuple[Callable[[Model, str], None], str]]):
    async def play() -> None:
        model = Model()
        for deed, call_id in story:
            deed(model, call_id)
            model.check()
        model.book.end_all(Left())
        assert not len(model.book)
        assert all(each.life.ending is not None for each in model.book.begun)

    asyncio.run(play())
