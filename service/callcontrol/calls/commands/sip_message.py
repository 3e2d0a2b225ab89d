"""SendMessage: a SIP INFO or MESSAGE within the dialog of a leg."""

import re
from enum import Enum
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.deflect import require_sip
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.message_body import body_argument, body_problem
from callcontrol.calls.outcome import CallOutcome
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId


class MessageMethod(Enum):
    """Which SIP request carries a message."""

    INFO = "info"
    MESSAGE = "message"


DEFAULT_CONTENT_TYPE: Final = "text/plain"
_CONTENT_TYPE: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}/[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"
)
_VERBS: Final = {MessageMethod.INFO: Verb.SEND_INFO, MessageMethod.MESSAGE: Verb.SEND_MESSAGE}
_SENT_TO_ALL: Final = {
    MessageMethod.INFO: "fs_send_unsupported_info",
    MessageMethod.MESSAGE: "fs_send_unsupported_message",
}
"""Without it the switch sends to other FreeSWITCHes alone, and says +OK all the same
(mod_sofia.c, SWITCH_MESSAGE_INDICATE_INFO and _MESSAGE)."""


def message_checks(method: MessageMethod, content_type: str, body: str) -> list[Checked]:
    """What is wrong with a message."""
    problem = None
    if content_type and not _CONTENT_TYPE.fullmatch(content_type):
        problem = "must be type/subtype, each 1 to 64 of A-Z a-z 0-9 . _ + - without parameters"
    if method is MessageMethod.MESSAGE and content_type not in ("", DEFAULT_CONTENT_TYPE):
        problem = "must be text/plain or empty for a MESSAGE"
    return [
        ("content_type", problem),
        ("body", body_problem(body)),
    ]


async def send_message(
    commander: Commander,
    call_id: CallId,
    method: MessageMethod,
    body: str,
    content_type: str = "",
) -> CallOutcome:
    """Send a text to the far end of a SIP leg; an empty content type is text/plain.

    Never confirmed: the switch does not tell what the far end answers. It leaves a variable set on
    the leg, as it would not send to most telephones otherwise. Raises CallStateConflict for a leg
    without SIP, on which the switch would do nothing, and for one that nothing was heard from.
    """
    checks.require_valid(
        [checks.call_id_check(call_id), *message_checks(method, content_type, body)]
    )
    call = commander.tracker.require(call_id, alive=True)
    require_sip(call)
    require_state(_VERBS[method], call)
    try:
        text = body_argument(body)
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    steps = Steps(call.node_id)
    if call.variables.get(_SENT_TO_ALL[method]) != "true":
        with steps.step():
            await commander.api(call, "uuid_setvar", call_id, _SENT_TO_ALL[method], "true")
    with steps.step():
        await _send(commander, call, method, content_type or DEFAULT_CONTENT_TYPE, text)
    return CallOutcome(confirmed=False, call=commander.now(call))


async def _send(
    commander: Commander, call: Call, method: MessageMethod, content_type: str, text: str
) -> None:
    if method is MessageMethod.MESSAGE:
        await commander.api(call, "uuid_send_message", call.call_id, rest=text)
        return
    kind, _, subtype = content_type.partition("/")
    await commander.api(call, "uuid_send_info", call.call_id, kind, subtype, rest=text)
