"""What taps or changes the sound of a leg, as the switch lists it: recordings, what plays over a
conversation, silence, listeners.

The list (switch_core_media_bug.c switch_core_media_bug_enumerate) is not escaped. What this
service puts into a target has no character that XML minds.
"""

import re
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.commander import Commander
from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown

AUDIO: Final = "audio"
RECORDING: Final = "session_record"

_BUG: Final = re.compile(r"<function>(.*?)</function>\s*<target>(.*?)</target>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaBug:
    """One tap on the sound of a leg: what it is for, and of what."""

    function: str
    target: str


async def media_bugs(commander: Commander, call: Call) -> tuple[MediaBug, ...] | None:
    """All of a leg's; None if the switch says nothing, as of a leg that is gone. Raises what the
    node raises.
    """
    reply = await commander.reply(call, "uuid_buglist", call.call_id)
    if not reply.startswith("<"):
        return None
    return tuple(MediaBug(*found) for found in _BUG.findall(reply))


async def targets(commander: Commander, call: Call, function: str) -> tuple[str, ...] | None:
    """The targets of one function; None as above, or if the switch cannot be asked. Only reads, so
    it is not what makes a verb fail.
    """
    try:
        bugs = await media_bugs(commander, call)
    except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
        return None
    return None if bugs is None else tuple(bug.target for bug in bugs if bug.function == function)
