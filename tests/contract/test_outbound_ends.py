"""How a call and its socket end: who goes first, what is said then, and what the switch does next.

The same on the simulator and on a real FreeSWITCH, and as it was recorded.
"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.outbound_scene import Scene
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.outbound_server import RawCall

GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
LONG_TONE = "tone_stream://%(10000,0,440)"
CONNECTING = ["async-full", "async"]
"""Modes in which the switch parks the call, and reads the socket beside it."""
WAITING = ["full", "sync"]
"""Modes in which the call itself waits at the socket."""


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


# The server goes first


async def says_exit(call: RawCall) -> None:
    assert await call.ask("exit") == "+OK bye"
    notice = await call.notice("disconnect")
    assert notice.body == GOODBYE
    assert await call.is_closed()


async def closes(call: RawCall) -> None:
    call.writer.close()


async def half_closes(call: RawCall) -> None:
    call.writer.write_eof()
    await call.notice("disconnect")
    assert await call.is_closed()


async def resets(call: RawCall) -> None:
    call.reset()


ENDS = [says_exit, closes, half_closes, resets]


@pytest.mark.parametrize("mode", [*CONNECTING, *WAITING])
@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
async def test_the_dialplan_goes_on_when_the_server(scene: Scene, mode: str, end: object) -> None:
    assert callable(end)
    caller, call = await scene.connected(mode)
    await end(call)
    done = await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "socket")

    assert done["Application-Response"] == "_none_"
    await scene.goes_on(caller)


async def test_what_is_told_when_a_call_goes_on_behind_its_socket(scene: Scene) -> None:
    caller, call = await scene.connected()
    await says_exit(call)

    assert await scene.history(caller) == [
        "PARK",
        "UNPARK",
        "EXECUTE_COMPLETE socket",
        "EXECUTE set",
        "EXECUTE_COMPLETE set",
        "EXECUTE answer",
        "ANSWER",
        "EXECUTE_COMPLETE answer",
        "EXECUTE playback",
        "EXECUTE_COMPLETE playback",
        "HANGUP",
        "CS_HANGUP",
        "CS_REPORTING",
        "HANGUP_COMPLETE",
    ]


async def test_what_plays_is_played_to_its_end_before_the_dialplan_goes_on(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.execute("answer")
    await call.execute("playback", "tone_stream://%(700,0,440)")
    await scene.saw(caller, "CHANNEL_EXECUTE", "playback")
    await says_exit(call)
    played = await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "playback")
    unparked = await scene.saw(caller, "CHANNEL_UNPARK")

    assert played["Application-Response"] == "FILE PLAYED"
    assert int(played["Event-Sequence"]) < int(unparked["Event-Sequence"])


@pytest.mark.parametrize("mode", CONNECTING)
async def test_a_call_whose_server_closes_before_it_connects_stays_parked_for_ever(
    scene: Scene, mode: str
) -> None:
    caller, call = await scene.brought(mode)
    call.writer.close()

    await scene.stays_parked(caller)


@pytest.mark.parametrize("mode", WAITING)
async def test_a_call_that_waits_itself_goes_on_when_its_server_closes_before_it_connects(
    scene: Scene, mode: str
) -> None:
    caller, call = await scene.brought(mode)
    call.writer.close()

    await scene.goes_on(caller)


async def test_a_call_whose_socket_ends_before_its_park_begins_may_stay_parked_for_ever(
    scene: Scene,
) -> None:
    """A race, so a server should see the park, which it does if `myevents` comes before `connect`,
    before it lets the call go.
    """
    callers = []
    for _ in range(5):
        caller, call = await scene.brought()
        call.write("connect\n\nexit")
        await scene.saw(caller, "CHANNEL_PARK")
        callers.append(caller)
    await scene.time_passes()

    assert any("CHANNEL_UNPARK" not in scene.names(caller) for caller in callers)


async def test_a_server_that_says_nothing_is_left_after_25_s_and_its_call_stays_parked(
    scene: Scene,
) -> None:
    caller, call = await scene.brought()
    await call.notice("disconnect")

    assert await call.is_closed()
    await scene.stays_parked(caller)


# The call goes first


async def test_without_linger_the_socket_ends_with_the_call(scene: Scene) -> None:
    caller, call = await scene.connected()
    await caller.hangs_up()
    notice = await call.notice("disconnect")

    assert notice.headers["Controlled-Session-UUID"] == caller.call_id
    assert notice.body == GOODBYE
    assert await call.is_closed()
    await scene.saw(caller, "CHANNEL_DESTROY")


async def test_with_linger_the_last_events_come_and_then_the_end(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.ask("linger 2")
    await caller.hangs_up()
    lingers = await call.notice("linger")
    await call.event(Event_Name="CHANNEL_HANGUP_COMPLETE")

    assert await call.ask("getvar hangup_cause") == "ORIGINATOR_CANCEL"
    assert await call.ask("api uuid_exists x") == "false"
    assert await call.execute("playback", LONG_TONE) == "+OK"
    assert lingers.headers["Controlled-Session-UUID"] == caller.call_id
    assert lingers.headers["Linger-Time"] == "2"
    assert lingers.headers["Content-Length"] == "0"
    assert lingers.headers["Channel-Name"].startswith("sofia/internal/")
    await call.notice("disconnect")
    assert await call.is_closed()


async def test_a_call_is_destroyed_only_when_its_socket_has_ended(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.ask("linger")
    await caller.hangs_up()
    lingers = await call.notice("linger")
    await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")
    await scene.time_passes()
    known = scene.names(caller)
    await says_exit(call)
    await scene.saw(caller, "CHANNEL_DESTROY")

    assert lingers.headers["Linger-Time"] == "-1"
    assert "CHANNEL_DESTROY" not in known
    assert "CHANNEL_DESTROY" not in call.names()


async def test_nolinger_takes_linger_back(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.ask("linger 30")
    await call.ask("nolinger")
    await caller.hangs_up()

    await call.notice("disconnect")
    assert await call.is_closed()


async def test_a_caller_who_hangs_up_before_the_server_connects_ends_it_with_a_notice(
    scene: Scene,
) -> None:
    caller, call = await scene.brought()
    await caller.hangs_up()
    notice = await call.notice("disconnect")

    assert notice.headers["Controlled-Session-UUID"] == caller.call_id
    assert await call.is_closed()
    assert await scene.history(caller) == [
        "HANGUP",
        "PARK",
        "UNPARK",
        "EXECUTE_COMPLETE socket",
        "CS_HANGUP",
        "CS_REPORTING",
        "HANGUP_COMPLETE",
    ]


async def test_the_server_hangs_up(scene: Scene) -> None:
    caller, call = await scene.connected()
    reply = await call.ask("sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY")
    ended = await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")

    assert reply == "+OK"
    assert ended["Hangup-Cause"] == "USER_BUSY"
    await call.notice("disconnect")
    assert await call.is_closed()


# Without async


async def test_a_call_that_waits_itself_answers_when_what_it_was_told_to_run_is_over(
    scene: Scene,
) -> None:
    caller, call = await scene.connected("full")
    await call.execute("answer")
    reply = await call.execute("playback", "tone_stream://%(300,0,440)", Event_UUID="op-1")
    known = call.names()
    await call.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application_UUID="op-1")
    played = await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "playback")

    assert reply == "+OK"
    assert "CHANNEL_EXECUTE playback" not in known
    assert played["Application-Response"] == "FILE PLAYED"
    assert "CHANNEL_PARK" not in scene.names(caller)


async def test_a_call_that_waits_itself_may_be_told_not_to_wait_for_one_thing(scene: Scene) -> None:
    caller, call = await scene.connected("full")
    reply = await call.execute("answer", **{"async": "true"})
    await scene.time_passes()

    assert reply == "+OK"
    assert "CHANNEL_EXECUTE" not in scene.names(caller)


async def test_a_hang_up_during_what_a_call_that_waits_itself_plays_is_the_end_of_that(
    scene: Scene,
) -> None:
    caller, call = await scene.connected("full")
    await call.ask("linger 1")
    await call.execute("answer")
    call.write(
        f"sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: {LONG_TONE}"
    )
    await scene.saw(caller, "CHANNEL_EXECUTE", "playback")
    await caller.hangs_up()

    assert (await call.answer()).reply == "+OK"
    await call.notice("linger")
    await call.notice("disconnect")
    assert "CHANNEL_HANGUP_COMPLETE" not in call.names()
    await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")


# resume


async def test_a_parked_call_with_resume_goes_on_like_any_other(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.ask("resume")
    await says_exit(call)

    await scene.goes_on(caller)


async def test_a_call_that_waits_itself_is_stuck_after_resume(scene: Scene) -> None:
    caller, call = await scene.connected("full")
    await call.ask("resume")
    await says_exit(call)
    await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "socket")
    await scene.watch.event(
        Event_Name="CHANNEL_STATE", Unique_ID=caller.call_id, Channel_State="CS_RESET"
    )
    await scene.time_passes()

    assert scene.names(caller) == []
    assert await scene.watch.ask(f"api uuid_kill {caller.call_id}") == "+OK\n"
    await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")
