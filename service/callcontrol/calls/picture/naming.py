"""Legs that an event names under headers of its own, and not as the leg that it is about."""

from collections.abc import Callable, Mapping
from typing import Final

from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, subclass_of, text
from callcontrol.ids import CallId

_MADE: Final = "+OK "
_CUSTOM: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    # A pair of loopback legs steps out from between two others (mod_loopback.c).
    "loopback::bowout": (fields.RESIGNING_ID, (fields.RESIGNING_PEER_ID, fields.ACQUIRED_ID)),
    "callcenter::info": (fields.QUEUED_ID, (fields.AGENT_ID,)),
    "fifo::info": (fields.FIFO_CALLER_ID, ()),
    # A NOTIFY came within the call (sofia.c sofia_handle_sip_i_notify).
    "sofia::notify_refer": (fields.NOTIFIED_ID, ()),
    "sofia::notify_watched_header": (fields.NOTIFIED_ID, ()),
    # `bgdial-result` (mod_conference.c conference_outcall_run).
    fields.CONFERENCE_SUBCLASS: (fields.DIALLED_ID, ()),
}

_TASKS: Final = frozenset({"ADD_SCHEDULE", "DEL_SCHEDULE", "EXE_SCHEDULE", "RE_SCHEDULE"})
NAMING: Final = _TASKS | {fields.CUSTOM, "BACKGROUND_JOB"}
"""The names of events that may name a leg so."""


def legs_named(
    name: str, headers: Headers, body: str, is_leg: Callable[[CallId], object]
) -> tuple[CallId | None, tuple[CallId, ...]]:
    """The leg that an event without CALL_ID is about, if it names one elsewhere, and others. For a
    job it is the one that it made, or whose own connection gave the command; for a task of the
    scheduler its group, which is a leg where `is_leg` knows one of that id.
    """
    peers: tuple[str, ...] = ()
    if name == fields.CUSTOM:
        header, peers = _CUSTOM.get(subclass_of(headers), ("", ()))
        found = text(headers, header)
    elif name in _TASKS:
        group = CallId(text(headers, fields.TASK_GROUP))
        found = group if group and is_leg(group) else ""
    elif body.startswith(_MADE) and text(headers, fields.JOB_COMMAND) == "originate":
        found = body.removeprefix(_MADE).strip()
    else:
        found = text(headers, fields.JOB_OWNER)
    if not found:
        return None, ()
    others = dict.fromkeys(text(headers, peer) for peer in peers)
    return CallId(found), tuple(CallId(other) for other in others if other and other != found)
