"""The types of grpc.aio as the type checker knows them; at run time they take no parameters."""

from typing import TYPE_CHECKING

import grpc
import grpc.aio

if TYPE_CHECKING:
    MethodHandler = grpc.RpcMethodHandler[bytes, bytes]
    Context = grpc.aio.ServicerContext[bytes, bytes]
else:
    MethodHandler = grpc.RpcMethodHandler
    Context = grpc.aio.ServicerContext

__all__ = ["Context", "MethodHandler", "read"]
"""A MethodHandler is what grpc.aio calls for an RPC, a Context its side of one RPC. Both deal in
bytes: messages are decoded and encoded by ourselves."""


async def read(context: Context) -> bytes | None:
    """The next message of a client; None where it has ended its side of the stream."""
    message: object = await context.read()  # typed as bytes, though its end is an object
    return message if isinstance(message, bytes) else None
