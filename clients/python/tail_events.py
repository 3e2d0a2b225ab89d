"""Prints events for as long as it runs: see clients/README.md."""

import asyncio
import sys

import grpc
import grpc.aio

from callcontrol.client.client import Client
from callcontrol.client.endless import Manners
from callcontrol.client.enum_names import name_of
from callcontrol.client.failure import Failure
from callcontrol.client.following import follow
from callcontrol.v1 import event_pb2
from callcontrol.v1 import event_service_pb2 as pb


def tell_break(failure: Failure) -> None:
    """The stream broke: nothing is lost by that, and the next one is on its way."""
    print(failure, file=sys.stderr)


def why(gap: pb.Gap) -> str:
    """The reason in short; one of a later version by its number."""
    return name_of(pb.Gap.Reason, gap.reason, "REASON_")


async def main(call_ids: list[str]) -> None:
    """Never ends by itself."""
    filters = [pb.EventFilter(call_ids=call_ids)] if call_ids else []
    request = pb.EventsRequest(filters=filters, subscriber_name="tail_events.py")
    # Where the service is stands in CALLCONTROL_TARGET.
    async with Client() as client, follow(client, request, Manners(on_break=tell_break)) as items:
        async for item in items:
            match item:
                case event_pb2.Event():
                    kind = item.WhichOneof("payload") or "-"
                    call_id = item.call_id or "-"
                    print(item.position.node_id, item.name, call_id, kind, flush=True)
                case pb.Gap():
                    # Whatever was built from events must be read anew, with ListCalls for example.
                    print("events are missing:", item.node_id or "-", why(item), flush=True)
            # A program that wants to go on here after a restart keeps items.resume_token now.


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except grpc.aio.AioRpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
