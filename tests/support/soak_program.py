"""A worker of trials as one writes it with `callcontrol.client.worker`: it answers its calls, and
plays to each a tone of some seconds again and again.

    python -m tests.support.soak_program TARGET NAME MAX_CALLS POLICY APPLICATION...

One JSON object a line on stdout, as of soak_worker.py. A call that goes on behind a stream that
broke is said to be assigned when something can be played to it again. SIGTERM drains it.
"""

import asyncio
import sys
from typing import Final

from tests.support.soak_worker import say, told_of

from callcontrol.client.worker import ActiveCall, Ended, Worker, WorkerManners
from callcontrol.v1 import call_handling_service_pb2 as handling_pb2
from callcontrol.v1.event_pb2 import Event

TONE: Final = "tone_stream://%(4000,0,1000)"
GRACE_S: Final = 60.0
COMMAND_S: Final = 40.0
"""Commands wait for a service that begins again, also on a busy machine."""


class Program:
    """What a caller meets."""

    def __init__(self) -> None:
        self.breaks = 0
        """How many streams broke so far."""

    async def handle(self, call: ActiveCall) -> None:
        """One call, until it is over."""
        say("assigned", call_id=call.call_id, had=False)
        try:
            await self._serve(call)
        finally:
            await tell_events(call)
            what = "ended" if isinstance(call.ending, Ended) else "lost"
            say(what, call_id=call.call_id, ending=str(call.ending))

    async def _serve(self, call: ActiveCall) -> None:
        await call.answer()
        breaks, what = self.breaks, "served"
        while True:
            playback_id = await call.start_playing(TONE)
            if self.breaks != breaks:
                breaks = self.breaks
                say("assigned", call_id=call.call_id, had=True)
            elif what:
                say(what, call_id=call.call_id)
                what = ""
            await call.play(TONE)
            say("played", call_id=call.call_id, playback_id=playback_id)

    def broke(self, why: object) -> None:
        """A stream broke."""
        self.breaks += 1
        say("broken", why=str(why))


async def tell_events(call: ActiveCall) -> None:
    """What happened to a call that is over."""
    async for item in call.events():
        if isinstance(item, Event):
            told_of(item)
        else:
            say("gap", gap=str(item).replace("\n", " "))


async def main(
    target: str, name: str, max_calls: int, policy: str, applications: list[str]
) -> None:
    """Serve until drained."""
    program = Program()
    manners = WorkerManners(
        on_registered=lambda: say("registered"),
        on_break=program.broke,
        grace_s=GRACE_S,
        command_timeout_s=COMMAND_S,
    )
    worker = Worker(
        target,
        applications,
        program.handle,
        name=name,
        max_calls=max_calls,
        lost_worker_policy=handling_pb2.LostWorkerPolicy.Value(f"LOST_WORKER_POLICY_{policy}"),
        manners=manners,
    )
    await worker.run()
    say("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]))
