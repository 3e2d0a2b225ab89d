"""Resume tokens: a place in the events as text for clients to keep, sealed so that none is made up.

    base64url of: version (1 byte) | key id (4) | what is said | HMAC-SHA256 of all before (16)

What is said is the log's id and the number that comes next there, and for each switch process the
highest of its own numbers that has passed. Any log that has the events of those processes can find
the place again; only those who have the key can make a token.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from callcontrol.errors import ResumeTokenExpired, ResumeTokenInvalid
from callcontrol.ids import CoreUuid

MAX_TOKEN_LENGTH: Final = 64 * 1024
"""Characters of a token that is looked at; enough for two thousand switches."""
LOG_ID_BYTES: Final = 8

_VERSION: Final = 1
_LATER_VERSIONS: Final = range(2, 16)
"""What a later version of this service may write: unreadable here, and no fault of the client."""
_KEY_ID: Final = slice(1, 5)
_BODY_BEGIN: Final = 5
_MAC_BYTES: Final = 16
_MIN_BYTES: Final = _BODY_BEGIN + LOG_ID_BYTES + 2 + _MAC_BYTES
_KNOWN_PROCESSES: Final = 4_096
"""Switch processes whose bytes are remembered, as each message has a token."""
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+")


class Passed(NamedTuple):
    """How far a stream has come in the events of one switch process."""

    core_uuid: CoreUuid
    sequence: int
    """The highest number of that process that has passed, whether it matched or not."""


@dataclass(frozen=True, slots=True)
class Token:
    """A place: everything before it has been told."""

    log_id: bytes
    """The log that gave it out, LOG_ID_BYTES long."""
    number: int
    """The number there of what comes next."""
    passed: tuple[Passed, ...] = ()


class TokenKey:
    """Seals tokens and reads those that it sealed; replicas that share it read each other's."""

    def __init__(self, secret: bytes | None = None) -> None:
        """Without a secret it is one of this process alone."""
        self.is_of_process = secret is None
        self._secret = secret or os.urandom(32)
        self._head = bytes([_VERSION]) + hashlib.sha256(b"key id" + self._secret).digest()[:4]

    def seal(self, token: Token) -> str:
        """The token as text."""
        sealed = self._head + _written(token)
        return _text(sealed + self._mac(sealed))

    def open(self, text: str) -> Token:
        """Read a token. Raises ResumeTokenInvalid for what is none or was changed, and
        ResumeTokenExpired for one that was sealed by another key, as before a restart.
        """
        raw = _raw(text)
        if raw[0] in _LATER_VERSIONS:
            raise ResumeTokenExpired("it was given out by another version of this service")
        if raw[0] != _VERSION:
            raise ResumeTokenInvalid
        if raw[_KEY_ID] != self._head[_KEY_ID]:
            raise ResumeTokenExpired("it was given out by a service with another key")
        sealed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(sealed)):
            raise ResumeTokenInvalid
        try:
            return _read(sealed[_BODY_BEGIN:])
        except (IndexError, ValueError) as error:
            raise ResumeTokenInvalid from error

    def _mac(self, sealed: bytes) -> bytes:
        return hmac.digest(self._secret, sealed, "sha256")[:_MAC_BYTES]


def _raw(text: str) -> bytes:
    if len(text) > MAX_TOKEN_LENGTH or not _TEXT.fullmatch(text):
        raise ResumeTokenInvalid
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ResumeTokenInvalid from error
    if len(raw) < _MIN_BYTES or _text(raw) != text:
        raise ResumeTokenInvalid
    return raw


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _written(token: Token) -> bytes:
    parts = [token.log_id, _number(token.number), _number(len(token.passed))]
    for passed in token.passed:
        parts += [_process(passed.core_uuid), _number(passed.sequence)]
    return b"".join(parts)


@lru_cache(_KNOWN_PROCESSES)
def _process(core_uuid: CoreUuid) -> bytes:
    """0 and the sixteen bytes of a UUID; of any other text its length and itself."""
    try:
        uuid = UUID(core_uuid)
    except ValueError:
        pass
    else:
        if str(uuid) == core_uuid:
            return b"\0" + uuid.bytes
    other = core_uuid.encode(errors="surrogateescape")
    return _number(len(other)) + other


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


class _Reader:
    """Takes a body apart. Raises IndexError where it ends too early."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._body)

    def bytes(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise IndexError
        self._at += count
        return taken

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def process(self) -> CoreUuid:
        length = self.number()
        if not length:
            return CoreUuid(str(UUID(bytes=self.bytes(16))))
        return CoreUuid(self.bytes(length).decode(errors="surrogateescape"))


def _read(body: bytes) -> Token:
    reader = _Reader(body)
    log_id, number = reader.bytes(LOG_ID_BYTES), reader.number()
    passed = tuple(Passed(reader.process(), reader.number()) for _ in range(reader.number()))
    if not reader.is_at_end:
        raise ValueError("something follows")
    return Token(log_id, number, passed)
