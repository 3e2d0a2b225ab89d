"""Commands on a worker's call: their deadlines, when they are sent again, and what an end means."""

import asyncio

import grpc.aio

from callcontrol.client.call_endings import CallIsOver
from callcontrol.client.call_life import CallLife, says_it_is_over
from callcontrol.client.persistence import Method, Request, Response, insist


class CallCommands:
    """Sends what is done to one call."""

    def __init__(self, life: CallLife, timeout_s: float) -> None:
        """`timeout_s` is the deadline of commands that need no longer one."""
        self._life, self._timeout_s = life, timeout_s

    async def do(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        timeout_s: float | None = None,
        harmless: bool = True,
    ) -> Response:
        """The answer. `harmless` may be done twice. A call that is not known is waited for, as a
        service that has begun anew has to find it. Raises AioRpcError; of a call that is over
        CallIsOver, unless its handler is cancelled first.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + (self._timeout_s if timeout_s is None else timeout_s)
        while True:
            self._life.require()
            seen, left_s = self._life.assignments, deadline_s - loop.time()
            try:
                return await insist(method, request, left_s, harmless=harmless)
            except grpc.aio.AioRpcError as error:
                if not says_it_is_over(error) or not await self._life.news(seen, deadline_s):
                    raise

    async def end(self, method: Method[Request, Response], request: Request) -> None:
        """The same for what ends the call: that it is over already is fine."""
        try:
            await self.do(method, request)
        except CallIsOver:
            pass
        except grpc.aio.AioRpcError as error:
            if not says_it_is_over(error):
                raise
