"""Far ends that follow scripts, as users' own tests write them."""

from collections.abc import AsyncIterator

import pytest
from tests.support.switch_replay import Client, connected, subscribed
from tests.support.wire_events import WireFrame

from callcontrol.simulator import (
    Answers,
    EarlyMedia,
    HangsUp,
    Rings,
    SendsDigits,
    Simulator,
    SwitchSettings,
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(time_scale=0.02) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with subscribed(simulator.port) as client:
        yield client


async def ask(client: Client, command: str) -> str:
    """The reply to one command."""
    answered = len(answers(client.frames))
    client.writer.write(command.encode() + b"\n\n")
    await client.until(lambda frames: len(answers(frames)) > answered)
    return answers(client.frames)[answered]


def answers(frames: list[WireFrame]) -> list[str]:
    return [f.reply for f in frames if f.kind in ("command/reply", "api/response")]


def named(frames: list[WireFrame], name: str) -> list[WireFrame]:
    return [frame for frame in frames if frame.is_event and frame.get("Event-Name") == name]


async def test_a_far_end_rings_answers_presses_keys_and_hangs_up(
    simulator: Simulator, client: Client
) -> None:
    simulator.on(
        "4711",
        Rings()
        .then(Answers(after_s=1))
        .then(SendsDigits("1#", after_s=1))
        .then(HangsUp("CALL_REJECTED", after_s=1)),
    )
    reply = await ask(client, "api originate {origination_uuid=c}sofia/internal/4711@x &park")
    await client.until(lambda frames: bool(named(frames, "CHANNEL_DESTROY")))
    digits = [(f.get("DTMF-Digit"), f.get("DTMF-Source")) for f in named(client.frames, "DTMF")]
    lived = [
        frame.get("Event-Name").removeprefix("CHANNEL_")
        for frame in client.frames
        if frame.get("Unique-ID") == "c" and "STATE" not in frame.get("Event-Name")
    ]

    assert reply == "+OK c\n"
    assert digits == [("1", "RTP"), ("#", "RTP")]
    assert named(client.frames, "CHANNEL_HANGUP")[0].get("Hangup-Cause") == "CALL_REJECTED"
    assert [name for name in lived if name in ("PROGRESS", "ANSWER", "PARK", "HANGUP")] == [
        "PROGRESS",
        "ANSWER",
        "PARK",
        "HANGUP",
    ]


async def test_the_same_script_behind_a_loopback_pair(simulator: Simulator, client: Client) -> None:
    simulator.on("4711", Answers().then(SendsDigits("7")).then(HangsUp(after_s=1)))
    await ask(client, "api originate {origination_uuid=c}loopback/4711/default &park")
    await client.until(lambda frames: len(named(frames, "CHANNEL_DESTROY")) == 2)

    assert [frame.get("Unique-ID") for frame in named(client.frames, "DTMF")] == ["c"]


async def test_a_caller_waits_is_answered_and_hangs_up(
    simulator: Simulator, client: Client
) -> None:
    caller = simulator.call_in(to="inbound-park", from_="5550123")
    await client.until(lambda frames: bool(named(frames, "CHANNEL_PARK")))
    reply = await ask(client, f"api uuid_answer {caller.call_id}")
    caller.presses("5")
    await client.until(lambda frames: bool(named(frames, "DTMF")))
    await ask(client, f"api uuid_send_dtmf {caller.call_id} 42")
    caller.hangs_up()
    await client.until(lambda frames: bool(named(frames, "CHANNEL_DESTROY")))
    create = named(client.frames, "CHANNEL_CREATE")[0]

    assert reply == "+OK\n"
    assert create.get("Caller-Caller-ID-Number") == "5550123"
    assert create.get("Call-Direction") == "inbound"
    assert caller.heard == "42"
    assert len(named(client.frames, "CHANNEL_ANSWER")) == 1


async def test_a_caller_who_gives_up_cancels(simulator: Simulator, client: Client) -> None:
    simulator.call_in(to="ring", caller=HangsUp(after_s=2))
    await client.until(lambda frames: bool(named(frames, "CHANNEL_HANGUP_COMPLETE")))

    (hang_up,) = named(client.frames, "CHANNEL_HANGUP")
    assert hang_up.get("Hangup-Cause") == "ORIGINATOR_CANCEL"


@pytest.mark.parametrize(
    ("dialled", "reply"),
    [
        ("user/answer", "+OK <id>\n"),
        ("user/1005", "-ERR USER_NOT_REGISTERED\n"),
        ("user/nobody", "-ERR SUBSCRIBER_ABSENT\n"),
        ("sofia/gateway/carrier/answer", "+OK <id>\n"),
        ("sofia/gateway/nosuch/answer", "-ERR INVALID_GATEWAY\n"),
        ("sofia/nosuch/answer@x", "-ERR INVALID_PROFILE\n"),
        ("sofia/internal/hangup-MANAGER_REQUEST@x", "-ERR NO_USER_RESPONSE\n"),
        ("error/user_busy", "-ERR USER_BUSY\n"),
        ("{originate_timeout=3}loopback/ring/default", "-ERR NO_ANSWER\n"),
        ("[leg_timeout=3]loopback/ring/default", "-ERR ALLOTTED_TIMEOUT\n"),
        ("loopback/busy/default|loopback/reject/default", "-ERR CALL_REJECTED\n"),
        ("loopback/busy/default|loopback/answer/default", "+OK <id>\n"),
        ("loopback/ring/default,loopback/answer/default", "+OK <id>\n"),
        ("{return_ring_ready=true}sofia/internal/ring@x", "+OK <id>\n"),
        ("sofia/internal/early@x", "+OK <id>\n"),
        ("{ignore_early_media=true,originate_timeout=3}sofia/internal/early@x", "-ERR NO_ANSWER\n"),
        ("{ignore_early_media=true}sofia/internal/early-answer@x", "+OK <id>\n"),
    ],
)
async def test_originate_tells(client: Client, dialled: str, reply: str) -> None:
    answer = await ask(client, f"api originate {dialled} &park")

    assert answer == reply or (reply == "+OK <id>\n" and answer.startswith("+OK "))


async def test_a_taken_id_is_refused_by_sip_and_passed_over_by_loopback(client: Client) -> None:
    await ask(client, "api originate {origination_uuid=c}null/x &park")
    over_sip = await ask(client, "api originate {origination_uuid=c}sofia/internal/answer@x &park")
    looped = await ask(client, "api originate {origination_uuid=c}loopback/answer/default &park")

    assert over_sip == "-ERR DESTINATION_OUT_OF_ORDER\n"
    assert looped.startswith("+OK ")
    assert looped != "+OK c\n"


async def test_losers_of_a_race_are_told_so(client: Client) -> None:
    await ask(client, "api originate loopback/ring/default,loopback/answer/default &park")
    await client.until(lambda frames: bool(named(frames, "CHANNEL_HANGUP")))

    assert named(client.frames, "CHANNEL_HANGUP")[0].get("Hangup-Cause") == "LOSE_RACE"


async def test_more_sessions_per_second_than_allowed_are_refused() -> None:
    settings = SwitchSettings(sessions_per_second=3)
    async with (
        Simulator(time_scale=100, settings=settings) as simulator,
        connected(simulator.port) as client,
    ):
        await ask(client, "auth ClueCon")
        replies = [await ask(client, "api originate null/x &park") for _ in range(4)]

    assert [reply[:4] for reply in replies] == ["+OK ", "+OK ", "-ERR", "-ERR"]


async def test_two_callers_meet_in_a_conference(simulator: Simulator, client: Client) -> None:
    first = simulator.call_in(to="conf-room", from_="1")
    await client.until(lambda frames: "add-member" in actions(frames))
    second = simulator.call_in(to="conf-room", from_="2")
    await client.until(lambda frames: actions(frames).count("add-member") == 2)
    listed = await ask(client, "api conference room list count")
    second.hangs_up()
    first.hangs_up()
    await client.until(lambda frames: "conference-destroy" in actions(frames))

    assert listed == "2"
    assert actions(client.frames)[:3] == ["conference-create", "add-member", "floor-change"]
    assert await ask(client, "api conference room list") == "-ERR Conference room not found\n"


def actions(frames: list[WireFrame]) -> list[str]:
    return [frame.get("Action") for frame in named(frames, "CUSTOM")]


async def test_the_dialplan_bridges_a_caller(simulator: Simulator, client: Client) -> None:
    caller = simulator.call_in(to="bridge-answer", from_="1")
    await client.until(lambda frames: bool(named(frames, "CHANNEL_BRIDGE")))
    caller.hangs_up()
    await client.until(lambda frames: len(named(frames, "CHANNEL_DESTROY")) == 3)

    bridge = named(client.frames, "CHANNEL_BRIDGE")[0]
    assert bridge.get("Unique-ID") == caller.call_id
    assert named(client.frames, "CHANNEL_UNBRIDGE")[0].get("Unique-ID") == caller.call_id


async def test_a_call_is_transferred_inline(client: Client) -> None:
    await ask(client, "api originate {origination_uuid=c}null/x &park")
    reply = await ask(client, "api uuid_transfer c 'set:a=1,park:' inline")
    await client.until(lambda frames: len(named(frames, "CHANNEL_PARK")) == 2)

    assert reply == "+OK\n"
    assert await ask(client, "api uuid_getvar c a") == "1"


async def test_early_media_counts_as_success_unless_ignored(
    simulator: Simulator, client: Client
) -> None:
    simulator.on("4711", EarlyMedia(tone_s=2).then(HangsUp("USER_BUSY")))
    heard = await ask(client, "api originate sofia/internal/4711@x &park")
    ignored = await ask(
        client, "api originate {ignore_early_media=true}sofia/internal/4711@x &park"
    )

    assert heard.startswith("+OK ")
    assert ignored == "-ERR USER_BUSY\n"
