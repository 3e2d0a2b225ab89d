"""Outbound mode: the switch brings a call to a server, says what the call is, and takes commands.

The same on the simulator and on a real FreeSWITCH, word for word, and as it was recorded
(tests/transcripts/outbound-*).
"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.outbound_scene import Scene
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.outbound_server import RawCall
from tests.support.transcripts import recording

MODES = {
    "async-full": ("async", "full", "async full"),
    "async": ("async", "single-channel", "async"),
    "full": ("static", "full", "full"),
    "sync": ("static", "single-channel", ""),
}
NOBODY = 9
"""A port on which nobody listens (discard)."""
NOT_FOUND = "-ERR command not found"


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


# What the call is


@pytest.mark.parametrize("mode", list(MODES))
async def test_the_answer_to_connect_says_what_the_call_is_and_what_the_socket_may(
    scene: Scene, mode: str
) -> None:
    caller, call = await scene.brought(mode)
    data = await call.channel_data()
    socket_mode, control, words = MODES[mode]

    assert data["Event-Name"] == "CHANNEL_DATA"
    assert data["Unique-ID"] == data["Channel-Unique-ID"] == caller.call_id
    assert data["Channel-Destination-Number"] == f"socket-{mode}-{scene.server.port}"
    assert data["Channel-State"] == "CS_EXECUTE"
    assert data["Answer-State"] == "ringing"
    assert data["variable_socket_host"] == scene.switch.host
    assert data["variable_socket_path"] == "app"
    assert data["variable_current_application"] == "socket"
    target = f"{scene.switch.host}:{scene.server.port}/app {words}".rstrip()
    assert data["variable_current_application_data"] == target
    assert list(data.items())[-4:] == [
        ("Content-Type", "command/reply"),
        ("Reply-Text", "+OK\n"),
        ("Socket-Mode", socket_mode),
        ("Control", control),
    ]


def recorded_headers() -> list[str]:
    """The headers of the answer to `connect`, as recorded, without variables."""
    block = recording("outbound-connect-data").stream("o1", from_switch=True).partition(b"\n\n")[0]
    names = [line.partition(":")[0] for line in block.decode().splitlines()]
    return [name for name in names if not_configured(name)]


def not_configured(header: str) -> bool:
    """Neither a variable, nor there only where a profile manages presence."""
    return not header.startswith("variable_") and header != "Channel-Presence-ID"


async def test_the_answer_to_connect_has_the_headers_that_were_recorded_in_their_order(
    scene: Scene,
) -> None:
    _, call = await scene.brought()
    data = await call.channel_data()

    assert [name for name in data if not_configured(name)] == recorded_headers()


async def test_connect_may_be_asked_again_and_tells_the_call_as_it_is_then(scene: Scene) -> None:
    _, call = await scene.connected()
    await call.execute("answer")
    await call.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application="answer")

    assert (await call.channel_data())["Answer-State"] == "answered"


async def test_what_is_said_first_is_done_but_not_answered_unless_it_is_connect(
    scene: Scene,
) -> None:
    _, call = await scene.brought()
    call.write("linger 7")
    call.write("getvar socket_path")
    first = await call.answer()
    call.write("nosuchcommand")

    assert (first.kind, first.reply) == ("command/reply", "app")
    assert (await call.answer()).reply == NOT_FOUND


async def test_an_api_command_is_answered_even_if_it_comes_first(scene: Scene) -> None:
    caller, call = await scene.brought()
    answer = await call.ask(f"api uuid_exists {caller.call_id}")

    assert answer == "true"


# What the socket may

ALLOWED = [
    ("getvar socket_path", "app", "app"),
    ("getvar no_such_variable", NOT_FOUND, NOT_FOUND),
    ("myevents json", "+OK Events Enabled", "+OK Events Enabled"),
    ("myevents json\n\nmyevents", "-ERR aready enabled.", "-ERR aready enabled."),
    ("resume", "+OK", "+OK"),
    ("divert_events on", "+OK events diverted", "+OK events diverted"),
    ("divert_events", "-ERR missing value.", "-ERR missing value."),
    ("filter Color red", "+OK filter added. [Color]=[red]", "+OK filter added. [Color]=[red]"),
    ("filter delete all", "+OK filter deleted. [all][]", "+OK filter deleted. [all][]"),
    ("sendmsg\ncall-command: nothing", "+OK", "+OK"),
    ("linger", "+OK will linger", NOT_FOUND),
    ("linger 7", "+OK will linger 7 seconds", NOT_FOUND),
    ("linger soon", "+OK will linger 0 seconds", NOT_FOUND),
    ("nolinger", "+OK will not linger", NOT_FOUND),
    ("api uuid_exists x", "false", NOT_FOUND),
    ("bgapi uuid_exists x\nJob-UUID: j1", "+OK Job-UUID: j1", NOT_FOUND),
    ("event json CHANNEL_ANSWER", "+OK event listener enabled json", NOT_FOUND),
    ("nixevent CHANNEL_ANSWER", "+OK events nixed", NOT_FOUND),
    ("noevents", "-ERR not listening for events", NOT_FOUND),
    ("log err", "+OK log level err [3]", NOT_FOUND),
    ("nolog", "-ERR not loging", NOT_FOUND),
    ("nosuchcommand", NOT_FOUND, NOT_FOUND),
]


async def replies_to(call: RawCall, command: str) -> str:
    """The last reply to these."""
    parts = command.split("\n\n")
    replies = [await call.ask(part) for part in parts]
    return replies[-1]


@pytest.mark.parametrize(
    ("command", "with_full", "without"), ALLOWED, ids=[command for command, _, _ in ALLOWED]
)
async def test_what_a_socket_may_do_with_full_and_without(
    scene: Scene, command: str, with_full: str, without: str
) -> None:
    _, one = await scene.brought("async-full")
    await one.channel_data()
    _, other = await scene.brought("async")
    await other.channel_data()

    assert await replies_to(one, command) == with_full
    assert await replies_to(other, command) == without


async def test_a_socket_gives_orders_to_other_calls_only_by_their_id(scene: Scene) -> None:
    first, one = await scene.connected("async")
    second, _ = await scene.connected("async")
    named = await one.ask(f"sendmsg {second.call_id}\ncall-command: hangup")
    await scene.saw(second, "CHANNEL_HANGUP_COMPLETE")
    unknown = await one.ask("sendmsg 0-0-0\ncall-command: hangup")

    assert named == "+OK"
    assert unknown == "-ERR invalid session id [0-0-0]"
    assert await scene.watch.ask(f"api uuid_exists {first.call_id}") == "true"


async def test_only_a_job_of_the_call_passes_myevents(scene: Scene) -> None:
    _, call = await scene.connected()
    await call.ask("event json BACKGROUND_JOB")
    await call.ask("bgapi uuid_exists x\nJob-UUID: j1")
    event = await call.event(Event_Name="BACKGROUND_JOB")

    assert event["Job-UUID"] == "j1"


# Where the call goes


async def test_the_next_host_is_tried_when_nobody_listens_on_the_first(scene: Scene) -> None:
    caller = await scene.call_in(f"socket-hosts-{NOBODY}-{scene.server.port}")
    call = await scene.server.next_call()

    assert (await call.channel_data())["Unique-ID"] == caller.call_id


@pytest.mark.parametrize("mode", list(MODES))
async def test_a_socket_that_is_refused_lets_the_dialplan_go_on_at_once(
    scene: Scene, mode: str
) -> None:
    caller = await scene.call_in(f"socket-{mode}-{NOBODY}")
    await scene.goes_on(caller)

    assert "CHANNEL_PARK" not in scene.names(caller)


async def test_the_caller_hears_the_fallback_and_the_call_ends_after_it(scene: Scene) -> None:
    caller = await scene.call_in(f"socket-async-full-{NOBODY}")
    played = await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "playback")
    ended = await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")

    assert played["Application-Response"] == "FILE PLAYED"
    assert ended["Hangup-Cause"] == "NORMAL_CLEARING"


async def test_a_call_may_be_answered_before_it_is_brought(scene: Scene) -> None:
    await scene.call_in(f"socket-answered-{scene.server.port}")
    call = await scene.server.next_call()
    data = await call.channel_data()

    assert data["Answer-State"] == "answered"
    assert "variable_socket_path" not in data


async def test_a_call_that_is_sent_elsewhere_stays_with_its_socket(scene: Scene) -> None:
    caller, call = await scene.connected()
    await call.execute("transfer", "answer XML callcontrol")
    await call.event(Event_Name="CHANNEL_EXECUTE", Application="sleep")

    assert await call.ask("getvar destination_number") == "answer"
    assert await call.ask(f"api uuid_kill {caller.call_id}") == "+OK\n"
    await call.notice("disconnect")
    assert await call.is_closed()
