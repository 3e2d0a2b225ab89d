"""Prints events for as long as it runs: `tail_events.py [CALL_ID ...]`."""

import asyncio
import os
import random
import sys

import grpc
import grpc.aio

from callcontrol.v1 import event_service_pb2 as pb
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub

TARGET = os.environ.get("CALLCONTROL_TARGET", "127.0.0.1:50051")
HOPELESS = {  # the same request would meet the same answer
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.OUT_OF_RANGE,
}


async def follow_once(channel: grpc.aio.Channel, request: pb.EventsRequest) -> None:
    """Print one stream to its end."""
    async for response in EventServiceStub(channel).Events(request):
        for event in response.events:
            kind = event.WhichOneof("payload") or "-"
            print(event.position.node_id, event.name, event.call_id, kind, flush=True)
        match response.WhichOneof("notice"):
            case "gap":
                # Whatever was built from events must be read anew, with ListCalls for example.
                reason = pb.Gap.Reason.Name(response.gap.reason)
                print("events are missing:", response.gap.node_id, reason, flush=True)
            case "going_away":
                return  # open another stream now, before this one is ended


async def main(call_ids: list[str]) -> None:
    """Never ends by itself."""
    filters = [pb.EventFilter(call_ids=call_ids)] if call_ids else []
    request = pb.EventsRequest(filters=filters, subscriber_name="tail_events.py")
    while True:
        async with grpc.aio.insecure_channel(TARGET) as channel:
            try:
                await follow_once(channel, request)
            except grpc.aio.AioRpcError as error:
                if error.code() in HOPELESS:
                    raise
                print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        await asyncio.sleep(random.uniform(0.1, 2.0))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        sys.exit(130)
