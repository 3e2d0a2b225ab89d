"""What an event may be that a client has the switch fire: its subclass, its headers, its body.

It is of a subclass that the operator lists, and nothing in it can be taken for what the switch
itself says. The switch puts its own headers behind those of the client and repeats a name where
both have it (mod_event_socket.c parse_command), and who reads such an event may take the first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from callcontrol.calls.checked import Checked, entry
from callcontrol.errors import CommandNotAllowed

SETTING: Final = "publish_subclasses"

MAX_HEADERS: Final = 64
MAX_VALUE: Final = 4_096
"""Characters of a header."""
MAX_BODY: Final = 65_536
"""Bytes."""

_SUBCLASS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")

_SPOKEN_FOR: Final = ("callcontrol::", "conference::", "sofia::")
"""What this service believes, whoever fired it."""
_OF_THE_SWITCH: Final = (
    # switch_event.c switch_event_prep_for_delivery, and what `sendevent` adds or obeys
    "event-", "core-", "freeswitch-", "command", "content-length", "unique-id",
    # switch_channel.c switch_channel_event_set_data, switch_caller.c
    "channel-", "caller-", "other-leg-", "originat", "old-unique-id", "session-", "call-",
    "answer-state", "presence-", "variable_", "hangup-cause", "bridge-",
    # what tells of applications, jobs and our own canaries
    "application", "job-", "canary-",
)  # fmt: skip
"""How headers begin, in lower case, that only the switch writes."""


def subclass_problem(subclass: str) -> str | None:
    """What is wrong with a subclass to fire, or None."""
    if not _SUBCLASS.fullmatch(subclass):
        return "must be 1 to 128 of A-Z a-z 0-9 _ . : - beginning with a letter or digit"
    if subclass.lower().startswith(_SPOKEN_FOR):
        return "may not be one by which the switch or this service tells what happens"
    return None


def allowed_subclass_problem(subclass: str) -> str | None:
    """What is wrong with an entry of the operator's list: a subclass, or its beginning and `*`."""
    return None if subclass == "*" else subclass_problem(subclass.removesuffix("*"))


def require_publishable(allowed: Sequence[str], subclass: str) -> None:
    """Raise CommandNotAllowed unless the operator's list has the subclass."""
    if not any(_admits(each, subclass) for each in allowed):
        raise CommandNotAllowed("event", subclass, SETTING)


def _admits(listed: str, subclass: str) -> bool:
    if listed.endswith("*"):
        return subclass.startswith(listed[:-1])
    return subclass == listed


def content_checks(headers: Mapping[str, str], body: bytes) -> Iterator[Checked]:
    """The headers and the body of an event to fire."""
    if len(headers) > MAX_HEADERS:
        yield "headers", f"may be at most {MAX_HEADERS}"
    known: set[str] = set()
    for name, value in list(headers.items())[:MAX_HEADERS]:
        field = entry("headers", name)
        yield field, _name_problem(name, known)
        yield field, _value_problem(value)
        known.add(name.lower())
    yield "body", _body_problem(body)


def _name_problem(name: str, known: set[str]) -> str | None:
    if not _NAME.fullmatch(name):
        return "must be named by 1 to 128 of A-Z a-z 0-9 _ . - beginning with a letter"
    if name.lower().startswith(_OF_THE_SWITCH):
        return "may not have a name of those that the switch gives itself"
    if name.lower() in known:
        return "may not differ from another one in capitals alone"
    return None


def _value_problem(value: str) -> str | None:
    """Without a value the switch leaves a header out; it drops blanks before one, and takes
    ARRAY:: for a list (switch_event.c switch_event_base_add_header).
    """
    if not value:
        return "may not be empty"
    if len(value) > MAX_VALUE:
        return f"may have at most {MAX_VALUE} characters"
    if any(sign < " " or sign == "\x7f" for sign in value):
        return "may not contain line breaks or other control characters"
    if value.startswith(" "):
        return "may not begin with a blank"
    if value.startswith("ARRAY::"):
        return "may not begin with ARRAY::, which the switch takes for a list"
    return None


def _body_problem(body: bytes) -> str | None:
    if len(body) > MAX_BODY:
        return f"may have at most {MAX_BODY} bytes"
    if b"\0" in body:
        return "may not contain NUL"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "must be UTF-8, or no subscriber could read the event"
    return None
