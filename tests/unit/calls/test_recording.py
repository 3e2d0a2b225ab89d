"""Recordings: what is sent, what proves it, and which ids they have."""

import asyncio
from dataclasses import replace

import pytest
from tests.support.call_node import FIRST, A, B, Desk, until

from callcontrol.calls.media.recording import (
    RecordingSpec,
    mask_recording,
    start_recording,
    stop_recording,
)
from callcontrol.calls.media.recording_id import VARIABLE, recording_id
from callcontrol.calls.payloads import RecordingStarted, RecordingStopped
from callcontrol.calls.requests import MediaDirection
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    InvalidRequest,
    NodeUnavailable,
    OperationNotFound,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.messages import SwitchEvent
from callcontrol.ids import CallId, OperationId

SETTINGS = ControlSettings(confirm_timeout_s=0.01, recording_root="/srv/rec")
PATH = "/srv/rec/a.wav"
OWN_ID = recording_id(A, PATH)


def bugs(*paths: str, function: str = "session_record") -> str:
    listed = "".join(
        f" <media-bug>\n  <function>{function}</function>\n  <target>{path}</target>\n"
        "  <thread-locked>0</thread-locked>\n </media-bug>\n"
        for path in paths
    )
    return f"<media-bugs>\n{listed}</media-bugs>\n"


@pytest.fixture
def desk() -> Desk:
    desk = Desk(SETTINGS)
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = bugs()
    desk.node.answers["uuid_record"] = "+OK Success\n"
    return desk


def spec(path: str = "a.wav", **options: object) -> RecordingSpec:
    return RecordingSpec(call_id=A, path=path, **options)  # type: ignore[arg-type]  # test sugar


async def test_all_options_are_named_so_that_none_of_the_leg_counts(desk: Desk) -> None:
    await start_recording(
        desk.control.commander,
        spec(direction=MediaDirection.READ, sample_rate_hz=16_000, max_duration_us=1_500_000),
    )

    options = (
        f"{VARIABLE}={OWN_ID},RECORD_STEREO=false,RECORD_READ_ONLY=true,RECORD_WRITE_ONLY=false,"
        "RECORD_TOGGLE_ON_REPEAT=false,record_sample_rate=16000"
    )
    assert desk.node.sent == [
        f"uuid_buglist {A}",
        f"uuid_record {A} start {PATH} 3 {{{options}}}",
    ]


async def test_the_event_with_the_path_proves_it(desk: Desk) -> None:
    starting = asyncio.create_task(
        start_recording(desk.control.commander, spec()), name="recording"
    )
    await until(lambda: len(desk.node.sent) == 2)
    desk.happen("RECORD_START", A, Record_File_Path="/srv/rec/other.wav")
    desk.happen("RECORD_START", A, Record_File_Path=PATH)
    outcome = await starting

    assert outcome.confirmed
    assert (outcome.recording_id, outcome.path) == (OWN_ID, PATH)


async def test_without_the_event_it_is_only_taken(desk: Desk) -> None:
    assert not (await start_recording(desk.control.commander, spec())).confirmed


async def test_what_is_recorded_already_is_asked_of_the_switch(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH)
    with pytest.raises(CallStateConflict):
        await start_recording(desk.control.commander, spec())

    assert desk.node.sent == [f"uuid_buglist {A}"]


async def test_a_name_is_made_of_an_id_that_is_no_file_name() -> None:
    desk = Desk(SETTINGS)
    odd = CallId("x@10.0.0.1:5060")
    desk.parked(odd)
    desk.node.answers["uuid_buglist"] = bugs()
    outcome = await start_recording(desk.control.commander, RecordingSpec(call_id=odd))

    assert outcome.path.startswith("/srv/rec/")
    assert "@" not in outcome.path
    assert ":" not in outcome.path


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"path": "../a.wav"}, "path"),
        ({"path": "${x}.wav"}, "path"),
        ({"stereo": True, "direction": MediaDirection.WRITE}, "stereo"),
        ({"sample_rate_hz": 9}, "sample_rate_hz"),
        ({"max_duration_us": 0}, "max_duration"),
    ],
)
async def test_what_the_switch_would_not_do_is_refused(
    desk: Desk, options: dict[str, object], field: str
) -> None:
    bad = replace(spec(), **options)  # type: ignore[arg-type]  # test sugar
    with pytest.raises(InvalidRequest) as refused:
        await start_recording(desk.control.commander, bad)

    assert [violation.field for violation in refused.value.violations] == [field]
    assert desk.node.sent == []


async def test_without_a_root_nothing_is_recorded() -> None:
    desk = Desk(ControlSettings())
    desk.parked(A)
    with pytest.raises(InvalidRequest):
        await start_recording(desk.control.commander, spec())


async def test_the_switch_may_be_unable_to_write(desk: Desk) -> None:
    desk.node.answers["uuid_record"] = "-ERR Cannot record session!\n"
    with pytest.raises(SwitchRefused):
        await start_recording(desk.control.commander, spec())


async def test_a_node_lost_before_the_command_is_safe_to_try_again(desk: Desk) -> None:
    desk.node.answers["uuid_record"] = NodeUnavailable(FIRST, "gone", 1.0)
    with pytest.raises(NodeUnavailable):
        await start_recording(desk.control.commander, spec())


async def test_a_node_lost_while_waiting_for_the_proof_is_an_unknown_outcome() -> None:
    desk = Desk(ControlSettings(recording_root="/srv/rec"))
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = bugs()
    starting = asyncio.create_task(start_recording(desk.control.commander, spec()), name="lost")
    await until(lambda: len(desk.node.sent) == 2)
    desk.lose_node()
    with pytest.raises(OutcomeUnknown):
        await starting


