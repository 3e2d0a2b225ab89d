"""What plays over a conversation, as the switch names it: the playback's id and the sound.

The switch knows it by what is played alone, and only one of the same per leg. A parameter that no
file format knows makes each playback one of its own, and lets its id be read wherever the switch
tells of it, whoever began it and whatever was restarted since.
"""

import re
from typing import Final

from callcontrol.ids import OperationId

DISPLACE: Final = "displace"
"""The function of the tap that plays over a conversation."""

_TARGET: Final = re.compile(r"\{callcontrol_playback=([0-9a-f-]{36})\}(.+)")


def mix_target(playback_id: OperationId, argument: str) -> str:
    """The name of a playback."""
    return f"{{callcontrol_playback={playback_id}}}{argument}"


def read_mix_target(target: str) -> tuple[OperationId, str]:
    """The id and the sound; no id where this service did not begin it."""
    found = _TARGET.fullmatch(target)
    return (OperationId(found[1]), found[2]) if found else (OperationId(""), target)
