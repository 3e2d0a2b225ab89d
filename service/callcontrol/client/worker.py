"""A worker: a program that takes calls from the dialplan, with a coroutine for each.

```python
async def ivr(call: ActiveCall) -> None:
    await call.answer()
    match (await call.collect_digits(prompt="/srv/sounds/menu.wav", timeout_s=5)).digits:
        case "1":
            match await call.bridge("user/1000"):
                case Bridged():
                    await call.wait_unbridged()
                case NotBridged():
                    await call.play("/srv/sounds/nobody-there.wav")
        case "2":
            await call.play("/srv/sounds/opening-hours.wav")
    await call.hang_up()


asyncio.run(Worker("", ["ivr"], ivr, name="ivr-1").run())
```

docs/outbound.md tells how calls come to it.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from callcontrol.client.active_call import ActiveCall
from callcontrol.client.call_endings import (
    CallIsOver,
    Ended,
    Ending,
    Left,
    Lost,
    Released,
)
from callcontrol.client.call_handler import Handler, OnFailure
from callcontrol.client.call_outcomes import Bridged, Entry, NotBridged
from callcontrol.client.client import Client
from callcontrol.client.worker_shift import Shift, WorkerManners
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.common_pb2 import VIEW_UNSPECIFIED, View

__all__ = [
    "ActiveCall",
    "Bridged",
    "CallIsOver",
    "Ended",
    "Ending",
    "Entry",
    "Handler",
    "Left",
    "Lost",
    "NotBridged",
    "OnFailure",
    "Released",
    "Worker",
    "WorkerManners",
]

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """Serves applications: takes each call that is offered, and has a handler look after it.

    A handler that returns while its call goes on ends the call; one that fails has it released to
    the dialplan, or ended (`OnFailure`), and is logged. A handler is cancelled when its call is
    over. When the stream breaks, handlers go on, and the worker asks for its calls anew; those that
    it does not get back are over as `Lost`.
    """

    def __init__(
        self,
        target: str,
        applications: Sequence[str],
        handler: Handler,
        *,
        name: str,
        max_calls: int = 100,
        event_names: Sequence[str] = (),
        view: View.ValueType = VIEW_UNSPECIFIED,
        header_names: Sequence[str] = (),
        lost_worker_policy: pb.LostWorkerPolicy.ValueType = pb.LOST_WORKER_POLICY_UNSPECIFIED,
        manners: WorkerManners | None = None,
    ) -> None:
        """`target` as for Client. `name` is one for each process, and the same after a restart: its
        calls are kept under it. `lost_worker_policy` says what becomes of them when it is lost.

        `ActiveCall.events` has the events of these names, at most 60, or all; how much of each,
        `view` and `header_names` say as in EventsRequest. What verbs wait for comes anyway. The
        service judges what is given: `run` raises AioRpcError for what is malformed.
        """
        self._target, self._handler = target, handler
        self._registration = pb.RegisterWorker(
            worker_name=name,
            applications=applications,
            max_calls=max_calls,
            event_names=event_names,
            view=view,
            header_names=header_names,
            lost_worker_policy=lost_worker_policy,
        )
        self._manners = manners or WorkerManners()
        self._shift: Shift | None = None

    async def run(self, *, signals: Collection[signal.Signals] = SIGNALS) -> None:
        """Work until drained, or until cancelled.

        The first of the signals drains, with the grace of the manners; the second ends at once,
        with KeyboardInterrupt. Outside of the main thread there are none. Raises AioRpcError when
        the server says what it would say again.
        """
        async with Client(self._target) as client:
            shift = Shift(client, self._handler, self._registration, self._manners)
            self._shift = shift
            with _told_by(signals, shift.drain, shift.interrupt):
                await shift.work()

    def drain(self, grace_s: float | None = None) -> None:
        """Take no more calls. `run` returns when those there are have ended, or after `grace_s`;
        those that are left then are kept by the service as when the worker is lost.
        """
        if self._shift is not None:
            self._shift.drain(grace_s)


@contextmanager
def _told_by(
    signals: Collection[signal.Signals], first: Callable[[], None], second: Callable[[], None]
) -> Iterator[None]:
    """The first signal does one thing, further ones the other."""
    loop = asyncio.get_running_loop()
    actions = [second, first]

    def act() -> None:
        (actions.pop() if len(actions) > 1 else second)()

    if threading.current_thread() is not threading.main_thread():
        signals = ()
    for one in signals:
        loop.add_signal_handler(one, act)
    try:
        yield
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
