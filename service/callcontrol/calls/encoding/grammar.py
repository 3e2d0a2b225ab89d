"""What each kind of field may hold: a function a kind, that names the problem or returns None.

The switch itself checks next to nothing: a blank is the next argument, a comma another leg, a
leading dash a flag. What passes here needs no quoting anywhere; free text goes through
`dialstring`. Sentences never repeat the value: it may be a secret or a telephone number.
"""

import re
from typing import Final

from callcontrol.calls.causes import CAUSES

_UUID: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_CALL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+:-]{0,127}")
_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
_USER: Final = re.compile(r"[A-Za-z0-9+*#_][A-Za-z0-9+*#._-]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_WORKER_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_PIN: Final = re.compile(r"[0-9]{1,32}")
_DIGITS: Final = re.compile(r"[0-9A-Da-d*#wW]{1,99}")
_PAUSES: Final = frozenset("wW")
_LAST_PORT: Final = 65_535

# "undef" is how the switch writes an absent argument; as an extension it aborts the process.
_NEVER_A_NAME: Final = frozenset({"undef", "inline"})

CONFERENCE_FLAGS: Final = frozenset(
    {
        "mute",
        "deaf",
        "mute-detect",
        "dist-dtmf",
        "moderator",
        "nomoh",
        "endconf",
        "mintwo",
        "ghost",
        "join-only",
        "waste",
    }
)
"""Member flags of mod_conference that only concern the member who joins."""


def new_call_id_problem(value: str) -> str | None:
    """An id for a call that is to be placed."""
    return None if _UUID.fullmatch(value) else "must be a UUID"


def call_id_problem(value: str) -> str | None:
    """The id of a call that may exist. Mostly a UUID, but calls that came in may be named by
    their SIP Call-ID, and others who place calls may choose any text.
    """
    if _CALL_ID.fullmatch(value):
        return None
    return "must be the id of a call: 1 to 128 of A-Z a-z 0-9 @ . _ + : - after a letter or digit"


def worker_word_problem(value: str) -> str | None:
    """The name of a worker, or of an application that workers serve."""
    return None if _WORKER_WORD.fullmatch(value) else "must be 1 to 64 of A-Z a-z 0-9 _ . -"


def node_id_problem(value: str) -> str | None:
    """The name of a node."""
    return None if _NAME.fullmatch(value) else _name_sentence("a node name")


def number_problem(value: str) -> str | None:
    """A telephone number to dial."""
    return None if _NUMBER.fullmatch(value) else "must be 1 to 32 of 0-9 * # after an optional +"


def user_problem(value: str) -> str | None:
    """The user part of an address, also a caller's number to show."""
    if _USER.fullmatch(value):
        return None
    return "must be 1 to 64 of A-Z a-z 0-9 + * # . _ - and may not begin with . or -"


def host_problem(value: str) -> str | None:
    """A host name or IPv4 address."""
    return None if _HOST.fullmatch(value) else "must be a host name or an IPv4 address"


def sip_address_problem(value: str) -> str | None:
    """`user@host` or `user@host:port`."""
    user, at, host_and_port = value.partition("@")
    host, colon, port = host_and_port.partition(":")
    right_port = not colon or (_PORT.fullmatch(port) and int(port) <= _LAST_PORT)
    if at and user_problem(user) is None and host_problem(host) is None and right_port:
        return None
    return "must be user@host or user@host:port, without the scheme and without parameters"


def name_problem(value: str) -> str | None:
    """The name of something configured on the node: a gateway, a context; or of a
    conference.
    """
    if value.lower() in _NEVER_A_NAME:
        return "is a word the switch reserves"
    return None if _NAME.fullmatch(value) else _name_sentence("a name")


def extension_problem(value: str) -> str | None:
    """An extension of the dialplan."""
    if value.lower() in _NEVER_A_NAME:
        return "is a word the switch reserves"
    return user_problem(value)


def profile_problem(value: str) -> str | None:
    """The name of a SIP profile. `gateway` in that place would begin another kind of endpoint."""
    return "is a word the switch reserves" if value.lower() == "gateway" else name_problem(value)


def conference_flag_problem(value: str) -> str | None:
    """A flag of a conference member."""
    return (
        None
        if value in CONFERENCE_FLAGS
        else f"must be one of {', '.join(sorted(CONFERENCE_FLAGS))}"
    )


def pin_problem(value: str) -> str | None:
    """The pin of a conference."""
    return None if _PIN.fullmatch(value) else "must be 1 to 32 digits"


def cause_problem(value: str) -> str | None:
    """A hangup cause. The switch takes any text, and NORMAL_CLEARING for what it does not know."""
    if value in CAUSES and value != "NONE":
        return None
    return "must be the switch's name of a cause, such as NORMAL_CLEARING or USER_BUSY"


def digits_problem(value: str) -> str | None:
    """Digits to send; the switch takes up to 99 of them."""
    if _DIGITS.fullmatch(value) and not _PAUSES.issuperset(value):
        return None
    return "must be 1 to 99 of 0-9 A-D * # and the pauses w W, not pauses alone"


def operation_id_problem(value: str) -> str | None:
    """The id of something that runs on a call, such as a playback."""
    return None if _UUID.fullmatch(value) else "must be an id that this service gave"


def text_problem(value: str) -> str | None:
    """Free text that a device shows: a caller's name, a display."""
    if len(value) > MAX_TEXT:
        return f"may have at most {MAX_TEXT} characters"
    if any(not character.isprintable() for character in value):
        return "may not contain control characters"
    return None


def ring_time_problem(value: float) -> str | None:
    """A time to ring, which the switch counts in whole seconds."""
    return None if 0 < value <= MAX_RING_S else f"must be more than 0 and at most {MAX_RING_S} s"


MAX_TEXT: Final = 128
"""Characters of a text that a device shows."""

MAX_RING_S: Final = 3_600
"""Seconds; nobody lets a telephone ring for longer than an hour."""


def _name_sentence(what: str) -> str:
    return f"must be {what}: 1 to 64 of A-Z a-z 0-9 . _ - and may not begin with . or -"
