"""The service with a delivery as one would write it first: a queue for each subscriber, and for
each event and subscriber a message object of its own. For the bench to compare with.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection

import grpc
import grpc.aio
from tests.support.piped_process import piped_process

from callcontrol.app import Service
from callcontrol.config_sources import load
from callcontrol.events.event import Event
from callcontrol.rpc.convert_event import basic_event
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse

SERVICE = "callcontrol.v1.EventService"


class NaiveEvents:
    """Gives every subscriber every event, in a message of its own."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()

    async def events(self, _: EventsRequest, __: object) -> AsyncIterator[EventsResponse]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield EventsResponse()
            while True:
                yield EventsResponse(events=[basic_event(await queue.get())])
        finally:
            self._queues.discard(queue)

    async def follow(self, service: Service) -> None:
        """Put each event into every queue."""
        with service.log.subscribe(name="naive") as subscription:
            while True:
                await subscription.wait()
                for entry in subscription.take().entries:
                    if isinstance(entry.item, Event):
                        for queue in self._queues:
                            queue.put_nowait(entry.item)


async def _run(orders: Connection, switch_port: int) -> None:
    config = load({"nodes": f"fs1=127.0.0.1:{switch_port}", "listen": "127.0.0.1:0"})
    service, naive = Service(config), NaiveEvents()
    handler = grpc.unary_stream_rpc_method_handler(
        naive.events, EventsRequest.FromString, EventsResponse.SerializeToString
    )
    server = grpc.aio.server(
        handlers=[grpc.method_handlers_generic_handler(SERVICE, {"Events": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with service.running(), asyncio.TaskGroup() as tasks:
        following = tasks.create_task(naive.follow(service))
        await service.wait_ready()
        orders.send(port)
        with suppress(EOFError):
            await asyncio.to_thread(orders.recv)
        following.cancel()
        await server.stop(0)


def _main(orders: Connection, switch_port: int) -> None:
    asyncio.run(_run(orders, switch_port))


@asynccontextmanager
async def naive_service(switch_port: int) -> AsyncIterator[tuple[int, str]]:
    """A process that serves events so; its id and its address."""
    async with piped_process(_main, switch_port) as (pid, orders):
        port = await asyncio.to_thread(orders.recv)
        yield pid, f"127.0.0.1:{port}"
