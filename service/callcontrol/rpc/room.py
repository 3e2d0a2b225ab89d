"""How large messages of streams may be: smaller ones while many of them lie unread.

gRPC holds a copy of each message that is being written, and cannot be made to give it up before the
connection ends. A client that reads nothing costs one, so many such clients must not cost a
mebibyte each.
"""

from typing import Final

MAX_UNREAD_BYTES: Final = 256 * 1024 * 1024
SMALL_BYTES: Final = 64 * 1024
"""About what a message may have beyond that: a thousand clients that read nothing cost 64 MiB."""


class Room:
    """Counts the bytes of all messages that are being written."""

    def __init__(self, limit: int = MAX_UNREAD_BYTES) -> None:
        self._limit = limit
        self.used = 0
        """For those who write to count."""

    def most(self, asked: int) -> int:
        """How many bytes the next message of a stream may have that asked for so many."""
        return asked if self.used < self._limit else min(asked, SMALL_BYTES)
