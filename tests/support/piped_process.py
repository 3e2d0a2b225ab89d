"""A process of its own for a part of a test or of a benchmark, which takes orders by a pipe."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection


@asynccontextmanager
async def piped_process(
    main: Callable[..., None], *arguments: object
) -> AsyncIterator[tuple[int, Connection]]:
    """Runs `main(orders, *arguments)` of a module in a new interpreter, and gives its process id
    and our end of the pipe. It has to end when that is closed, at the end of the block.
    """
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=main, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process.pid or 0, ours
    finally:
        ours.close()
        await asyncio.to_thread(process.join)
