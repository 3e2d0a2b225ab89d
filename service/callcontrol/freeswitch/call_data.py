"""Reads the answer to `connect`: which call it is, on which switch, and what its socket may do.

Anybody who reaches the listener can claim to be a switch, so nothing here is believed further than
that it is well formed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callcontrol.esl.messages import ApiResponse, Reply
from callcontrol.ids import CallId, CoreUuid

_ID: Final = re.compile(r"[!-~]{1,255}")
"""What can be an argument of a command: no blank, no control character."""


TOLD: Final = "go-on"
"""Behind the address in the argument of a `socket` by which we told a call to come, only to be sent
on. The switch passes over words there that it does not know (mod_event_socket.c, socket_function).
"""


class NotACall(Exception):
    """What answered `connect` is no call of a FreeSWITCH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallData:
    """A call at the socket application of its dialplan."""

    core_uuid: CoreUuid
    hostname: str
    call_id: CallId
    application: str
    """Variable callcontrol_application, else the path behind the port; empty without either."""
    is_named_by_path: bool
    socket_host: str
    """Where the dialplan had it connect, as it is written there."""
    is_async: bool
    """The switch parks the call beside the socket; else the call itself waits at the socket, and
    reads nothing but that."""
    is_full: bool
    """All commands may be sent on the socket, and not only those for the call."""
    is_told: bool
    """It did not come by its dialplan: a replica told it to, so that it goes on."""
    headers: Mapping[str, str]


def read_call_data(answer: Reply | ApiResponse) -> CallData:
    """Read the answer to `connect`. Raises NotACall."""
    headers = answer.headers if isinstance(answer, Reply) else {}
    if headers.get("Event-Name") != "CHANNEL_DATA":
        raise NotACall(f"it answered {answer.text[:100]!r}")
    call_id, core_uuid = headers.get("Unique-ID", ""), headers.get("Core-UUID", "")
    if not _ID.fullmatch(call_id) or not _ID.fullmatch(core_uuid):
        raise NotACall("it named no call")
    named = headers.get("variable_callcontrol_application", "")
    return CallData(
        core_uuid=CoreUuid(core_uuid),
        hostname=headers.get("FreeSWITCH-Hostname", ""),
        call_id=CallId(call_id),
        application=named or headers.get("variable_socket_path", ""),
        is_named_by_path=not named,
        socket_host=headers.get("variable_socket_host", ""),
        is_async=headers.get("Socket-Mode") == "async",
        is_full=headers.get("Control") == "full",
        is_told=TOLD in headers.get("variable_current_application_data", "").split(" ")[1:],
        headers=headers,
    )
