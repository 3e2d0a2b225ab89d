"""Commands on a worker's call: their deadlines, when they are sent again, and what an end means."""

import grpc.aio

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
        """The answer. `harmless` may be done twice. Raises AioRpcError; of a call that is over
        CallIsOver, unless its handler is cancelled first.
        """
        self._life.require()
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            return await insist(method, request, limit_s, harmless=harmless)
        except grpc.aio.AioRpcError as error:
            if says_it_is_over(error):
                await self._life.news()
            raise

    async def end(self, method: Method[Request, Response], request: Request) -> None:
        """The same for what ends the call: that it is over already is fine."""
        try:
            await insist(method, request, self._timeout_s, harmless=True)
        except grpc.aio.AioRpcError as error:
            if not says_it_is_over(error):
                raise
