"""Commands that are sent again where that is safe, as long as there is time."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

import grpc
import grpc.aio

from callcontrol.client.failure import Failure, failure_of

Request_contra = TypeVar("Request_contra", contravariant=True)
Response = TypeVar("Response")
Response_co = TypeVar("Response_co", covariant=True)

PAUSE_S: Final = 0.2
"""Between two attempts."""


class Method(Protocol[Request_contra, Response_co]):
    """A method of a stub."""

    def __call__(
        self, request: Request_contra, /, *, timeout: float, wait_for_ready: bool
    ) -> Awaitable[Response_co]:
        """Send the request; `timeout` in seconds. Raises AioRpcError."""


Request = TypeVar("Request")


async def insist(
    method: Method[Request, Response], request: Request, timeout_s: float, *, harmless: bool
) -> Response:
    """The answer of the first attempt that was not cut off, within `timeout_s` over all.

    A request that is `harmless` may be done twice: it is sent again whenever nobody knows whether
    it was done. Another one is sent again only where the service says that nothing was sent.
    Raises AioRpcError.
    """
    now_s = asyncio.get_running_loop().time
    deadline_s = now_s() + timeout_s
    while True:
        try:
            return await method(request, timeout=deadline_s - now_s(), wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if now_s() + PAUSE_S >= deadline_s or not _may_pass(
                failure_of(error), harmless=harmless
            ):
                raise
        await asyncio.sleep(PAUSE_S)


def _may_pass(failure: Failure, *, harmless: bool) -> bool:
    if failure.code is grpc.StatusCode.UNAVAILABLE:
        return harmless or bool(failure.reason)
    # Cancelled by a server that stops: what a caller cancels itself is no AioRpcError.
    is_cut = failure.code is grpc.StatusCode.CANCELLED or failure.reason == "OUTCOME_UNKNOWN"
    return harmless and is_cut
