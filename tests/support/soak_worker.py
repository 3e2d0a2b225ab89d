"""A worker of trials: it answers its calls, plays a tone without end, and says what happens.

    python -m tests.support.soak_worker TARGET NAME MAX_CALLS POLICY APPLICATION...

One JSON object a line on stdout, each with `at_s`, the monotonic clock of this machine, and
`what`. SIGTERM drains it, SIGUSR1 lets it give all its calls back to the dialplan.
"""

import asyncio
import json
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import grpc.aio
from tests.support.raw_worker import RawWorker, Told

from callcontrol.client.client import Client
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_handling_service_pb2 as handling_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

TONE: Final = "%(1000,0,1000)"
TRY_S: Final = 20.0
"""How long a command is tried again while the service is away."""
BUSY: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
"""What a service says that is away, or about to be."""


def say(what: str, **fields: object) -> None:
    """One line."""
    print(json.dumps({"at_s": time.monotonic(), "what": what, **fields}), flush=True)


async def patiently(command: Callable[[], Awaitable[object]]) -> None:
    """Give a command, again while it cannot be given; raises AioRpcError."""
    give_up_s = time.monotonic() + TRY_S
    while True:
        try:
            await command()
        except grpc.aio.AioRpcError as error:
            if error.code() not in BUSY or time.monotonic() > give_up_s:
                raise
            await asyncio.sleep(0.2)
        else:
            return


class Calls:
    """What is done for each call."""

    def __init__(self, client: Client, name: str, tasks: asyncio.TaskGroup) -> None:
        self._client, self._name, self._tasks = client, name, tasks
        self._working: dict[str, asyncio.Task[None]] = {}

    def begin(self, call: call_pb2.Call, had: bool) -> None:
        """A call is ours."""
        say("assigned", call_id=call.call_id, had=had)
        if call.call_id not in self._working:
            work = self._tasks.create_task(self._work(call), name=call.call_id)
            self._working[call.call_id] = work

    def end(self, call_id: str, what: str) -> None:
        """It is no longer."""
        say(what, call_id=call_id)
        if call_id in self._working:
            self._working.pop(call_id).cancel()

    async def _work(self, call: call_pb2.Call) -> None:
        """Answer and play; whoever has a call after another worker shows that he can touch it."""
        calls, call_id = self._client.calls, call.call_id
        answer = pb.AnswerRequest(call_id=call_id, request_id=str(uuid.uuid4()))
        play = pb.PlayRequest(
            call_id=call_id,
            sources=[common_pb2.MediaSource(tone_stream=TONE)],
            repeat=-1,
            request_id=str(uuid.uuid4()),
        )
        mark = pb.SetVariablesRequest(
            call_id=call_id, variables={"soak_worker": self._name}, request_id=str(uuid.uuid4())
        )
        try:
            if call.state == call_pb2.Call.STATE_ACTIVE:
                await patiently(lambda: calls.SetVariables(mark, timeout=10))
            else:
                await patiently(lambda: calls.Answer(answer, timeout=10))
                await patiently(lambda: calls.Play(play, timeout=10))
        except grpc.aio.AioRpcError as error:
            failure = f"{error.code().name}: {error.details()}"
            say("failed", call_id=call_id, failure=failure)
        else:
            say("served", call_id=call_id)


def told_of(event: event_pb2.Event) -> None:
    """An event of a call that is ours."""
    if not event.synthetic:
        number = event.position.sequence
        say("event", call_id=event.call_id, name=event.name, sequence=number)


def release_all(worker: RawWorker) -> None:
    """Give all calls back to the dialplan."""
    for call_id in worker.held:
        say("releasing", call_id=call_id)
        worker.release(call_id)


async def main(
    target: str, name: str, max_calls: int, policy: str, applications: list[str]
) -> None:
    """Serve until drained."""
    registration = handling_pb2.RegisterWorker(
        worker_name=name,
        applications=applications,
        max_calls=max_calls,
        lost_worker_policy=handling_pb2.LostWorkerPolicy.Value(f"LOST_WORKER_POLICY_{policy}"),
        view=common_pb2.VIEW_BASIC,
    )
    async with Client(target) as client, asyncio.TaskGroup() as tasks:
        calls = Calls(client, name, tasks)
        told = Told(
            registered=lambda came: say("registered", resumed=len(came)),
            offered=lambda offer: say("offered", call_id=offer.call.call_id),
            assigned=calls.begin,
            lost=lambda call_id: calls.end(call_id, "lost"),
            ended=lambda call_id: calls.end(call_id, "ended"),
            event=told_of,
            gap=lambda gap: say("gap", gap=gap),
            broken=lambda why: say("broken", why=why),
        )
        worker = RawWorker(registration, told)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, worker.drain)
        loop.add_signal_handler(signal.SIGUSR1, release_all, worker)
        await worker.run(target)
    say("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]))
