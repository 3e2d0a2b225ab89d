"""The table of all methods of the server: which coroutine answers which path."""

from collections.abc import Mapping

import grpc

from callcontrol.errors import NotImplementedYet
from callcontrol.rpc.aio import Context, MethodHandler
from callcontrol.rpc.handlers import ConversationHandler, Handlers, StreamHandler, UnaryHandler
from callcontrol.rpc.interceptors import Ladder
from callcontrol.rpc.methods import SERVICES, Method
from callcontrol.rpc.refusal import refuse
from callcontrol.rpc.status import failure_of


class Methods(grpc.GenericRpcHandler):
    """Finds the handler of a method by its path; what it does not know is refused with reasons."""

    def __init__(self, table: Mapping[str, MethodHandler]) -> None:
        self._table = table

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> MethodHandler:
        """The handler for a call."""
        path = handler_call_details.method
        return self._table.get(path) or _no_such_method(path)


def _no_such_method(path: str) -> MethodHandler:
    async def serve(_: object, context: Context) -> bytes:
        await refuse(context, failure_of(NotImplementedYet("the method", path)))

    return grpc.stream_stream_rpc_method_handler(serve)


def api_table(ladder: Ladder, services: Mapping[str, Handlers]) -> dict[str, MethodHandler]:
    """A handler for every method of the API by its path; what `services` lacks is not served.

    Raises ValueError when the handlers do not fit the API.
    """
    unknown = services.keys() - SERVICES.keys()
    if unknown:
        raise ValueError(f"the API has no service {', '.join(sorted(unknown))}")
    table: dict[str, MethodHandler] = {}
    for name, methods in SERVICES.items():
        handlers = services.get(name, {})
        unknown = handlers.keys() - {method.name for method in methods}
        if unknown:
            raise ValueError(f"{name} has no method {', '.join(sorted(unknown))}")
        for method in methods:
            table[method.path] = _wrap(ladder, method, handlers.get(method.name))
    return table


def _wrap(
    ladder: Ladder,
    method: Method,
    handler: UnaryHandler | StreamHandler | ConversationHandler | None,
) -> MethodHandler:
    if handler is not None and handler.request_type is not method.request_type:
        raise ValueError(f"{method.label} does not take {handler.request_type.__name__}")
    match handler:
        case None:
            return ladder.wrap_missing(method)
        case UnaryHandler() if not (method.streams_requests or method.streams_responses):
            return ladder.wrap_unary(method, handler)
        case StreamHandler() if method.streams_responses and not method.streams_requests:
            return ladder.wrap_stream(method, handler)
        case ConversationHandler() if method.streams_responses and method.streams_requests:
            return ladder.wrap_conversation(method, handler)
        case _:
            raise ValueError(f"{method.label} does not stream as its handler does")


def paths_of(service: str, handlers: Mapping[str, MethodHandler]) -> dict[str, MethodHandler]:
    """The handlers of one service by their paths."""
    return {f"/{service}/{name}": handler for name, handler in handlers.items()}
