"""Gives requests to the handlers above a willing switch, one by one, and reads what they sent."""

import asyncio
from collections.abc import Iterator

from google.protobuf.message import Message
from tests.support.switch_packets import Packet, read_packets
from tests.support.willing_switch import Desk, settle

from callcontrol.errors import CallControlError
from callcontrol.rpc.handlers import UnaryHandler
from callcontrol.rpc.methods import SERVICES

PATIENCE_S = 0.02
A_NEW_DESK_AFTER = 200
"""Requests that one desk takes: it remembers what it was asked for."""


def unary_rpcs() -> Iterator[tuple[str, str, str]]:
    """Every unary RPC that is served: its label, its service, its name."""
    with asyncio.Runner() as runner:
        served = runner.run(_served())
    for service, methods in SERVICES.items():
        for method in methods:
            if isinstance(served.get(service, {}).get(method.name), UnaryHandler):
                yield method.label, service, method.name


async def _served() -> dict[str, dict[str, object]]:
    return {name: dict(handlers) for name, handlers in Desk().services.items()}


RPCS = {label: (service, name) for label, service, name in unary_rpcs()}
"""The service and the name of each, by its label."""


class DeskRunner:
    """A desk on a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.Runner()
        self._desk: Desk | None = None
        self._asked = 0

    def close(self) -> None:
        """End the loop."""
        self._loop.close()

    def forget(self) -> None:
        """Begin anew with the next request."""
        self._asked = 0

    def sent_for(
        self, label: str, request: Message, patience_s: float = PATIENCE_S
    ) -> tuple[list[Packet], Exception | None]:
        """What was sent for a request, and how it failed if it did."""
        return self._loop.run(self._ask(label, request, patience_s))

    async def _ask(
        self, label: str, request: Message, patience_s: float
    ) -> tuple[list[Packet], Exception | None]:
        if self._desk is None or self._asked % A_NEW_DESK_AFTER == 0:
            self._desk = Desk()
        self._asked += 1
        service, name = RPCS[label]
        handler = self._desk.services[service][name]
        assert isinstance(handler, UnaryHandler)
        node = self._desk.node
        node.packets.clear()
        failure: Exception | None = None
        decoded = handler.request_type.FromString(request.SerializeToString())
        try:
            async with asyncio.timeout(patience_s):
                await handler.answer(decoded)
        except (CallControlError, TimeoutError) as error:
            failure = error
        await settle()
        packets = []
        for data in node.packets:
            found = read_packets(data)
            assert len(found) == 1, "one command a packet"
            assert b"mod_event_socket" not in data.lower()
            packets += found
        return packets, failure
