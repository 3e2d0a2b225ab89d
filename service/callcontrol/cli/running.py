"""Running until somebody says stop: signals, and the event loop that was chosen."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from callcontrol.config_problems import ConfigurationError, describe

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run(work: Coroutine[None, None, None], event_loop: Literal["asyncio", "uvloop"]) -> None:
    """Run to the end on the loop that was chosen. Raises ConfigurationError if it is missing."""
    with asyncio.Runner(loop_factory=_loop_factory(event_loop)) as runner:
        runner.run(work)


@contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal() -> None:
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _loop_factory(event_loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if event_loop == "asyncio":
        return None
    try:
        import uvloop
    except ImportError as error:
        problem = "uvloop is not installed; install callcontrol[uvloop] or choose asyncio"
        raise ConfigurationError([f"{describe('event_loop')}: {problem}"]) from error
    return uvloop.new_event_loop
