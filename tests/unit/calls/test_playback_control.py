"""Controlling what plays: what is sent for each change, and what cannot be changed."""

import asyncio

import pytest
from tests.support.call_node import FIRST, A, Desk

from callcontrol.calls.media.playback_control import (
    Change,
    Pause,
    SeekBy,
    SeekTo,
    Volume,
    control_playback,
)
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    CommandQueueFull,
    InvalidRequest,
    NodeUnavailable,
    OperationNotFound,
    OutcomeUnknown,
)
from callcontrol.ids import OperationId

P = OperationId("99999999-0000-4000-8000-000000000009")
Q = OperationId("88888888-0000-4000-8000-000000000008")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = "<media-bugs>\n</media-bugs>\n"
    begins(desk)
    return desk


def begins(desk: Desk, playback_id: OperationId = P) -> None:
    desk.happen("CHANNEL_EXECUTE", A, Application="playback", Application_UUID=playback_id)
    desk.happen("PLAYBACK_START", A, Playback_File_Path="x")


async def change(desk: Desk, what: Change, playback_id: OperationId = P) -> bool:
    return (await control_playback(desk.control.commander, A, playback_id, what)).confirmed


@pytest.mark.parametrize(
    ("what", "commands"),
    [
        (Pause(True), ["pause"]),
        (Pause(False), []),
        (SeekBy(1_500_999), ["seek:+1500"]),
        (SeekBy(-500_999), ["seek:-500"]),
        (SeekTo(0), ["seek:0"]),
        (SeekTo(3_500_000), ["seek:3500"]),
        (Volume(3), ["volume:3"]),
        (Volume(0), ["volume:0"]),
        # a sign makes it a step, and a step depends on what was before
        (Volume(-2), ["volume:0", "volume:-2"]),
    ],
)
async def test_each_change_is_sent_so_that_it_means_one_thing(
    desk: Desk, what: Change, commands: list[str]
) -> None:
    assert not await change(desk, what)
    assert desk.node.sent == [f"uuid_fileman {A} {command}" for command in commands]


async def test_pause_is_sent_once_and_so_is_going_on(desk: Desk) -> None:
    for what in (Pause(True), Pause(True), Pause(False), Pause(False), Pause(True)):
        await change(desk, what)

    assert len(desk.node.sent) == 3


async def test_two_who_pause_at_once_do_not_undo_each_other(desk: Desk) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(change(desk, Pause(True)), name=f"pause {number}")

    assert desk.node.sent == [f"uuid_fileman {A} pause"]


async def test_what_plays_anew_is_not_paused(desk: Desk) -> None:
    await change(desk, Pause(True))
    desk.happen("PLAYBACK_STOP", A, Playback_Status="break")
    desk.happen("PLAYBACK_START", A, Playback_File_Path="x")
    await change(desk, Pause(True))

    assert len(desk.node.sent) == 2


@pytest.mark.parametrize(
    "problem", [NodeUnavailable(FIRST, "gone", 1.0), CommandQueueFull(FIRST, 1, 1.0)]
)
async def test_a_pause_that_was_not_sent_can_be_sent_again(desk: Desk, problem: Exception) -> None:
    desk.node.answers["uuid_fileman"] = problem
    with pytest.raises(type(problem)):
        await change(desk, Pause(True))
    desk.node.answers["uuid_fileman"] = "+OK\n"
    await change(desk, Pause(True))

    assert len(desk.node.sent) == 2


async def test_a_lower_volume_that_is_half_done_is_an_unknown_outcome(desk: Desk) -> None:
    def answer(arguments: str) -> str:
        if arguments.endswith("-2"):
            raise NodeUnavailable(FIRST, "gone", 1.0)
        return "+OK\n"

    desk.node.answers["uuid_fileman"] = answer
    with pytest.raises(OutcomeUnknown):
        await change(desk, Volume(-2))


async def test_what_nobody_plays_is_not_found(desk: Desk) -> None:
    with pytest.raises(OperationNotFound):
        await change(desk, Pause(True), Q)

    assert desk.node.sent == [f"uuid_buglist {A}"]


async def test_what_goes_on_underneath_another_one_cannot_be_changed(desk: Desk) -> None:
    begins(desk, Q)
    with pytest.raises(CallStateConflict):
        await change(desk, Pause(True), P)
    await change(desk, Pause(True), Q)


async def test_what_waits_cannot_be_changed_yet(desk: Desk) -> None:
    leg = desk.tracker.legs.alive(A)
    assert leg is not None
    leg.queue_application(Q)
    with pytest.raises(CallStateConflict):
        await change(desk, Pause(True), Q)


async def test_what_plays_over_the_conversation_cannot_be_changed(desk: Desk) -> None:
    target = f"{{callcontrol_playback={Q}}}/a.wav"
    listed = f"<function>displace</function>\n  <target>{target}</target>\n"
    desk.node.answers["uuid_buglist"] = f"<media-bugs>\n{listed}</media-bugs>\n"
    with pytest.raises(CallStateConflict):
        await change(desk, Pause(True), Q)


async def test_what_has_no_file_cannot_be_changed(desk: Desk) -> None:
    desk.node.answers["uuid_fileman"] = "-ERR No file handle!\n"
    with pytest.raises(CallStateConflict):
        await change(desk, Pause(True))


async def test_a_leg_that_is_gone_is_over(desk: Desk) -> None:
    desk.node.answers["uuid_fileman"] = "-ERR No such channel!\n"
    with pytest.raises(CallHasEnded):
        await change(desk, SeekTo(0))


@pytest.mark.parametrize("what", [SeekBy(0), SeekTo(-1), Volume(5), Volume(-5)])
async def test_what_the_switch_would_take_for_something_else_is_refused(
    desk: Desk, what: Change
) -> None:
    with pytest.raises(InvalidRequest):
        await change(desk, what)

    assert desk.node.sent == []
