"""Running the program of one call, and what becomes of the call when that ends."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Final

import grpc.aio

from callcontrol.client.active_call import ActiveCall
from callcontrol.client.call_endings import CallIsOver
from callcontrol.client.failure import failure_of

log = logging.getLogger(__name__)

AFTERWARDS_S: Final = 10.0
"""What is done after a handler has so long."""

Handler = Callable[[ActiveCall], Coroutine[object, object, None]]


class OnFailure(Enum):
    """What becomes of a call whose handler fails with an exception."""

    RELEASE = "release"
    """It goes on with the dialplan, where the fallback is."""
    HANG_UP = "hang_up"
    """It ends."""


async def handle(
    call: ActiveCall, handler: Handler, on_failure: OnFailure, give_up: Callable[[str], None]
) -> None:
    """Run the handler, then end its call if it goes on. Returns when the call is over and what the
    handler wanted to be done afterwards is done. `give_up` releases a call, without waiting.
    """
    try:
        if call.ending is None:
            await handler(call)
        if call.ending is None:
            await _hang_up(call)
    except asyncio.CancelledError:
        if call.ending is None:
            give_up(call.call_id)
            raise
    except Exception as error:  # noqa: BLE001  # whatever a program may fail with
        if call.ending is None or not isinstance(error, CallIsOver):
            await _fail(call, on_failure, error)
    finally:
        await _do_afterwards(call)


async def carry_out(command: Coroutine[object, object, None]) -> None:
    """Do what nobody waits for."""
    try:
        await command
    except (grpc.aio.AioRpcError, CallIsOver) as error:
        log.debug("command on a call was given up", extra={"why": str(error)})


async def _fail(call: ActiveCall, on_failure: OnFailure, error: Exception) -> None:
    keys = {"call_id": call.call_id, "application": call.application}
    log.error("handler of a call failed", exc_info=error, extra=keys)
    if call.ending is None and on_failure is OnFailure.HANG_UP:
        await _hang_up(call)
    elif call.ending is None:
        await call.release()


async def _hang_up(call: ActiveCall) -> None:
    try:
        await call.hang_up()
    except grpc.aio.AioRpcError as error:
        why = {"call_id": call.call_id, "failure": str(failure_of(error))}
        log.warning("call could not be ended, and is released", extra=why)
        await call.release()


async def _do_afterwards(call: ActiveCall) -> None:
    keys = {"call_id": call.call_id, "application": call.application}
    try:
        async with asyncio.timeout(AFTERWARDS_S):
            while call.afterwards:
                await call.afterwards.pop()()
    except Exception:
        log.exception("what is done after a call failed", extra=keys)
