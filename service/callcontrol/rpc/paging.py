"""Pages of lists: how many, from where, and the opaque tokens that say so."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from callcontrol.rpc.validate import Problems

M = TypeVar("M", bound=Message)
T = TypeVar("T")

_MAX_PAGE_BYTES: Final = 3 * 1024 * 1024
"""Clients receive 4 MiB; a page is cut short before it is too large for them."""
_DIGEST_SIZE: Final = 8
_MAX_TOKEN_LENGTH: Final = 512

PageKey = tuple[int, str]
"""Where a page ends: the sort key of its last item."""

FIRST_PAGE: Final[PageKey] = (-1, "")
"""Comes before every item."""


class PageRequest(Protocol):
    """A request for a page, as every list of the API has it."""

    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of a list is asked for."""

    scope: str
    after: PageKey
    """The sort key of the last item of the page before."""
    size: int

    def next_token(self, rest: Sequence[T], shown: int, key: Callable[[T], PageKey]) -> str:
        """The token for what follows the first `shown` of `rest`; empty when nothing does."""
        return page_token(key(rest[shown - 1]), self.scope) if shown < len(rest) else ""


def read_page(
    request: PageRequest, scope: str, problems: Problems, *, default: int, most: int
) -> Page:
    """The page that is asked for; `scope` as for `page_token`."""
    after = read_page_token(request.page_token, scope)
    if after is None:
        problems.add("page_token", "must be a token of the page before, of the same list")
    if request.page_size < 0:
        problems.add("page_size", "must not be negative; 0 lets the server choose")
    size = page_size(request.page_size, default=default, most=most)
    return Page(scope, after or FIRST_PAGE, size)


def fitting(messages: Iterable[M]) -> list[M]:
    """As many of the messages as a client can receive at once; the first one always."""
    page: list[M] = []
    bytes_left = _MAX_PAGE_BYTES
    for message in messages:
        bytes_left -= message.ByteSize()
        if page and bytes_left < 0:
            break
        page.append(message)
    return page


def page_size(asked: int, *, default: int, most: int) -> int:
    """How many items a page may have. Negative values are refused before."""
    return min(asked, most) if asked else default


def page_token(key: PageKey, scope: str) -> str:
    """The token for what follows `key`. It is good for the same scope only, and on any replica.

    `scope` names the list and what else the request chose, except the size of the page.
    """
    body = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(body, scope) + body).rstrip(b"=").decode()


def read_page_token(token: str, scope: str) -> PageKey | None:
    """The place a token stands for: the beginning for an empty one, None for one not ours.

    The check finds tokens that were mangled or belong to another list. It is no secret, and
    tokens carry no rights.
    """
    if not token:
        return FIRST_PAGE
    if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        digest, body = raw[:_DIGEST_SIZE], raw[_DIGEST_SIZE:]
        if digest != _digest(body, scope):
            return None
        time_us, name = json.loads(body)
    except (binascii.Error, ValueError, TypeError):
        return None
    return (time_us, name) if isinstance(time_us, int) and isinstance(name, str) else None


def _digest(body: bytes, scope: str) -> bytes:
    return hashlib.blake2s(body + scope.encode(), digest_size=_DIGEST_SIZE, person=b"page").digest()