async def test_a_recording_is_stopped_by_its_path_which_the_switch_tells(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs("/srv/rec/b.wav", PATH)
    stopping = asyncio.create_task(
        stop_recording(desk.control.commander, A, OWN_ID), name="stopping"
    )
    await until(lambda: len(desk.node.sent) == 2)
    desk.happen("RECORD_STOP", A, Record_File_Path=PATH)
    outcome = await stopping

    assert outcome.confirmed
    assert outcome.recording_ids == (OWN_ID,)
    assert desk.node.sent[1] == f"uuid_record {A} stop {PATH}"


async def test_all_are_stopped_by_one_command(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH, "/srv/rec/b.wav")
    stopping = asyncio.create_task(stop_recording(desk.control.commander, A), name="stopping")
    await until(lambda: len(desk.node.sent) == 2)
    desk.happen("RECORD_STOP", A, Record_File_Path=PATH)
    desk.happen("RECORD_STOP", A, Record_File_Path="/srv/rec/b.wav")
    outcome = await stopping

    assert outcome.confirmed
    assert len(outcome.recording_ids) == 2
    assert desk.node.sent[1] == f"uuid_record {A} stop all"


async def test_a_leg_that_ends_while_it_is_stopped_has_stopped_recording(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH)
    stopping = asyncio.create_task(stop_recording(desk.control.commander, A), name="stopping")
    await until(lambda: len(desk.node.sent) == 2)
    desk.hang_up(A)
    desk.happen("RECORD_STOP", A, Record_File_Path=PATH)

    assert (await stopping).confirmed


async def test_to_stop_all_of_none_sends_nothing_that_changes_anything(desk: Desk) -> None:
    outcome = await stop_recording(desk.control.commander, A)

    assert outcome.confirmed
    assert desk.node.sent == [f"uuid_buglist {A}"]


async def test_what_plays_over_the_conversation_is_no_recording(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH, function="displace")
    with pytest.raises(OperationNotFound):
        await stop_recording(desk.control.commander, A, OWN_ID)


async def test_a_recording_that_ended_meanwhile_is_not_found(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH)
    desk.node.answers["uuid_record"] = "-ERR Cannot mask recording session!\n"
    with pytest.raises(OperationNotFound):
        await mask_recording(desk.control.commander, A, OWN_ID, masked=True)


async def test_a_leg_that_the_switch_has_no_more_is_over(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(PATH)
    desk.node.answers["uuid_record"] = "-ERR Cannot locate session!\n"
    with pytest.raises(CallHasEnded):
        await mask_recording(desk.control.commander, A, OWN_ID, masked=False)


@pytest.mark.parametrize("chosen", [None, OWN_ID])
async def test_a_leg_of_which_the_switch_lists_nothing_is_over(
    desk: Desk, chosen: OperationId | None
) -> None:
    desk.node.answers["uuid_buglist"] = "-ERR no reply\n"
    with pytest.raises(CallHasEnded):
        await stop_recording(desk.control.commander, A, chosen)


async def test_a_switch_that_lists_nothing_has_not_stopped_all(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = "-ERR permission denied\n"
    with pytest.raises(SwitchRefused):
        await stop_recording(desk.control.commander, A)
    assert desk.node.sent == [f"uuid_buglist {A}"]


async def test_a_list_that_is_lost_is_safe_to_ask_for_again(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = OutcomeUnknown(FIRST, "the link broke")
    with pytest.raises(NodeUnavailable):
        await stop_recording(desk.control.commander, A)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/srv/of a dialplan/b.wav", "/srv/of\\sa\\sdialplan/b.wav"),
        ("/srv/o'brien,{1}.wav", "/srv/o\\'brien,{1}.wav"),
    ],
)
async def test_a_recording_that_a_dialplan_began_may_have_any_path(
    desk: Desk, path: str, sent: str
) -> None:
    desk.node.answers["uuid_buglist"] = bugs(path)
    await mask_recording(desk.control.commander, A, recording_id(A, path), masked=True)
    assert desk.node.sent[1] == f"uuid_record {A} mask {sent}"


def test_a_recording_of_ours_keeps_its_id_inside_an_application_that_records(desk: Desk) -> None:
    desk.happen("CHANNEL_EXECUTE", A, Application="record", Application_UUID="app")
    theirs = desk.happen("RECORD_START", A, Record_File_Path="/theirs.wav")
    ours = {"Unique-ID": A, "Record-File-Path": PATH, f"Recording-Variable-{VARIABLE}": OWN_ID}
    began = desk.tracker.apply(FIRST, SwitchEvent({"Event-Name": "RECORD_START", **ours}))
    ended = desk.tracker.apply(FIRST, SwitchEvent({"Event-Name": "RECORD_STOP", **ours}))

    assert theirs.payload == RecordingStarted(OperationId("app"), "/theirs.wav")
    assert began.payload == RecordingStarted(OWN_ID, PATH)
    assert isinstance(ended.payload, RecordingStopped)
    assert ended.payload.recording_id == OWN_ID


def test_a_recording_whose_beginning_nobody_saw_has_the_same_id(desk: Desk) -> None:
    ended = desk.happen("RECORD_STOP", A, Record_File_Path=PATH)

    assert isinstance(ended.payload, RecordingStopped)
    assert ended.payload.recording_id == OWN_ID
    assert recording_id(B, PATH) != OWN_ID
