"""What a willing switch answers to api commands: yes, and where it is asked what it has, enough
that there is something to stop, to mask, to cancel and to give back."""

import json

from callcontrol.ids import CallId

ACTIVE, OTHER, RINGING, BRIDGED, PARTNER, PLAYING, HELD = (
    CallId(f"{letter * 8}-0000-4000-8000-00000000000{number}")
    for number, letter in enumerate("abcdef9")
)
CALLS = (ACTIVE, OTHER, RINGING, BRIDGED, PARTNER, PLAYING, HELD)
ROOM = "markroom"
ROOM_RUN = "f0000000-0000-4000-8000-000000000000"
RECORDED = "/srv/recordings/running.wav"
"""What each call and the conference are recorded in."""
SCHEDULED = "17"
"""The task that ends each call."""

_MEMBER = {
    "type": "caller",
    "id": 7,
    "flags": {"can_hear": True, "can_speak": True},
    "uuid": ACTIVE,
    "caller_id_name": "x",
    "caller_id_number": "y",
    "join_time": 1,
    "last_talking": 0,
}
_RECORDER = {"type": "recording_node", "record_path": RECORDED}
_ROOM = {
    "conference_name": ROOM,
    "member_count": 1,
    "ghost_count": 0,
    "rate": 8000,
    "run_time": 5,
    "conference_uuid": ROOM_RUN,
    "members": [_MEMBER, _RECORDER],
}
_TASKS = [
    {
        "task_id": SCHEDULED,
        "task_desc": "switch_ivr_schedule_hangup",
        "task_group": call_id,
        "task_runtime": "1700000000",
    }
    for call_id in CALLS
]
_OF_A_ROOM = {
    "floor": "+OK floor 7",
    "kick": "+OK kicked 7",
    "transfer": "+OK Member '7' sent to conference other.",
    "stop": "+OK Stopped 1 files.",
}
"""By the word after the name of a conference."""


def answer(name: str, arguments: str) -> str:
    """What the switch says to a command."""
    words = arguments.split(" ")
    match name:
        case "uuid_dump":
            bridged_long_ago = {"Event-Date-Timestamp": "1700000000000000"}
            told = {"Event-Name": "CHANNEL_DATA", "Unique-ID": words[0], **bridged_long_ago}
            return json.dumps(told)
        case "uuid_buglist":
            tap = f"<function>session_record</function><target>{RECORDED}</target>"
            return f"<media-bugs><media-bug>{tap}</media-bug></media-bugs>"
        case "show":
            return json.dumps({"row_count": len(_TASKS), "rows": _TASKS})
        case "conference" if "json_list" in words:
            return json.dumps([_ROOM])
        case "conference" if len(words) > 1 and words[1] in _OF_A_ROOM:
            return _OF_A_ROOM[words[1]]
        case _:
            return "+OK\n"
