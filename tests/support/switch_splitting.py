"""How the switch takes texts apart, written from its source and apart from our encoder.

switch_utils.c switch_separate_string and cleanup_separated_string, mod_dptools.c
inline_dialplan_hunt, switch_caller.c, switch_event.c switch_event_expand_headers_check.
"""

import re

ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "s": " ", "'": "'", '"': '"', "\\": "\\"}


def split(text: str, delimiter: str, most: int) -> list[str]:
    """How the switch takes a text apart: quotes toggle, a backslash shields what follows."""
    if text.startswith("^^") and len(text) > 3:
        delimiter, text = text[2], text[3:]
    parts: list[str] = []
    place, blank = 0, delimiter == " "
    while place < len(text) and len(parts) < most:
        if blank:
            while place < len(text) and text[place] == " ":
                place += 1
        start, quoted = place, False
        last = len(parts) + 1 == most
        while place < len(text):
            character = text[place]
            if character == "\\":
                place += 1
            elif character == "'" and (blank or quoted or "'" in text[place + 1 :]):
                quoted = not quoted
            elif character == delimiter and not quoted and not last:
                break
            place += 1
        parts.append(clean(text[start:place], delimiter))
        place += 1
    return parts


def clean(text: str, delimiter: str) -> str:
    """How the switch tidies a part: quotes go, escapes are resolved, blanks at the edges go,
    unless they were quoted or escaped."""
    out: list[str] = []
    kept, quoted, place = 0, False, 0
    text = text.lstrip(" ")
    while place < len(text):
        character = text[place]
        following = text[place + 1 : place + 2]
        shields = dict(ESCAPED) if delimiter == " " else {**ESCAPED, delimiter: delimiter}
        if character == "\\" and following in shields and following:
            out.append(shields[following])
            kept, place = len(out), place + 2
            continue
        if character == "'" and (quoted or "'" in text[place + 1 :]):
            quoted = not quoted
            if quoted:
                kept = len(out)
        else:
            out.append(character)
            if character != " " or quoted:
                kept = len(out)
        place += 1
    return "".join(out[:kept])


def inline_applications(extension: str) -> list[tuple[str, str]]:
    """What the dialplan `inline` makes of an extension: names and what they are given."""
    delimiter = ","
    if extension.startswith("m:") and extension[3:4] == ":":
        delimiter, extension = extension[2], extension[4:]
    parts = (part.partition(":") for part in split(extension, delimiter, 128))
    added = ((name.lstrip(" "), data) for name, _, data in parts if "\\'" not in data)
    return [(name, expanded(data)) for name, data in added]


def expanded(data: str) -> str:
    """What an application is given of its argument, when no variable and no api is in it."""
    assert "${" not in data.replace("\\$", "")
    if not re.search(r"\\[\\nst']", data):
        return data
    return re.sub(r"\\(\$)\$?|\\(\\)|\\'|(\$)\$", _kept, data)


def _kept(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3] or ""
