"""What taps or changes the sound of a leg, as the switch lists it: recordings, what plays over a
conversation, silence, listeners.

The list (switch_core_media_bug.c switch_core_media_bug_enumerate) is not escaped. What this
service puts into a target has no character that XML minds.
"""

import re
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander
from callcontrol.errors import (
    CallHasEnded,
    NodeUnavailable,
    OutcomeUnknown,
)

AUDIO: Final = "audio"
RECORDING: Final = "session_record"

_RETRY_IN_S: Final = 1.0
_GONE: Final = "-ERR no reply"
"""So the switch says nothing of a leg that it does not have (mod_commands.c
uuid_buglist_function).
"""

_BUG: Final = re.compile(r"<function>(.*?)</function>\s*<target>(.*?)</target>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaBug:
    """One tap on the sound of a leg: what it is for, and of what."""

    function: str
    target: str


async def media_bugs(commander: Commander, call: Call) -> tuple[MediaBug, ...]:
    """All of a leg's. Raises CallHasEnded of a leg that is gone, SwitchRefused where there is no
    list, and NodeUnavailable also where it is lost on its way: it was only read.
    """
    try:
        reply = await commander.reply(call, "uuid_buglist", call.call_id)
    except OutcomeUnknown as error:
        raise NodeUnavailable(call.node_id, error.reason, _RETRY_IN_S) from error
    if reply.startswith(_GONE):
        raise CallHasEnded(call.call_id)
    if not reply.startswith("<"):
        commander.refused(call, reply)
    return tuple(MediaBug(*found) for found in _BUG.findall(reply))


async def targets(commander: Commander, call: Call, function: str) -> tuple[str, ...]:
    """The targets of one function. Raises as above."""
    bugs = await media_bugs(commander, call)
    return tuple(bug.target for bug in bugs if bug.function == function)
