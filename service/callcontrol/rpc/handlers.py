"""What a service gives the server for each RPC that it serves: the request's type and a coroutine.

Services are tables from method name to handler, so that what is not in the table is known not to
be served, and the types are checked against the API when the server is built.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from google.protobuf.message import Message

from callcontrol.rpc.aio import Context

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class UnaryHandler:
    """Answers one request with one response."""

    request_type: type[Message]
    answer: Callable[[Message], Awaitable[Message]]
    finds_again: bool = False
    """A repeat of the request finds what an earlier one did, and does it no second time."""


@dataclass(frozen=True, slots=True)
class StreamHandler:
    """Answers one request with many responses, which it writes to the context itself, encoded."""

    request_type: type[Message]
    serve: Callable[[Message, Context], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ConversationHandler:
    """Reads requests from the context and writes responses to it, encoded, as both sides like."""

    request_type: type[Message]
    serve: Callable[[Context], Awaitable[None]]


Handlers = Mapping[str, UnaryHandler | StreamHandler | ConversationHandler]
"""The RPCs of one service that are served, by method name."""


def unary(
    kind: type[R], answer: Callable[[R], Awaitable[Message]], *, finds_again: bool = False
) -> UnaryHandler:
    """A handler for one kind of request."""
    # cast: the server decodes with `kind`, and refuses to start when the API says otherwise.
    return UnaryHandler(kind, lambda request: answer(cast("R", request)), finds_again)


def conversation(
    kind: type[Message], serve: Callable[[Context], Awaitable[None]]
) -> ConversationHandler:
    """A handler for an RPC in which both sides send as they like."""
    return ConversationHandler(kind, serve)


def stream(kind: type[R], serve: Callable[[R, Context], Awaitable[None]]) -> StreamHandler:
    """A streaming handler for one kind of request."""
    # cast: as above.
    return StreamHandler(kind, lambda request, context: serve(cast("R", request), context))
