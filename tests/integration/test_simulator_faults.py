"""What tests can do to the simulator: kill, restart, stall, damage, delay."""

import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from tests.support.switch_replay import Client, connected, subscribed
from tests.support.wire_events import WireFrame

from callcontrol.simulator import Simulator, SwitchSettings


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(time_scale=0.02) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with subscribed(simulator.port, "json") as client:
        yield client


def events(frames: list[WireFrame], name: str) -> list[WireFrame]:
    return [frame for frame in frames if frame.is_event and frame.get("Event-Name") == name]


async def core_uuid(port: int) -> str:
    async with connected(port) as client:
        client.writer.write(b"auth ClueCon\n\napi global_getvar core_uuid\n\n")
        await client.has(replies=2)
    return client.frames[-1].reply


async def test_a_restart_keeps_the_port_and_changes_the_core(simulator: Simulator) -> None:
    before, port = await core_uuid(simulator.port), simulator.port
    await simulator.restart()

    assert simulator.port == port
    assert await core_uuid(port) != before


async def test_a_restart_drops_connections_without_a_word_and_forgets_calls(
    simulator: Simulator, client: Client
) -> None:
    client.writer.write(b"api originate null/x &park\n\n")
    await client.has(replies=3)
    said = len(client.frames)
    await simulator.restart()
    await client.until(lambda _: client.reader.at_eof())

    assert not [f for f in client.frames[said:] if f.kind == "text/disconnect-notice"]
    assert not simulator.switch.legs


async def test_a_killed_switch_refuses_connections(simulator: Simulator) -> None:
    await simulator.kill()

    with pytest.raises(ConnectionError):
        async with connected(simulator.port):
            pass


async def test_a_slow_command_takes_its_time(simulator: Simulator, client: Client) -> None:
    simulator.faults.slow_api("hostname", 10)
    began = simulator.clock.now_s()
    client.writer.write(b"api hostname\n\n")
    await client.has(replies=3)

    assert simulator.clock.now_s() - began >= 10


async def test_a_stalled_connection_neither_reads_nor_writes(
    simulator: Simulator, client: Client
) -> None:
    simulator.faults.stall("events")
    client.writer.write(b"api hostname\n\n")
    async with connected(simulator.port) as other:
        other.writer.write(b"auth ClueCon\n\napi echo alive\n\n")
        await other.has(replies=2)
    assert len(client.frames) == 3
    simulator.faults.go_on()
    await client.has(replies=3)

    assert other.frames[-1].reply == "alive"
    assert [f.reply for f in client.frames if f.kind == "api/response"] == ["fs-sim"]


async def test_a_frame_can_be_cut_in_its_middle(simulator: Simulator, client: Client) -> None:
    simulator.faults.cut_next_frame()
    simulator.faults.duplicate_headers()
    simulator.faults.drop("events")
    await client.until(lambda _: client.reader.at_eof())
    tail = bytes(client.stream)[client.frames[-1].end :]

    assert not events(client.frames, "CUSTOM")
    assert tail == b"" or tail.startswith(b"Content-Length: ")


async def test_a_reply_can_be_sixteen_mebibytes(simulator: Simulator, client: Client) -> None:
    simulator.faults.big_reply()
    client.writer.write(b"api status\n\napi hostname\n\n")
    await client.has(replies=4)

    answers = [frame.reply for frame in client.frames if frame.kind == "api/response"]

    assert len(answers[0]) == 16 * 1024 * 1024
    assert answers[1] == "fs-sim"


async def test_headers_can_repeat_and_bytes_can_be_no_utf8(
    simulator: Simulator, client: Client
) -> None:
    simulator.faults.duplicate_headers()
    simulator.faults.invalid_utf8()
    await client.until(lambda frames: len(events(frames, "CUSTOM")) == 2)

    assert b'"X-Twice":"first","X-Twice":"second"' in client.stream
    assert b'"X-Latin":"caf\xe9"' in client.stream


async def test_a_listener_that_lost_too_much_is_told_why(
    simulator: Simulator, client: Client
) -> None:
    simulator.faults.overflow()
    await client.until(lambda frames: frames[-1].kind == "text/disconnect-notice")

    assert client.frames[-1].body == "killed listener because of lost events\n"


