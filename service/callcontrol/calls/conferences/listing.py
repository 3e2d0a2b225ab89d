"""What the switch answers to `json_list`, parsed (mod_conference.c conference_jlist).

What is missing, or is not what it should be, is left at its default; a member without a number or
a leg, and a conference without a name, cannot be spoken of and are left out.
"""

from typing import Final

import orjson

from callcontrol.calls.call import Party
from callcontrol.calls.conferences.conference import Conference, ConferenceRecording, Member
from callcontrol.calls.conferences.ids import recording_id
from callcontrol.ids import CallId, NodeId

_US: Final = 1_000_000
_CALLER: Final = "caller"
_RECORDING: Final = "recording_node"
_PAUSED: Final = "paused"
_MOST: Final = (1 << 31) - 1
_LATEST_S: Final = 1 << 34


def read_list(answer: str, node_id: NodeId, now_us: int) -> list[Conference] | None:
    """The conferences in an answer, in no useful order; None if it is no list of conferences.

    `now_us` is when it was asked for: ages become times.
    """
    try:
        listed = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(listed, list):
        return None
    rows = [_Row(each, now_us) for each in listed if isinstance(each, dict)]
    return [_conference(row, node_id) for row in rows if row.text("conference_name")]


class _Row:
    """One object of the answer, whose fields may be anything."""

    def __init__(self, fields: dict[str, object], now_us: int) -> None:
        self._fields, self._now_us = fields, now_us

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        return self._fields.get(name) is True

    def number(self, name: str) -> int:
        """A whole number of at most 31 bits, of either sign."""
        value = self._fields.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return value if is_number and isinstance(value, int) and abs(value) <= _MOST else 0

    def began_us(self, name: str) -> int:
        """The time that is so many seconds ago."""
        return max(0, (self._now_us // _US - self.number(name)) * _US) if self.has(name) else 0

    def time_us(self, name: str) -> int:
        """A time given in seconds since the epoch, of which 31 bits will not be enough for ever."""
        value = self._fields.get(name)
        return value * _US if isinstance(value, int) and 0 < value < _LATEST_S else 0

    def has(self, name: str) -> bool:
        return name in self._fields

    def row(self, name: str) -> "_Row":
        value = self._fields.get(name)
        return _Row(value if isinstance(value, dict) else {}, self._now_us)

    def rows(self, name: str) -> "list[_Row]":
        value = self._fields.get(name)
        listed = value if isinstance(value, list) else []
        return [_Row(each, self._now_us) for each in listed if isinstance(each, dict)]


def _conference(row: _Row, node_id: NodeId) -> Conference:
    run = row.text("conference_uuid")
    nodes = row.rows("members")
    members = [_member(each) for each in nodes if each.text("type") == _CALLER]
    return Conference(
        name=row.text("conference_name"),
        node_id=node_id,
        conference_uuid=run,
        locked=row.flag("locked"),
        recording=row.flag("recording"),
        created_us=row.began_us("run_time"),
        sample_rate_hz=row.number("rate"),
        max_members=max(0, row.number("max_members")),
        size=row.number("member_count"),
        # The switch lists the latest first.
        members=tuple(each for each in reversed(members) if each.member_id > 0 and each.call_id),
        recordings=tuple(
            _recording(each, run)
            for each in reversed(nodes)
            if each.text("type") == _RECORDING and each.text("record_path")
        ),
    )


def _member(row: _Row) -> Member:
    flags = row.row("flags")
    return Member(
        member_id=row.number("id"),
        call_id=CallId(row.text("uuid")),
        party=Party(number=row.text("caller_id_number"), name=row.text("caller_id_name")),
        can_speak=flags.flag("can_speak"),
        can_hear=flags.flag("can_hear"),
        talking=flags.flag("talking"),
        has_floor=flags.flag("has_floor"),
        moderator=flags.flag("is_moderator"),
        on_hold=flags.flag("hold"),
        volume_in=row.number("volume_in"),
        volume_out=row.number("volume_out"),
        energy_level=row.number("energy"),
        joined_us=row.began_us("join_time"),
    )


def _recording(row: _Row, run: str) -> ConferenceRecording:
    path = row.text("record_path")
    return ConferenceRecording(
        recording_id=recording_id(run, path),
        path=path,
        started_us=row.time_us("join_time"),  # here not an age, but a time
        paused=row.text("status") == _PAUSED,
    )
