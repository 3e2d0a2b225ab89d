"""How originate reads its argument: blanks, quotes, braces, commas, pipes (switch_utils.c)."""

from dataclasses import dataclass, field

_COMMA_OF_VALUE, _COMMA_BETWEEN = "\x01", "\x02"
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "s": " "}


class Malformed(Exception):
    """The dial string cannot be read; originate answers DESTINATION_OUT_OF_ORDER."""


@dataclass(frozen=True, slots=True)
class Target:
    """One leg to call: its endpoint, what follows it, and its own variables."""

    endpoint: str
    address: str
    variables: dict[str, str] = field(default_factory=dict)


def split_blank(text: str, limit: int = 0) -> list[str]:
    r"""Arguments between blanks; `'` quotes, `\` escapes, and `^^X` at the start splits at X.

    With a `limit` the last argument is the rest.
    """
    if text.startswith("^^") and len(text) > 2:
        return split_at(text[3:], text[2], limit)
    parts: list[str] = []
    position, size = 0, len(text)
    while position < size:
        while position < size and text[position] == " ":
            position += 1
        if position >= size:
            break
        if limit and len(parts) == limit - 1:
            parts.append(text[position:])
            break
        start = position
        position = _end_of_word(text, position)
        parts.append(text[start:position])
    return [cleaned(part) for part in parts]


def _end_of_word(text: str, position: int) -> int:
    quoted = False
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "'":
            quoted = not quoted
        elif character == " " and not quoted:
            break
        position += 1
    return min(position, len(text))


def split_at(text: str, separator: str, limit: int = 0) -> list[str]:
    """Parts between separators outside of quotes and not behind a backslash."""
    parts: list[str] = []
    start, position, quoted = 0, 0, False
    while position < len(text) and not (limit and len(parts) == limit - 1):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "'" and (quoted or "'" in text[position + 1 :]):
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return [cleaned(part, separator) for part in parts]


def cleaned(text: str, separator: str = "") -> str:
    """Take the quotes and escapes of one layer away, and the blanks around it."""
    text = text.lstrip(" ")
    out: list[str] = []
    keep = position = 0
    quoted = False
    while position < len(text):
        character, following = text[position], text[position + 1 : position + 2]
        escaped = _escaped(following, separator) if character == "\\" else ""
        if escaped:
            out.append(escaped)
            keep = len(out)
            position += 1
        elif character == "'" and (quoted or "'" in text[position + 1 :]):
            quoted = not quoted
            if quoted:
                keep = len(out)
        else:
            out.append(character)
            if character != " " or quoted:
                keep = len(out)
        position += 1
    return "".join(out[:keep])


def _escaped(following: str, separator: str) -> str:
    if not following:
        return ""
    if following in ("'", '"', "\\") or following == separator:
        return following
    return _UNESCAPED.get(following, "")


def take_block(
    text: str, opening: str, closing: str, separator: str = ","
) -> tuple[dict[str, str], str]:
    """Variables of all `{…}` blocks at the start, and what follows. Raises Malformed."""
    variables: dict[str, str] = {}
    text = text.lstrip(" ")
    while text.startswith(opening):
        end = _end_of_block(text, opening, closing)
        variables |= _variables(text[1:end], separator)
        text = text[end + 1 :].lstrip(" ")
    return variables, text


def _end_of_block(text: str, opening: str, closing: str) -> int:
    depth = 0
    for position, character in enumerate(text):
        if character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if not depth:
                return position
    raise Malformed


def _variables(inside: str, separator: str) -> dict[str, str]:
    if inside.startswith("^^") and len(inside) > 2:
        separator, inside = inside[2], inside[3:]
    found: dict[str, str] = {}
    for part in split_at(inside, separator):
        pair = split_at(part, "=", 2)
        if len(pair) == 2 and pair[0] and pair[1] and "${" not in pair[1]:
            found[pair[0]] = pair[1]
    return found


def read_targets(url: str) -> tuple[dict[str, str], list[list[Target]]]:
    """Variables for all legs, and groups of legs: a group rings at once, groups one by one.

    Raises Malformed.
    """
    everywhere, rest = take_block(url, "<", ">")
    for_all, rest = take_block(rest, "{", "}")
    if not rest:
        raise Malformed
    groups = [
        [_target(leg) for leg in split_at(_with_marks(group), ",")]
        for part in rest.split(":_:")
        for group in split_at(part, "|")
    ]
    return everywhere | for_all, groups


def _with_marks(group: str) -> str:
    """Commas within brackets, marked so that legs are not parted there. Whether a comma parts
    variables hangs on a count of apostrophes that heeds no escape (switch_ivr_originate.c).
    """
    marked, end, quoted = list(group), -1, False
    for position, character in enumerate(group):
        if end < 0 and character == "[":
            end, quoted = position + _end_of_block(group[position:], "[", "]"), False
        quoted ^= character == "'"
        if position < end and character == "," and group[position - 1] != "\\":
            marked[position] = _COMMA_OF_VALUE if quoted else _COMMA_BETWEEN
        if position == end:
            end = -1
    return "".join(marked)


def _target(leg: str) -> Target:
    leg = leg.replace(_COMMA_OF_VALUE, ",")
    variables, rest = take_block(leg, "[", "]", _COMMA_BETWEEN)
    endpoint, _, address = rest.partition("/")
    return Target(endpoint, address, variables)
