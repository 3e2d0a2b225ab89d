"""Where recordings may be written: paths below the directory of the operator, and nothing else.

The switch writes any file that its process can, makes directories and overwrites; a scheme, a
brace or an `@` in the path chooses a module or a parameter (switch_core_file.c
switch_core_perform_file_open). So a path is plain characters below one root. Links inside of that
directory are the operator's own doing: the switch follows them.
"""

import re
from typing import Final

from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.errors import UnencodableValue

_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

MAX_PATH: Final = 512
"""Characters of a whole path."""

EXTENSIONS: Final = frozenset(
    {"wav", "mp3", "ogg", "opus", "flac", "au", "aiff", "gsm", "raw", "mp4"}
)
"""Kinds of files that may be written; the switch tells a kind by the end of the name. Which of
them it can write, depends on its modules.
"""


def root_problem(root: str) -> str | None:
    """What keeps a directory from being the root of recordings, or None. Empty: none at all."""
    if not root or (root.startswith("/") and _parts_problem(root[1:].rstrip("/")) is None):
        return None
    return "must be an absolute path of A-Z a-z 0-9 _ . / - without .."


def recording_path_problem(path: str, settings: ControlSettings) -> str | None:
    """What keeps a file from being recorded, or None. The path is relative to `recording_root`,
    or absolute and below it; empty takes a name that the service chooses.
    """
    root = _root(settings)
    if not root:
        return "cannot be recorded: the operator has set no recording_root"
    if not path:
        return None
    if path.startswith("/") and not path.startswith(root + "/"):
        return "must be below the recording_root of the operator, or relative to it"
    relative = path.removeprefix(root + "/")
    if len(root) + 1 + len(relative) > MAX_PATH:
        return f"may have at most {MAX_PATH - len(root) - 1} characters below the recording_root"
    if (problem := _parts_problem(relative)) is not None:
        return problem
    stem, dot, extension = relative.rpartition("/")[2].rpartition(".")
    if stem and dot and extension in EXTENSIONS:
        return None
    return f"must end in the kind of file: {', '.join('.' + each for each in sorted(EXTENSIONS))}"


def recording_path(path: str, default_name: str, settings: ControlSettings) -> str:
    """The absolute path of a recording; `default_name`, which has a kind such as `.wav`, where the
    request names none. It needs no quoting: `dialstring.word` takes it.

    Raises UnencodableValue for what `recording_path_problem` names.
    """
    chosen = path or default_name
    if (problem := recording_path_problem(chosen, settings)) is not None:
        raise UnencodableValue("a recording", problem)
    root = _root(settings)
    return f"{root}/{chosen.removeprefix(root + '/')}"


def _root(settings: ControlSettings) -> str:
    return settings.recording_root.rstrip("/")


def _parts_problem(relative: str) -> str | None:
    """No part is empty, `.` or `..`, or begins with a dash, which other programs take for a
    flag.
    """
    if all(_PART.fullmatch(part) for part in relative.split("/")):
        return None
    return (
        "must be a path of the characters A-Z a-z 0-9 _ . / -, each part of which begins with a"
        " letter, a digit or _"
    )
