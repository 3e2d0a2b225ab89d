"""A transport that keeps what is written, for links without a network."""

import asyncio
import socket
from typing import Any


class FakeTransport(asyncio.Transport):
    """`abort` is only noted: the test says when the connection is lost."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        super().__init__({"socket": self.socket})
        self.written = b""
        self.aborted = False

    def write(self, data: Any) -> None:  # Any: the base class takes every kind of buffer
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True
        self.socket.close()
