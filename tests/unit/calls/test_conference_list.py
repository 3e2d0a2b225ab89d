"""What the switch lists of conferences, as values; and what it lists that is none."""

import json

import pytest

from callcontrol.calls.call import Party
from callcontrol.calls.conferences.conference import Conference, Member
from callcontrol.calls.conferences.ids import recording_id
from callcontrol.calls.conferences.listing import read_list
from callcontrol.ids import CallId, NodeId

FS1 = NodeId("fs1")
NOW_US = 1_800_000_000_500_000
# As FreeSWITCH 1.10.12 wrote it.
ANSWER = """[{"conference_name":"room","member_count":2,"ghost_count":0,"rate":8000,"run_time":8,
"conference_uuid":"943722bd-0615-4bf1-ac1a-74e577e7fc64","canvas_count":0,"max_bw_in":0,
"force_bw_in":0,"video_floor_packets":0,"locked":true,"destruct":false,"wait_mod":false,
"audio_always":false,"running":true,"answered":true,"enforce_min":true,"bridge_to":false,
"dynamic":true,"exit_sound":true,"enter_sound":true,"recording":true,"video_bridge":false,
"video_floor_only":false,"video_rfc4579":false,"max_members":5,"variables":{},
"members":[{"type":"recording_node","record_path":"/r/a.wav","join_time":1795411657},
{"type":"caller","id":2,"flags":{"can_hear":true,"can_see":true,"can_speak":false,"hold":false,
"mute_detect":false,"talking":false,"has_video":false,"video_bridge":false,"has_floor":true,
"is_moderator":true,"end_conference":false,"mandatory_member_end_conference":false,
"pass_digits":false},"uuid":"leg-2","caller_id_name":"Ann","caller_id_number":"1000","join_time":8,
"last_talking":0,"energy":300,"volume_in":4,"volume_out":-2,"output-volume":-2,"input-volume":4},
{"type":"caller","id":1,"flags":{"can_hear":true},"uuid":"leg-1","join_time":7}]}]"""


def read(answer: object) -> list[Conference] | None:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return read_list(text, FS1, NOW_US)


def test_a_conference_and_its_members_are_read_in_the_order_in_which_they_came():
    found = read(ANSWER)
    assert found is not None
    (room,) = found
    assert (room.name, room.node_id, room.locked, room.recording) == ("room", FS1, True, True)
    assert (room.sample_rate_hz, room.max_members, room.size) == (8000, 5, 2)
    assert room.created_us == 1_799_999_992_000_000
    first, second = room.members
    assert first.call_id == "leg-1"
    assert second == Member(
        member_id=2,
        call_id=CallId("leg-2"),
        party=Party(number="1000", name="Ann"),
        can_speak=False,
        can_hear=True,
        has_floor=True,
        moderator=True,
        volume_in=4,
        volume_out=-2,
        energy_level=300,
        joined_us=1_799_999_992_000_000,
    )
    assert room.floor_holder == second


def test_a_recording_is_read_with_the_id_that_its_events_have():
    found = read(ANSWER)
    assert found is not None
    (recording,) = found[0].recordings
    run = "943722bd-0615-4bf1-ac1a-74e577e7fc64"
    assert recording.recording_id == recording_id(run, "/r/a.wav")
    assert recording.started_us == 1_795_411_657_000_000
    assert not recording.paused


@pytest.mark.parametrize("answer", ["", "-ERR no reply", "+OK No active conferences.", "{}", "1"])
def test_what_is_no_list_is_told_apart(answer: str):
    assert read(answer) is None


def test_no_conferences_are_an_empty_list():
    assert read("[]") == []


def test_what_is_missing_or_odd_stays_at_its_default():
    odd_member = {"type": "caller", "id": 3, "uuid": "leg-3", "energy": "loud", "flags": []}
    found = read(
        [{"conference_name": "room", "rate": None, "run_time": -5, "members": [odd_member]}]
    )
    assert found is not None
    (room,) = found
    assert (room.sample_rate_hz, room.locked, room.conference_uuid) == (0, False, "")
    (member,) = room.members
    assert (member.energy_level, member.can_speak, member.joined_us) == (0, False, 0)


@pytest.mark.parametrize(
    "member",
    [
        {"type": "caller", "id": 3},
        {"type": "caller", "uuid": "leg-3"},
        {"type": "caller", "id": -3, "uuid": "leg-3"},
        {"type": "caller", "id": True, "uuid": "leg-3"},
        {"type": "caller", "id": 1 << 40, "uuid": "leg-3"},
        {"type": "recording_node"},
        {"type": "other", "id": 3, "uuid": "leg-3"},
        {},
        "text",
    ],
)
def test_a_member_without_a_number_or_a_leg_is_left_out(member: object):
    found = read([{"conference_name": "room", "members": [member]}])
    assert found is not None
    assert not found[0].members
    assert not found[0].recordings


def test_a_conference_without_a_name_is_left_out():
    assert read([{"member_count": 1}, "text", {"conference_name": 5}]) == []
