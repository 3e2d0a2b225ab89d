"""Subscribers, in processes of their own, that account for every event of a replay.

Each knows by an oracle which events it must get. Between two events that it got lie as many that
it should have got as the gaps announced there say: one more or less is a loss that nobody told.
"""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from typing import Final, Self, assert_never

import grpc.aio
from tests.support.accounts import Account, Manner, class_of
from tests.support.corpus_replay import Oracle
from tests.support.interests import INTERESTS, Interest
from tests.support.raw_events import number_of, split_message
from tests.support.replaying_switch import SPAWN, Counter, Feed, counter

from callcontrol.v1 import event_pb2, event_service_pb2

SHARE_OF_SLOW: Final = 10
GOODBYE_S: Final = 60.0
_POLL_S: Final = 0.02


@dataclass(frozen=True)
class Stages:
    """What the subscribers of all processes tell each other and the conductor."""

    ready: Counter = field(default_factory=counter)
    """Subscribers in place."""
    settled: Counter = field(default_factory=counter)
    """Subscribers that have accounted for every event fed, by stage: each counts once a stage."""
    stage: Counter = field(default_factory=counter)
    """Which stage it is, from 1; its events are fed from the goal of the former one on."""
    over: Counter = field(default_factory=counter)
    """The last stage whose subscribers may stop being slow."""


class Subscriber:
    """One stream and its account."""

    def __init__(
        self, interest: Interest, manner: Manner, oracle: Oracle, feed: Feed, stages: Stages
    ) -> None:
        self.account = Account(interest.name, manner)
        self._request, self._oracle = interest.request, oracle
        self._feed, self._stages = feed, stages
        self._next = self._first = feed.fed.value
        """Everything before this number is accounted for."""
        self._missed = 0
        """Announced as missing since the last event."""
        self._settled = stages.stage.value

    async def follow(self, target: str) -> None:
        """Read until cancelled, on a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            stream: grpc.aio.UnaryStreamMultiCallable[event_service_pb2.EventsRequest, bytes]
            stream = channel.unary_stream(
                "/callcontrol.v1.EventService/Events",
                event_service_pb2.EventsRequest.SerializeToString,
            )
            async for message in stream(self._request):
                self._take(message)
                await self._dawdle()

    def settle(self) -> None:
        """Say so, once a stage, when all that was fed in it is accounted for."""
        stage = self._stages.stage.value
        goal = self._feed.goal.value
        if stage == self._settled or self._feed.fed.value < goal:
            return
        if self._missing(goal) == self._missed:
            self._settled = stage
            _add(self._stages.settled)

    def unsettled(self) -> None:
        """Called where it never settled: say what is missing."""
        goal = self._feed.goal.value
        if (missing := self._missing(goal)) != self._missed:
            self.account.note(f"{missing} events missing at the end, {self._missed} announced")

    def _missing(self, end: int) -> int:
        return self._oracle.count(self._next, end)

    def _take(self, message: bytes) -> None:
        now_s = time.time()
        events, rest = split_message(message)
        if events:
            first = event_pb2.Event.FromString(events[0])
            age_s = now_s - first.receive_time.ToNanoseconds() / 1e9
            tally = self.account.latencies.setdefault(self._stages.stage.value, Tally())
            tally[class_of(age_s)] += len(events)
        for event in events:
            number = number_of(event)
            if number is None:
                self._meet(event_pb2.Event.FromString(event))
            else:
                self._count(number)
        response = event_service_pb2.EventsResponse.FromString(rest)
        match response.WhichOneof("notice"):
            case "started":
                _add(self._stages.ready)
            case "gap":
                self._hear(response.gap)

    def _meet(self, event: event_pb2.Event) -> None:
        self.account.others[event.WhichOneof("payload") or event.name] += 1

    def _hear(self, gap: event_service_pb2.Gap) -> None:
        reason = event_service_pb2.Gap.Reason.Name(gap.reason)
        self.account.gaps[reason] += 1
        self.account.announced += gap.count
        self._missed += gap.count
        if gap.reason != event_service_pb2.Gap.REASON_SLOW_CONSUMER or not gap.count:
            self.account.note(f"was told of a gap: {reason}, {gap.count} events")

    def _count(self, number: int) -> None:
        self.account.received += 1
        if not self._oracle.matches_number(number):
            self.account.note(f"got event {number}, which does not pass its filter")
        if number < self._next:
            self.account.note(f"got event {number} after {self._next - 1}")
        elif (missing := self._missing(number)) != self._missed:
            problem = f"{missing} events missing before {number}, {self._missed} announced"
            self.account.note(problem)
        self._next, self._missed = number + 1, 0

    async def _dawdle(self) -> None:
        while self._is_slow_now():  # noqa: ASYNC110  other processes tell
            await asyncio.sleep(_POLL_S)

    def _is_slow_now(self) -> bool:
        if self._stages.over.value >= self._stages.stage.value:
            return False
        received = self.account.received
        match self.account.manner:
            case Manner.READS:
                return False
            case Manner.STOPS:
                return received > 0
            case Manner.AT_A_TENTH:
                offered = self._oracle.count(self._first, self._feed.fed.value)
                return received * SHARE_OF_SLOW > offered
            case _:
                assert_never(self.account.manner)


def _add(shared: Counter) -> None:
    with shared.get_lock():
        shared.value += 1


Part = tuple[str, Manner]
"""The name of an interest, and how its subscriber reads."""


@dataclass
class Audience:
    """Some subscribers in a process of their own."""

    parts: list[Part]
    target: str
    feed: Feed
    stages: Stages
    accounts: "Queue[list[Account]]" = field(default_factory=SPAWN.Queue)
    leave: Counter = field(default_factory=counter)

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """The process runs until the end of the block, or until it is dismissed."""
        process = SPAWN.Process(target=_run, args=(self,), daemon=True)
        process.start()
        try:
            yield self
        finally:
            process.terminate()
            process.join()

    def dismiss(self) -> list[Account]:
        """Let the subscribers go; what each of them got."""
        self.leave.value = 1
        return self.accounts.get(timeout=GOODBYE_S)


def _run(audience: Audience) -> None:
    oracles = {name: Oracle.of(INTERESTS[name].passes) for name, _ in audience.parts}
    subscribers = [
        Subscriber(INTERESTS[name], manner, oracles[name], audience.feed, audience.stages)
        for name, manner in audience.parts
    ]
    asyncio.run(_attend(subscribers, audience))
    audience.accounts.put([subscriber.account for subscriber in subscribers])


async def _attend(subscribers: list[Subscriber], audience: Audience) -> None:
    async with asyncio.TaskGroup() as tasks:
        streams = [tasks.create_task(each.follow(audience.target)) for each in subscribers]
        while not audience.leave.value:
            await asyncio.sleep(_POLL_S)
            for each in subscribers:
                each.settle()
        for each, stream in zip(subscribers, streams, strict=True):
            each.unsettled()
            stream.cancel()
