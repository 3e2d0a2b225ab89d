"""Places a call, plays a tone to whoever answers, hangs up: see clients/README.md."""

import argparse
import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable

import grpc.aio

from callcontrol.client.client import Client
from callcontrol.client.enum_names import name_of
from callcontrol.client.event_call import EventCall
from callcontrol.client.places import destination, endpoint
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import common_pb2, event_pb2, event_service_pb2

TONE = common_pb2.MediaSource(tone_stream="%(500,100,440)")


async def main(options: argparse.Namespace) -> int:
    """Returns the exit status: 0 if somebody answered."""
    call_id = str(uuid.uuid4())

    def say(line: str) -> None:
        print(f"{call_id} {line}" if options.ids else line, flush=True)

    # Where the service stands is in CALLCONTROL_TARGET.
    async with Client() as client:
        about_it = event_service_pb2.EventFilter(call_ids=[call_id])
        request = event_service_pb2.EventsRequest(filters=[about_it], subscriber_name="originate")
        stream = client.open_events(request)
        try:
            await stream.read()  # started: from here on nothing is missed
            say("calling")
            placed = await place(client, call_id, options)
            if placed.disposition != pb.DISPOSITION_ANSWERED:
                # Busy, rejected or unanswered is an answer of the service and no error.
                outcome = name_of(pb.Disposition, placed.disposition, "DISPOSITION_")
                say(f"not answered: {outcome} {placed.hangup_cause.name}")
                return 1
            say("answered")
            if not options.worker:
                say(f"ended {await entertain(client, call_id, events_of(stream), say)}")
            return 0
        finally:
            await stream.close()


async def place(client: Client, call_id: str, options: argparse.Namespace) -> pb.OriginateResponse:
    """Call somebody, and return when that was answered or has failed."""
    request = pb.OriginateRequest(
        request_id=str(uuid.uuid4()),  # the same id again would not ring a second time
        call_id=call_id,
        endpoints=[endpoint(options.endpoint)],
        destination=destination(f"worker/{options.worker}" if options.worker else "park"),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
        hangup_on_cancel=True,  # interrupt this program and the telephone stops ringing
    )
    request.ring_timeout.FromSeconds(30)
    return await client.calls.Originate(request, timeout=40)


async def entertain(
    client: Client,
    call_id: str,
    events: AsyncIterator[event_pb2.Event],
    say: Callable[[str], None],
) -> str:
    """Play a tone to its end, and hang up, unless the far end does; why the call ended."""
    play = pb.PlayRequest(call_id=call_id, sources=[TONE])
    playing = await client.calls.Play(play, timeout=10)
    say("playing")
    async for event in events:
        if event.call_id == call_id and event.HasField("call_ended"):
            return event.call_ended.cause.name
        if event.playback_stopped.playback_id == playing.playback_id:
            if event.playback_stopped.completed:
                say("played")
            await client.calls.Hangup(pb.HangupRequest(call_id=call_id), timeout=10)
    raise ConnectionError("the server ended the stream of events")


async def events_of(stream: EventCall) -> AsyncIterator[event_pb2.Event]:
    """One by one. `callcontrol.client.following` has one that survives a broken stream."""
    while (message := await stream.read()) is not None:
        for event in message.events:
            yield event


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", metavar="ENDPOINT")
    parser.add_argument("--worker", default="", metavar="APPLICATION")
    parser.add_argument("--ids", action="store_true")
    options = parser.parse_args()
    try:
        endpoint(options.endpoint)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(read_arguments())))
    except grpc.aio.AioRpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
