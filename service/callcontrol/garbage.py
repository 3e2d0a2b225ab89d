"""Keeping Python's collector of cycles from stopping the loop, the longer the more history is held.

A full collection looks at every object there is, some four for each event: measured, 45 to 120 ms
with a few thousand events, and it comes the oftener the more events come. But what lives for long
here, the events above all, is in no cycles: when it is dropped, it is gone at once. So whatever has
lived for a second is put where the collector does not look (`gc.freeze`), and what little garbage
ends up there is looked for now and then. To put the youngest garbage there too, that of the RPCs of
the last moment, would add up: hence a look at what is young before.
"""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

log: Final = logging.getLogger(__name__)

REST_EVERY_S: Final = 1.0
LOOK_EVERY_S: Final = 1_800.0
"""Between two looks at everything, each of which takes about a microsecond for an object."""
_YOUNG: Final = 1
"""The generation up to which objects are young: some thousand, looked at in a millisecond."""


@asynccontextmanager
async def resting(
    rest_every_s: float = REST_EVERY_S, look_every_s: float = LOOK_EVERY_S
) -> AsyncIterator[None]:
    """Do so until the end of the block; then the collector is as it was."""
    async with asyncio.TaskGroup() as tasks:
        rest = tasks.create_task(_rest(rest_every_s, look_every_s), name="rest of what lives")
        try:
            yield
        finally:
            rest.cancel()
            gc.unfreeze()


async def _rest(rest_every_s: float, look_every_s: float) -> None:
    while True:
        _look_at_everything()
        for _ in range(max(1, round(look_every_s / rest_every_s))):
            await asyncio.sleep(rest_every_s)
            gc.collect(_YOUNG)
            gc.freeze()


def _look_at_everything() -> None:
    began_s = time.monotonic()
    gc.unfreeze()
    found = gc.collect()
    gc.freeze()
    took_ms = round((time.monotonic() - began_s) * 1_000, 1)
    log.debug("looked for garbage", extra={"found": found, "took_ms": took_ms})
