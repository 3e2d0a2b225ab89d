"""Pages of lists: how many, from where, and the opaque tokens that say so."""

import base64
import binascii
import hashlib
import json
from typing import Final

_DIGEST_SIZE: Final = 8
_MAX_TOKEN_LENGTH: Final = 512

PageKey = tuple[int, str]
"""Where a page ends: the sort key of its last item."""

FIRST_PAGE: Final[PageKey] = (-1, "")
"""Comes before every item."""


NEGATIVE: Final = "must not be negative; 0 lets the server choose"


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