async def test_a_burst_arrives_whole_and_in_order(simulator: Simulator, client: Client) -> None:
    simulator.faults.burst(5_000)
    await client.until(lambda frames: bool(events(frames[-1:], "CUSTOM")) and _last(frames))
    numbers = [frame.get("X-Number") for frame in events(client.frames, "CUSTOM")]

    assert numbers == [str(number) for number in range(5_000)]


def _last(frames: list[WireFrame]) -> bool:
    return frames[-1].get("X-Number") == "4999"


async def test_a_shutdown_announces_itself(simulator: Simulator, client: Client) -> None:
    client.writer.write(b"api originate null/x &park\n\napi fsctl shutdown\n\n")
    await client.until(lambda frames: frames[-1].kind == "text/disconnect-notice")

    assert events(client.frames, "SHUTDOWN")[0].get("Event-Info") == "System Shutting Down"
    assert events(client.frames, "CHANNEL_HANGUP")[0].get("Hangup-Cause") == "SYSTEM_SHUTDOWN"
    assert client.frames[-1].body == "The system is being shut down.\n"


async def test_a_reload_of_the_event_socket_keeps_the_calls(
    simulator: Simulator, client: Client
) -> None:
    client.writer.write(b"api originate null/x &park\n\napi reload mod_event_socket\n\n")
    await client.until(lambda frames: frames[-1].kind == "text/disconnect-notice")
    await simulator.clock.sleep(1)

    assert client.frames[-1].body == "The system is being shut down.\n"
    assert await core_uuid(simulator.port) == simulator.switch.core_uuid
    assert len(simulator.switch.legs) == 1


async def test_a_paused_switch_makes_no_calls(client: Client) -> None:
    client.writer.write(
        b"api fsctl pause\n\napi originate null/x &park\n\n"
        b"api fsctl resume\n\napi originate null/x &park\n\n"
    )
    await client.has(replies=6)
    answers = [frame.reply for frame in client.frames if frame.kind == "api/response"]

    assert answers[1] == "-ERR DESTINATION_OUT_OF_ORDER\n"
    assert answers[3].startswith("+OK ")


async def test_heartbeats_come_at_their_interval_and_can_be_silenced() -> None:
    settings = SwitchSettings(heartbeat_interval_s=1, max_sessions=7)
    async with (
        Simulator(time_scale=0.05, settings=settings) as simulator,
        connected(simulator.port) as client,
    ):
        client.writer.write(b"auth ClueCon\n\nevent json HEARTBEAT\n\n")
        await client.until(lambda frames: len(events(frames, "HEARTBEAT")) == 3)
        simulator.faults.silence_heartbeats()
        told = len(events(client.frames, "HEARTBEAT"))
        await simulator.clock.sleep(3)
        beats = events(client.frames, "HEARTBEAT")

    uptimes = [int(beat.get("Uptime-msec")) for beat in beats[:3]]
    assert len(beats) == told
    assert beats[0].get("Event-Info") == "System Ready"
    assert beats[0].get("Max-Sessions") == "7"
    assert [round((b - a) / 1000) for a, b in pairwise(uptimes)] == [1, 1]


async def test_sequence_numbers_have_holes_and_run_backwards(client: Client) -> None:
    client.writer.write(b"bgapi originate loopback/answer/callcontrol &park\n\n")
    await client.until(lambda frames: bool(events(frames, "BACKGROUND_JOB")))
    numbers = [int(json.loads(f.body)["Event-Sequence"]) for f in client.frames if f.is_event]

    assert len(set(numbers)) == len(numbers)
    assert numbers != sorted(numbers)
    assert max(numbers) - min(numbers) >= len(numbers)


async def test_the_hang_up_cause_is_there_twice(client: Client) -> None:
    client.writer.write(b"api originate loopback/short/callcontrol &park\n\n")
    await client.until(lambda frames: len(events(frames, "CHANNEL_HANGUP_COMPLETE")) == 2)
    names = events(client.frames, "CHANNEL_HANGUP_COMPLETE")[0].names

    assert names.count("Hangup-Cause") == 2


async def test_a_far_end_can_be_quicker_than_the_channels_own_creation(
    simulator: Simulator, client: Client
) -> None:
    simulator.faults.disorder()
    client.writer.write(b"api originate sofia/internal/answer@x &park\n\n")
    await client.until(lambda frames: bool(events(frames, "CHANNEL_PARK")))
    names = [frame.get("Event-Name") for frame in client.frames if frame.is_event]

    assert names.index("CHANNEL_ANSWER") < names.index("CHANNEL_CREATE")
