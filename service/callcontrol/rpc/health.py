"""grpc.health.v1: who is serving, told to all who ask and all who watch.

Own servicer: the stock one holds a lock while it writes, so that one watcher that does not read
stops every change of status; it has no List either. Here a watcher only ever looks at the newest
picture when it is its turn, so one that stands still misses what it would have overwritten.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from callcontrol.rpc.aio import Context, MethodHandler

LIVENESS: Final = "liveness"
READINESS: Final = "readiness"
WHOLE_SERVER: Final = ""
SERVICE_NAME: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_Status = health_pb2.HealthCheckResponse
_ListResponse: Final = health_pb2.HealthListResponse  # type: ignore[attr-defined]  # old stubs


class Health:
    """The statuses of this process. The whole server and `liveness` say that the process lives;
    `readiness` and each service of the API, that it can do its work.
    """

    def __init__(self, services: tuple[str, ...]) -> None:
        self._serving = dict.fromkeys((WHOLE_SERVER, LIVENESS), True)
        self._serving |= dict.fromkeys((READINESS, *services), False)
        self._changed = asyncio.Event()
        self._is_leaving = False
        self._closed = False

    @property
    def statuses(self) -> Mapping[str, bool]:
        """Whether each name is serving."""
        return dict(self._serving)

    def set_serving(self, name: str, *, serving: bool) -> None:
        """Say how it stands with `readiness` or a service; KeyError for a name never given. Once
        the process leaves, nothing can become ready again.
        """
        if self._serving[name] == serving or self._is_leaving:
            return
        self._serving[name] = serving
        self._announce()

    def set_all_ready(self, *, serving: bool) -> None:
        """Say how it stands with everything but the life of the process."""
        for name in self._serving.keys() - {WHOLE_SERVER, LIVENESS}:
            self.set_serving(name, serving=serving)

    def leave(self) -> None:
        """The process will go away: nothing serves any more but `liveness`. Cannot be undone."""
        self._is_leaving = True
        self._serving = {name: name == LIVENESS for name in self._serving}
        self._announce()

    def close(self) -> None:
        """End the streams of all watchers, after the newest status."""
        self._closed = True
        self._announce()

    def handlers(self) -> Mapping[str, MethodHandler]:
        """What grpc.aio is to call, by method name."""
        return {
            "Check": grpc.unary_unary_rpc_method_handler(self._check),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
            "List": grpc.unary_unary_rpc_method_handler(self._list),
        }

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _status(self, name: str) -> _Status:
        if name not in self._serving:
            return _Status(status=_Status.SERVICE_UNKNOWN)
        return _Status(status=_Status.SERVING if self._serving[name] else _Status.NOT_SERVING)

    async def _check(self, raw: bytes, context: Context) -> bytes:
        name = await _read_name(raw, context)
        if name not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of that name is known here")
        return self._status(name).SerializeToString()

    async def _watch(self, raw: bytes, context: Context) -> None:
        name = await _read_name(raw, context)
        last = None
        while True:
            changed = self._changed  # taken before the look, so that no change falls between
            status = self._status(name)
            if status != last:
                last = status
                try:
                    await context.write(status.SerializeToString())
                except grpc.aio.InternalError:  # the watcher left while the write waited
                    return
            elif self._closed:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "this replica is going away")
            else:
                await changed.wait()

    async def _list(self, _: bytes, __: Context) -> bytes:
        statuses = {name: self._status(name) for name in self._serving}
        encoded: bytes = _ListResponse(statuses=statuses).SerializeToString()
        return encoded


async def _read_name(raw: bytes, context: Context) -> str:
    try:
        return health_pb2.HealthCheckRequest.FromString(raw).service
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a HealthCheckRequest")
