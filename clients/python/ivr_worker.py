"""Takes calls of an application, asks for a digit, and connects on 1: see clients/README.md."""

import argparse
import asyncio
import sys

import grpc.aio

from callcontrol.client.failure import Failure
from callcontrol.client.places import endpoint
from callcontrol.client.worker import ActiveCall, Bridged, NotBridged, Worker, WorkerManners

MENU = "tone_stream://%(300,100,440);loops=2"
GOODBYE = "tone_stream://%(500,0,330)"


class Ivr:
    """What a caller meets."""

    def __init__(self, whom: str, operators: str, *, with_ids: bool) -> None:
        self._whom, self._operators, self._with_ids = whom, operators, with_ids

    async def handle(self, call: ActiveCall) -> None:
        """One call, from its assignment on. It is cancelled when the caller hangs up."""
        self._say(call, f"call for {call.application}")
        try:
            await self._serve(call)
        except grpc.aio.AioRpcError as error:
            self._say(call, f"failed: {error.code().name}")
            await call.release()
        finally:
            self._say(call, str(call.ending))

    async def _serve(self, call: ActiveCall) -> None:
        await call.answer()
        self._say(call, "answered")
        self._say(call, "menu")
        entry = await call.collect_digits(prompt=MENU, timeout_s=5)
        self._say(call, f"digit {entry.digits}" if entry.digits else "no digit")
        match entry.digits:
            case "0" if self._operators:
                await self._hand_on(call)
            case "1":
                await self._connect(call)
            case "2":
                self._say(call, "goodbye")
                await call.play(GOODBYE)
            case _:
                pass
        await call.hang_up()

    async def _hand_on(self, call: ActiveCall) -> None:
        self._say(call, "handing on")
        try:
            await call.release(f"worker/{self._operators}")
        except grpc.aio.AioRpcError as error:  # it is this worker's as before
            self._say(call, f"not handed on: {error.code().name}")

    async def _connect(self, call: ActiveCall) -> None:
        self._say(call, "bridging")
        match await call.bridge(self._whom):
            case Bridged():
                self._say(call, "bridged")
                await call.wait_unbridged()
            case NotBridged(disposition=disposition):
                self._say(call, f"not bridged: {disposition}")

    def _say(self, call: ActiveCall, line: str) -> None:
        print(f"{call.call_id} {line}" if self._with_ids else line, flush=True)


class Announcer:
    """Says what becomes of the worker itself."""

    def __init__(self) -> None:
        self._greeting = "ready"

    def registered(self) -> None:
        """It can be offered calls."""
        print(self._greeting, flush=True)
        self._greeting = "back"

    def broke(self, failure: Failure) -> None:
        """The stream broke: the calls are kept, and the next stream is on its way."""
        print(failure, file=sys.stderr)

    def drains(self) -> None:
        """It was told to end."""
        print("draining", flush=True)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("application", metavar="APPLICATION")
    parser.add_argument("endpoint", metavar="ENDPOINT")
    parser.add_argument("--operators", default="", metavar="APPLICATION")
    parser.add_argument("--name", default="ivr-worker")
    parser.add_argument("--max-calls", type=int, default=10)
    parser.add_argument("--grace", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--ids", action="store_true")
    options = parser.parse_args()
    try:
        endpoint(options.endpoint)
    except ValueError as error:
        parser.error(str(error))
    return options


async def main(options: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    ivr = Ivr(options.endpoint, options.operators, with_ids=options.ids)
    announcer = Announcer()
    manners = WorkerManners(
        on_registered=announcer.registered,
        on_break=announcer.broke,
        on_drain=announcer.drains,
        grace_s=options.grace,
    )
    # Where the service stands is in CALLCONTROL_TARGET.
    worker = Worker(
        "",
        [options.application],
        ivr.handle,
        name=options.name,
        max_calls=options.max_calls,
        manners=manners,
    )
    await worker.run()
    print("done", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(read_arguments()))
    except grpc.aio.AioRpcError as failed:
        print(f"{failed.code().name}: {failed.details()}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
