"""Strings that try to be more than a value: pieces of every syntax on the way, in any order."""

from collections.abc import Callable, Iterator
from random import Random

from hypothesis import strategies as st

CANARY = "global_setvar callcontrol_canary=1"

PIECES = (
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\t",
    "\x1b[2J",
    "\n\napi system id",
    f"\n\napi {CANARY}\n\n",
    "\nEvent-UUID: x",
    "\nContent-Length: 30\n\n",
    f"${{{CANARY}}}",
    "${system id}",
    "$${domain}",
    "$'{'x}",
    "\\${x}",
    "${",
    "$",
    "}",
    "{",
    "}sofia/gateway/x/900",
    "{api_on_answer=system id}",
    "[execute_on_answer=hangup]",
    "execute_on_answer",
    "API_hangup_hook",
    "origination_uuid",
    "a,b=c",
    "a|b",
    "<x=y>",
    "]",
    "[",
    ">",
    "'",
    '"',
    "\\",
    "\\'",
    "\\n",
    "\\s",
    "^^",
    "^^|",
    "^^:a=b",
    "::",
    "hangup::x",
    "!",
    "a!b",
    "&park()",
    "&park)",
    "&system(id)",
    ")",
    "(",
    ":_:",
    "|",
    ",",
    ";",
    "=",
    " ",
    "  ",
    " -bleg ",
    " inline",
    "m:|:system:id",
    "system:id",
    "-both",
    "mod_event_socket reload",
    "reload mod_event_socket",
    "ARRAY::a|:b",
    "undef",
    "all",
    "@",
    "@@0",
    "../",
    "/etc/passwd",
    "%41",
    "%0a",
    "%[a=b]",
    "%(1000,0,440);loops=-1",
    "file://x",
    "shout://x",
    "http://x/",
    "say:x",
    "tts://x|y|z",
    "exec:id",
    "?Route=x",
    "sip:a@b;transport=tcp",
    "\u2028",
    "\u0085",
    "\u00a0",
    "\u202e",
    "\uff04\uff5b",
    "\u212a",
    "e\u0301",
    "\U0001f600",
    "true",
    "1",
    "a",
    "900",
)
LONG = ("x" * 4_097, "9" * 300, "a b" * 2_000, "\\" * 3_000, "'" * 2_500, "../" * 400)


SIGNS = tuple(piece for piece in PIECES if len(piece) <= 2)


def each_piece(valid: str) -> Iterator[str]:
    """Each alone and behind a valid value, and each short one before and within it too: by
    itself, so that none hides behind another that is refused."""
    for piece in PIECES:
        yield from (piece, valid + piece)
    for sign in SIGNS:
        yield sign + valid
    yield from each_sign_within(valid)
    yield from LONG


def each_sign_within(valid: str) -> Iterator[str]:
    """Each short piece in the middle of a valid value."""
    middle = len(valid) // 2
    for sign in SIGNS:
        yield valid[:middle] + sign + valid[middle:]


def hostile(valid: str) -> st.SearchStrategy[str]:
    """Hostile strings for a field that has a valid value, which may be part of them."""
    pieces = st.sampled_from((*PIECES, valid, valid))
    joined = st.lists(pieces, min_size=1, max_size=6).map("".join)
    mixed = st.tuples(joined, st.integers(0, len(valid))).map(
        lambda drawn: valid[: drawn[1]] + drawn[0] + valid[drawn[1] :]
    )
    text = st.text(st.characters(codec="utf-8"), max_size=20)
    return st.one_of(joined, mixed, text, st.sampled_from(LONG))


def drawn(valid: str, random: Random) -> str:
    """One hostile string by chance alone, a hundred times as fast as Hypothesis draws one."""
    pieces = [random.choice((*PIECES, valid)) for _ in range(random.randint(1, 6))]
    joined = "".join(pieces)
    match random.randrange(8):
        case 0:
            return joined
        case 1:
            return random.choice(LONG) if random.randrange(8) == 0 else joined[::-1]
        case 2:
            size = random.randint(1, 20)
            return "".join(chr(random.choice(_RANGES)(random)) for _ in range(size))
        case _:
            place = random.randint(0, len(valid))
            few = "".join(pieces[: random.randint(1, 2)])
            return valid[:place] + few + valid[place:]


_RANGES: tuple[Callable[[Random], int], ...] = (
    lambda random: random.randrange(0x20),
    lambda random: random.randrange(0x20, 0x7F),
    lambda random: random.randrange(0x7F, 0xD800),
    lambda random: random.randrange(0xE000, 0x110000),
)
