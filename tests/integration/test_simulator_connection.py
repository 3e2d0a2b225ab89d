"""How one connection of the simulator behaves in time: order, blocking, timers, its end.

Deliberate deviation: a switch writes events when its poll of up to 20 ms ends; here they are
written at once. Everything else about the order is the same.
"""

from collections.abc import AsyncIterator

import pytest
from tests.support.switch_replay import Client, connected, subscribed
from tests.support.wire_events import WireFrame

from callcontrol.simulator import Simulator

PROBE = b"sendevent CUSTOM\nEvent-Subclass: probe::x\nN: %d\n\n"
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(time_scale=0.02) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """A client that is logged in and subscribed to everything."""
    async with subscribed(simulator.port) as client:
        yield client


def kinds(frames: list[WireFrame]) -> list[str]:
    return [frame.kind for frame in frames]


def named(frames: list[WireFrame], name: str) -> list[WireFrame]:
    return [frame for frame in frames if frame.is_event and frame.get("Event-Name") == name]


def ended(frames: list[WireFrame]) -> bool:
    return kinds(frames)[-1:] == ["text/disconnect-notice"]


async def test_the_greeting_and_the_reply_are_those_of_a_switch(simulator: Simulator) -> None:
    async with connected(simulator.port) as client:
        client.writer.write(b"auth ClueCon\n\n")
        await client.has(replies=1)

    assert bytes(client.stream) == (
        b"Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK accepted\n\n"
    )


async def test_a_client_that_says_nothing_is_sent_away(simulator: Simulator) -> None:
    async with connected(simulator.port) as client:
        await client.until(ended)
        await client.reader.read()

    assert [frame.body for frame in client.frames] == ["", GOODBYE]


async def test_only_the_first_packet_is_under_the_timer(simulator: Simulator) -> None:
    async with connected(simulator.port) as client:
        client.writer.write(b"hello\n\n")
        await client.has(replies=1)
        await simulator.clock.sleep(40)
        client.writer.write(b"auth ClueCon\n\n")
        await client.has(replies=2)

    assert client.frames[-1].reply == "+OK accepted"


async def test_an_address_that_may_not_connect_is_told_so(simulator: Simulator) -> None:
    simulator.faults.rejects_addresses = True
    async with connected(simulator.port) as client:
        await client.until(ended)

    assert kinds(client.frames) == ["text/rude-rejection", "text/disconnect-notice"]
    assert client.frames[0].body == "Access Denied, go away.\n"


async def test_all_replies_come_before_the_events_that_the_commands_made(client: Client) -> None:
    client.writer.write(b"".join(PROBE % number for number in range(20)))
    await client.until(lambda frames: len(named(frames, "CUSTOM")) == 20)

    assert kinds(client.frames)[3:] == ["command/reply"] * 20 + ["text/event-plain"] * 20


async def test_a_blocking_api_holds_back_the_events_of_its_own_connection(
    client: Client, simulator: Simulator
) -> None:
    async with connected(simulator.port) as other:
        other.writer.write(b"auth ClueCon\n\n")
        await other.has(replies=1)
        client.writer.write(b"api msleep 5000\n\n")
        other.writer.write(PROBE % 1)
        await other.has(replies=2)
        await client.until(lambda frames: bool(named(frames, "CUSTOM")))

    assert kinds(client.frames)[3:5] == ["api/response", "text/event-plain"]


async def test_half_a_command_holds_back_events(client: Client, simulator: Simulator) -> None:
    client.writer.write(b"api hostname\n")
    async with connected(simulator.port) as other:
        other.writer.write(b"auth ClueCon\n\n" + PROBE % 1)
        await other.has(replies=2)
    assert not named(client.frames, "CUSTOM")
    client.writer.write(b"\n")
    await client.until(lambda frames: bool(named(frames, "CUSTOM")))

    assert kinds(client.frames)[3:5] == ["api/response", "text/event-plain"]


