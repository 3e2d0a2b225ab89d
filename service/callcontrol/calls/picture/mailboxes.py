"""What the switch says of mailboxes (mod_voicemail.c update_mwi, actual_message_query_handler;
sofia.c, of another server's NOTIFY).
"""

import re
from typing import Final

from callcontrol.calls.payloads import MessageWaiting
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, text

_COUNTS: Final = re.compile(r"(\d{1,9})/(\d{1,9})(?: \((\d{1,9})/(\d{1,9})\))?", re.ASCII)
_VOICE: Final = "voice-message:"
_SCHEMES: Final = ("sip:", "sips:")


def message_waiting(headers: Headers) -> MessageWaiting | None:
    """MESSAGE_WAITING. The answer to a MESSAGE_QUERY names the mailbox as the question did."""
    mailbox = text(headers, fields.MAILBOX)
    for scheme in _SCHEMES:
        mailbox = mailbox.removeprefix(scheme)
    if not mailbox:
        return None
    first, *rest = text(headers, fields.MESSAGES_WAIT).splitlines() or [""]
    has_new = first.strip().lower() == "yes"
    counts = _COUNTS.fullmatch(text(headers, fields.MESSAGE_COUNTS) or _told_behind(rest))
    if counts is None:
        return MessageWaiting(mailbox, has_new)
    new, saved, new_urgent, saved_urgent = (int(each or 0) for each in counts.groups())
    return MessageWaiting(mailbox, has_new, new, saved, new_urgent, saved_urgent)


def _told_behind(lines: list[str]) -> str:
    """The counts where the switch took all of another server's words for the answer whether
    messages wait (sofia.c sofia_handle_sip_i_notify).
    """
    found = (each[len(_VOICE) :] for each in lines if each.lower().startswith(_VOICE))
    return next(found, "").strip()
