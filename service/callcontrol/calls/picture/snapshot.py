"""What the switch answers when it is asked about its channels: listings and dumps, parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from callcontrol.calls.picture import fields
from callcontrol.calls.picture.leg import Sign
from callcontrol.calls.picture.translate import Headers, text
from callcontrol.events.event import HeaderValue
from callcontrol.ids import CallId

LIST_CHANNELS: Final = ("show", "channels as json")
LIST_BRIDGES: Final = ("show", "bridged_calls as json")

_RUN_INSIDE_PARK: Final = frozenset(
    {
        "",
        "answer",
        "displace_session",
        "endless_playback",
        "export",
        "gentones",
        "loop_playback",
        "multiset",
        "phrase",
        "play_and_detect_speech",
        "play_and_get_digits",
        "playback",
        "pre_answer",
        "read",
        "record",
        "record_session",
        "say",
        "send_dtmf",
        "set",
        "speak",
        "stop_displace_session",
        "stop_record_session",
        "unset",
    }
)
"""What other clients, too, have a parked leg do, so that it tells nothing of the park: the switch
keeps the name of what began last, also when that is over."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The switch's tables at one moment. They follow the events with a delay, mostly of less
    than 100 ms (switch_core_sqldb.c), so that a difference must be seen twice to be true.
    """

    call_states: Mapping[CallId, str]
    """The call state of each channel, in the switch's words."""
    park_signs: Mapping[CallId, Sign]
    """Whether a channel is parked, for those of which that can be told."""
    pairs: frozenset[frozenset[CallId]]
    """Which legs are bridged to each other."""


def read_listing(channels: str, bridges: str) -> Listing | None:
    """The answers to LIST_CHANNELS and LIST_BRIDGES; None if the switch keeps no tables."""
    rows, bridge_rows = _rows(channels), _rows(bridges)
    if rows is None or bridge_rows is None:
        return None
    states = {CallId(row["uuid"]): row.get("callstate", "") for row in rows if row.get("uuid")}
    pairs = [
        frozenset({CallId(row["uuid"]), CallId(row["b_uuid"])})
        for row in bridge_rows
        if row.get("uuid") and row.get("b_uuid")
    ]
    signs = {
        CallId(row["uuid"]): sign
        for row in rows
        if row.get("uuid") and (sign := _park_sign(row.get("state"), row.get("application", "")))
    }
    return Listing(states, signs, frozenset(pairs))


def _rows(answer: str) -> list[dict[str, str]] | None:
    """The rows of a `show … as json`. Without rows the switch leaves out the list itself."""
    try:
        table = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    rows = table.get("rows", []) if isinstance(table, dict) else None
    if not isinstance(rows, list):
        return None
    return [
        {str(name): str(value) for name, value in row.items()}
        for row in rows
        if isinstance(row, dict)
    ]


def read_dump(answer: str) -> dict[str, HeaderValue] | None:
    """The answer to `uuid_dump … json`, in shape an event; None if there is no such channel."""
    try:
        dump = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(dump, dict) or fields.CALL_ID not in dump:
        return None
    return {
        str(name): value if isinstance(value, str) else [str(item) for item in value]
        for name, value in dump.items()
        if isinstance(value, str | list)
    }


def park_sign_of(dump: Headers) -> Sign | None:
    """Whether a dump shows a parked leg; None where it cannot tell, as something is played to it.

    A dump names the application that began last, and no more.
    """
    return _park_sign(text(dump, fields.CHANNEL_STATE), text(dump, fields.VARIABLE_APPLICATION))


def partner_of(dump: Headers) -> CallId | None:
    """The leg that a dump shows this one bridged to. The switch sets the variable on both where it
    has told of the bridge, and removes it before it tells of the end (switch_ivr_bridge.c).
    """
    partner = text(dump, fields.VARIABLE_PARTNER)
    return CallId(partner) if partner else None


def conference_of(dump: Headers) -> str:
    """The conference that a dump shows the leg in; empty where it shows none, or cannot tell, as
    something else began on the leg since.
    """
    runs = text(dump, fields.VARIABLE_APPLICATION) == "conference"
    in_it = runs and text(dump, fields.CHANNEL_STATE) == "CS_EXECUTE"
    # The variable stays when the leg has left, so that by itself it tells nothing.
    return text(dump, fields.VARIABLE_CONFERENCE) if in_it else ""


def _park_sign(state: str | None, application: str) -> Sign | None:
    if not state:
        return None
    # By uuid_park, which runs no application and leaves the name of the last one.
    if state == "CS_PARK":
        return Sign.PARKED
    if state != "CS_EXECUTE":
        return Sign.UNPARKED
    if application in _RUN_INSIDE_PARK:
        return None
    return Sign.PARKED if application == "park" else Sign.UNPARKED