async def test_a_job_lets_events_flow_and_keeps_its_own_id(client: Client) -> None:
    client.writer.write(b"bgapi msleep 2000\nJob-UUID: my job\n\n" + PROBE % 1)
    await client.until(lambda frames: bool(named(frames, "BACKGROUND_JOB")))
    names = [frame.get("Event-Name") for frame in client.frames if frame.is_event]
    job = named(client.frames, "BACKGROUND_JOB")[0]

    assert client.frames[3].head.endswith("Reply-Text: +OK Job-UUID: my job\nJob-UUID: my job")
    assert names == ["CUSTOM", "API", "BACKGROUND_JOB"]
    assert job.headers[13:] == [
        ("Job-UUID", "my job"),
        ("Job-Command", "msleep"),
        ("Job-Command-Arg", "2000"),
        ("Content-Length", "3"),
        ("_body", "+OK"),
    ]


async def test_a_job_outlives_its_connection_and_the_notice_waits_for_it(
    client: Client, simulator: Simulator
) -> None:
    async with connected(simulator.port) as other:
        other.writer.write(b"auth ClueCon\n\nbgapi msleep 5000\nJob-UUID: j\n\nexit\n\n")
        await other.has(replies=3)
        assert not ended(other.frames)
        await other.until(ended)
    await client.until(lambda frames: bool(named(frames, "BACKGROUND_JOB")))

    assert named(client.frames, "BACKGROUND_JOB")[0].get("Job-UUID") == "j"


async def test_exit_drops_what_is_queued(client: Client) -> None:
    client.writer.write(PROBE % 1 + b"exit\n\napi hostname\n\n")
    await client.until(ended)

    assert kinds(client.frames)[3:] == ["command/reply", "command/reply", "text/disconnect-notice"]


async def test_a_half_close_is_the_end_too(client: Client) -> None:
    client.writer.write(b"api hostname\n\n")
    client.writer.write_eof()
    await client.until(ended)

    assert kinds(client.frames)[3] == "api/response"


async def test_a_length_out_of_range_closes_the_connection(client: Client) -> None:
    client.writer.write(b"api hostname\nContent-Length: 99999999\n\n")
    await client.until(ended)

    assert ended(client.frames)


async def test_a_session_connection_ends_with_its_call(client: Client) -> None:
    client.writer.write(b"api originate {origination_uuid=c}null/x &park\n\nmyevents c\n\n")
    await client.has(replies=4)
    client.writer.write(b"getvar origination_uuid\n\nlinger 2\n\nsendmsg\ncall-command: hangup\n\n")
    await client.until(ended)
    notices = [frame for frame in client.frames if frame.kind == "text/disconnect-notice"]

    assert [frame.reply for frame in client.frames if frame.reply][-3:] == [
        "c",
        "+OK will linger 2 seconds",
        "+OK",
    ]
    assert "Linger-Time: 2" in notices[0].head
    assert notices[1].head.startswith(
        "Content-Type: text/disconnect-notice\nControlled-Session-UUID: c\n"
        "Content-Disposition: disconnect\n"
    )


async def test_the_session_is_not_destroyed_while_a_connection_holds_it(
    client: Client, simulator: Simulator
) -> None:
    async with connected(simulator.port) as other:
        other.writer.write(
            b"auth ClueCon\n\napi originate {origination_uuid=c}null/x &park\n\nmyevents c\n\n"
            b"linger\n\napi uuid_kill c\n\n"
        )
        await other.has(replies=5)
        await client.until(lambda frames: bool(named(frames, "CHANNEL_HANGUP_COMPLETE")))
        assert not named(client.frames, "CHANNEL_DESTROY")
    await client.until(lambda frames: bool(named(frames, "CHANNEL_DESTROY")))

    assert named(client.frames, "CHANNEL_DESTROY")


async def test_events_in_xml(simulator: Simulator) -> None:
    async with connected(simulator.port) as client:
        client.writer.write(b"auth ClueCon\n\nevent xml CUSTOM probe::x\n\n" + PROBE % 7)
        await client.until(lambda frames: "text/event-xml" in kinds(frames))
        body = client.frames[-1].body

    assert body.startswith("<event>\n  <headers>\n    <Event-Subclass>probe%3A%3Ax<")
    assert "    <N>7</N>\n" in body
    assert body.endswith("  </headers>\n</event>\n")
