"""What a check says: a field of a request, by its name in the API, and what is wrong with it."""

import json
from typing import Final

Checked = tuple[str, str | None]
"""A field and what is wrong with it, if anything is."""

_MAX_SHOWN: Final = 64


def entry(field: str, key: str) -> str:
    """The name of one entry of a map. The key is a caller's text, and is shown in part."""
    shown = key[:_MAX_SHOWN]
    return f"{field}[{shown if key.isidentifier() else json.dumps(shown)}]"
