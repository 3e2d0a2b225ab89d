"""What one worker is told, in order: events of its calls, and what else there is in its place."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from callcontrol.calls.call import HangupCause
from callcontrol.calls.offers.ports import Assignment, Offer
from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Gap, GapReason
from callcontrol.events.log import EventLog
from callcontrol.events.ring import Entry
from callcontrol.events.subscription import MAX_BATCH_EVENTS
from callcontrol.ids import CallId, NodeId, OfferId
from callcontrol.rpc import worker_messages as messages
from callcontrol.rpc.convert_event import encode_entry
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.worker_notices import Notices
from callcontrol.rpc.worker_request import WorkerRequest
from callcontrol.v1.call_handling_service_pb2 import HandleCallsResponse

NOTICES_A_CALL: Final = 4
"""An offer, its assignment or withdrawal, and the release."""
NOTICES_BESIDE: Final = 1_000
"""Answers to what a worker says of calls that are not its own, and to releases that are refused."""

Part = tuple[bytes | Callable[[], HandleCallsResponse], int]
"""A message, or what makes it when it is told, and how many events are in it."""


class Story:
    """The events and notices for one worker. One task tells them."""

    def __init__(self, log: EventLog, asked: WorkerRequest) -> None:
        """Raises ShuttingDown when the log is closed."""
        self._log, self._asked, self._projection = log, asked, asked.projection
        self.following = log.follow(asked.event_names, name=asked.registration.worker_name)
        self.notices = Notices()
        self.skipped_events = 0
        """Those that the worker missed as it was slow."""
        self._nodes: dict[CallId, NodeId] = {}
        """The worker's calls, and where each is."""
        self._awaited = set(asked.registration.resume_call_ids)
        """Calls of which it is not known yet whether the worker gets them back."""
        self._back: list[Assignment] = []
        """Those that it gets back, to be told."""

    @property
    def has_notices(self) -> bool:
        """Whether there is something to tell beside events."""
        return bool(self.notices or self._back)

    @property
    def is_told(self) -> bool:
        """Whether there is nothing to tell now."""
        return not self.has_notices and not self.following.lag_events

    @property
    def is_too_long(self) -> bool:
        """Whether more waits to be told than there can be to tell one who reads."""
        most = NOTICES_BESIDE + NOTICES_A_CALL * self._asked.registration.max_calls
        return len(self.notices) > most

    @property
    def is_gathering(self) -> bool:
        """Whether calls come back now, and more may in a moment."""
        return bool(self._back and self._awaited)

    @property
    def token(self) -> str:
        """For a stream that goes on behind what has been taken."""
        return self._log.token_at(self.following.place)

    def offer(self, offer: Offer) -> None:
        """Tell of an offer."""
        words = partial(messages.offer, offer)
        self.notices.add(self._log.next_number, words, offer.offer_id)

    def withdraw(self, offer_id: OfferId) -> None:
        """Tell that it is off, if it was told."""
        if not self.notices.take_back(offer_id):
            self._add(partial(messages.withdrawal, offer_id))

    def assigned(self, assigned: Assignment) -> None:
        """Tell of a call that is the worker's, and of its events from now on; of one that it gets
        back, from where its former stream had stopped.
        """
        call_id = assigned.call.call_id
        if assigned.offer_id is None and call_id in self._awaited:
            self._awaited.discard(call_id)
            self._back.append(assigned)
            if not self._asked.resume_token:
                self._tell_of_return()
            return
        self._nodes[call_id] = assigned.call.node_id
        self.following.add(call_id)
        self._add(self._assignment(assigned))

    def returned(self, assigned: Sequence[Assignment]) -> None:
        """Tell of calls that it gets back at once."""
        self._awaited -= {each.call.call_id for each in assigned}
        self._back += assigned
        self._tell_of_return()

    def _tell_of_return(self) -> None:
        """Tell of calls that came back before anything else, and then of what they said since the
        place of the token. Any moment will do for this, as nothing of that place is missing.
        """
        calls = [each.call for each in self._back]
        if not calls:
            return
        start, gaps = self._beginning()
        for each in self._back:
            self.notices.add_first(self._assignment(each))
        self._back.clear()
        nodes = {None, *(call.node_id for call in calls)}
        for missing in gaps:
            if missing.node_id in nodes:
                self.notices.add_first(partial(messages.gap, missing))
        for call in calls:
            self._nodes[call.call_id] = call.node_id
            self.following.add(call.call_id)
        if start is not None:
            self.following.replay([call.call_id for call in calls], start)

    def released(self, call_id: CallId, cause: HangupCause | None) -> None:
        """Tell that a call is not the worker's any more, behind its last event."""
        self._tell_of_return()
        self._awaited.discard(call_id)
        self.following.drop(call_id)
        self._nodes.pop(call_id, None)
        self._add(partial(messages.release, call_id, cause))

    def release_refused(self, call_id: CallId, failure: Failure) -> None:
        """Tell that a call cannot go where the worker released it to."""
        self._add(partial(messages.release_refused, call_id, failure))

    def draining(self, grace_s: float) -> None:
        """Tell that the stream will end."""
        self._add(partial(messages.drain, grace_s))

    def check(self) -> None:
        """Raise ResumeTokenInvalid where what came as a token is none."""
        self._beginning()

    def take(self, max_bytes: int) -> list[Part]:
        """What comes next, put in order in one go; the last part has a token: a worker that was
        told of a call and of nothing else is to miss nothing either when its stream breaks.
        """
        self._tell_of_return()
        following = self.following
        is_past = following.has_past
        batch = following.take(
            MAX_BATCH_EVENTS,
            max_bytes,
            lambda entry: len(encode_entry(entry, self._projection)),
        )
        parts: list[Part] = [(notice.words, 0) for notice in self.notices.first()]
        if batch.overtaken or batch.unread:
            self.skipped_events += batch.overtaken
            parts.append((partial(messages.gap, _skipped(batch.overtaken, batch.unread)), 0))
        parts += self._in_order(batch.entries, with_notices=not is_past)
        parts += self._due(following.place)
        words, events = parts.pop() if parts else (b"", 0)
        if not isinstance(words, bytes):
            words = messages.with_token(words().SerializeToString(), self.token)
        return [*parts, (words, events)] if words else []

    def _in_order(self, entries: Sequence[Entry], *, with_notices: bool) -> Iterator[Part]:
        chunks: list[bytes] = []
        for entry in entries:
            chunk = encode_entry(entry, self._projection)
            between = [*self._due(entry.number)] if with_notices else []
            if missing := self._missing(entry, chunk):
                between.append((partial(messages.gap, missing), 0))
            if between:
                if chunks:
                    yield messages.events(chunks), len(chunks)
                yield from between
                chunks = []
            if chunk:
                chunks.append(chunk)
        if chunks:
            yield messages.with_token(messages.events(chunks), self.token), len(chunks)

    def _due(self, place: int) -> Iterator[Part]:
        return ((notice.words, 0) for notice in self.notices.due(place))

    def _missing(self, entry: Entry, chunk: bytes) -> Gap | None:
        """What to say of an entry that is no event, or cannot be told."""
        if isinstance(entry.item, Gap):
            return entry.item if self._concerns(entry.item) else None
        if chunk:
            return None
        place = entry.item.position
        return Gap(
            reason=GapReason.UNREADABLE_EVENT, node_id=place.node_id, last_before=place, count=1
        )

    def _concerns(self, missing: Gap) -> bool:
        """Whether what is missing could be of one of its calls."""
        if missing.node_id is None:
            return bool(self._nodes)
        return missing.node_id in self._nodes.values()

    def _beginning(self) -> tuple[Start | None, tuple[Gap, ...]]:
        token = self._asked.resume_token
        if not token:
            return None, ()
        try:
            start = self._log.start_after(token)
        except ResumeTokenExpired:
            return None, self._log.gaps_after(token)
        return start, start.gaps

    def _assignment(self, assigned: Assignment) -> Callable[[], HandleCallsResponse]:
        return partial(messages.assignment, assigned, with_variables=self._projection.is_full)

    def _add(self, words: Callable[[], HandleCallsResponse]) -> None:
        self.notices.add(self._log.next_number, words)


def _skipped(overtaken: int, unread: int) -> Gap:
    return Gap(reason=GapReason.SLOW_CONSUMER, count=0 if unread else overtaken)
