"""The program, as a process: what it prints, how it ends."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import grpc.aio
import pytest
from tests.support.stage import Stage, listening

from callcontrol.client.client import Client
from callcontrol.simulator import Simulator

LIMIT_S = 40.0


async def start(*arguments: str, environ: Mapping[str, str] | None = None) -> Process:
    """The program with nothing in its environment but what is given."""
    clean = {"PATH": "/usr/bin:/bin", "COLUMNS": "80", **(environ or {})}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callcontrol", *arguments, stdout=PIPE, stderr=PIPE, env=clean
    )


async def run(*arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the program."""
    process = await start(*arguments, environ=environ)
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def started(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """The program while it runs; killed at the end if it still does."""
    process = await start(*arguments, environ=environ)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_with(process: Process, words: str) -> str:
    """The next line of stderr that has these words."""
    assert process.stderr is not None
    async for line in process.stderr:
        if words in line.decode():
            return line.decode()
    raise AssertionError(f"ended without {words!r}")


async def test_the_demo_places_a_call_and_shows_it_to_its_end():
    status, out, err = await run("demo")
    assert (status, err) == (0, "")
    for words in ("CREATING -> RINGING", "RINGING -> ACTIVE", "-> HELD", "call ended"):
        assert words in out


async def test_sigterm_ends_the_service_cleanly(simulator: Simulator):
    environ = {
        "CALLCONTROL_NODES": f"fs1=127.0.0.1:{simulator.port}",
        "CALLCONTROL_PASSWORD": simulator.password,
    }
    async with started("serve", "--listen", "127.0.0.1:0", environ=environ) as process:
        assert json.loads(await line_with(process, '"ready"'))["level"] == "INFO"
        process.send_signal(signal.SIGTERM)
        await line_with(process, '"stopped"')
        assert await process.wait() == 0


async def test_sigterm_ends_the_service_also_when_nobody_reads_its_log(
    simulator: Simulator, tmp_path: Path
):
    environ = {
        "PATH": "/usr/bin:/bin",
        "CALLCONTROL_NODES": f"fs1=127.0.0.1:{simulator.port}",
        "CALLCONTROL_PASSWORD": simulator.password,
    }
    arguments = ("-m", "callcontrol", "serve", "--listen", f"unix:{tmp_path}/socket")
    with full_pipe() as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stderr=stderr, env=environ
        )
        try:
            async with asyncio.timeout(LIMIT_S), Client(f"unix:{tmp_path}/socket") as client:
                while not await is_alive(client):
                    pass
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@contextmanager
def full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that nobody reads and that can take no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        with suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


async def is_alive(client: Client) -> bool:
    try:
        return await client.is_serving("liveness", 0.2)
    except grpc.aio.AioRpcError:
        return False


async def test_the_simulator_runs_by_itself():
    async with started("simulate", "--listen", "127.0.0.1:0") as process:
        port = json.loads(await line_with(process, "simulating a switch"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"Content-Type: auth/request\n"
        writer.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_settings_that_cannot_be_are_told_by_name():
    environ = {"CALLCONTROL_NODES": "fs1=192.0.2.1:8021"}
    status, _, err = await run("serve", environ=environ)
    assert status == 2
    assert "CALLCONTROL_PASSWORD" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("serve", "--node", "fs1=127.0.0.1:1", "--listen"), "listen (CALLCONTROL_LISTEN)"),
        (
            ("serve", "--node", "fs1=127.0.0.1:1", "--listen", "127.0.0.1:0", "--metrics-listen"),
            "metrics_listen (CALLCONTROL_METRICS_LISTEN)",
        ),
        (("simulate", "--listen"), "--listen"),
    ],
    ids=["serve", "metrics", "simulate"],
)
async def test_a_port_that_is_taken_is_one_line(arguments: tuple[str, ...], setting: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, _, err = await run(*arguments, address)
    assert status == 1
    assert err == f"callcontrol: {setting}: cannot listen on {address}: address already in use\n"


async def test_what_is_no_switch_at_all_is_told():
    status, _, err = await run("serve")
    assert status == 2
    assert "CALLCONTROL_NODES" in err


async def test_a_misspelled_setting_is_told_beside_what_it_leaves_out():
    status, _, err = await run("serve", environ={"CALLCONTROL_NODE": "fs1=127.0.0.1"})
    assert status == 2
    assert "name a switch" in err
    assert "CALLCONTROL_NODE: there is no such setting; did you mean CALLCONTROL_NODES?" in err


@pytest.fixture
def target(stage: Stage) -> dict[str, str]:
    return {"CALLCONTROL_TARGET": f"127.0.0.1:{stage.service.port}"}


async def test_a_call_is_placed_listed_and_ended_by_hand(target: dict[str, str]):
    status, out, _ = await run("originate", "sofia/internal/answer@x", environ=target)
    call_id, outcome = out.split()
    assert (status, outcome) == (0, "answered")
    _, out, _ = await run("calls", environ=target)
    assert re.search(rf"^{call_id}  fs1 ", out, re.MULTILINE)
    _, out, _ = await run("calls", call_id, "--json", environ=target)
    assert json.loads(out)["call_id"] == call_id
    assert await run("hangup", call_id, environ=target) == (0, f"{call_id}  ended\n", "")


async def test_the_calls_of_a_switch_that_is_away_are_told_to_be_old(
    stage: Stage, target: dict[str, str]
):
    call_id = (await stage.call("sofia/internal/answer@x")).call.call_id
    async with listening(stage) as audience:
        await stage.simulator.kill()
        await audience.wait_for(
            lambda it: any(not e.node_changed.connected for e in it.of("node_changed"))
        )
    status, out, err = await run("calls", environ=target)
    assert (status, call_id in out) == (0, True)
    assert err == "fs1 is not connected; its calls are as last seen\n"


async def test_a_busy_far_end_is_told_by_the_exit_status(target: dict[str, str]):
    status, out, _ = await run("originate", "sofia/internal/busy@x", environ=target)
    assert status == 3
    assert "busy  USER_BUSY (17" in out


async def test_watching_a_node_that_is_none_ends_at_once(target: dict[str, str]):
    status, _, err = await run("watch", "--node", "typo", environ=target)
    assert status == 1
    assert "NOT_FOUND NODE_NOT_FOUND" in err


async def test_an_error_of_the_service_is_one_line(target: dict[str, str]):
    status, _, err = await run("hangup", "7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5bff", environ=target)
    assert status == 1
    assert err.startswith("callcontrol: NOT_FOUND CALL_NOT_FOUND: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["hangup", "calls"])
async def test_who_gives_the_beginning_of_an_id_is_asked_for_all_of_it(
    command: str, target: dict[str, str]
):
    status, _, err = await run(command, "7c3e0b52", environ=target)
    assert status == 1
    assert "NOT_FOUND" in err
    assert "give the whole id" in err


async def test_the_program_tells_its_version():
    status, out, _ = await run("--version")
    assert (status, out) == (0, f"callcontrol {version('callcontrol')}\n")


async def test_the_nodes_are_listed(target: dict[str, str]):
    status, out, _ = await run("nodes", environ=target)
    assert status == 0
    assert re.search(r"^fs1 +ACTIVE", out, re.MULTILINE)


async def test_conferences_and_who_is_in_them_are_listed(target: dict[str, str]):
    place = ("originate", "loopback/answer", "--to", "conference/c1")
    _, placed, _ = await run(*place, environ=target)
    call_id = placed.split()[0]

    status, out, _ = await run("conferences", environ=target)
    assert status == 0
    assert re.search(r"^c1 +fs1 +1 ", out, re.MULTILINE)
    _, out, _ = await run("conferences", "c1", environ=target)
    assert call_id in out
    status, _, err = await run("conferences", "nobody", environ=target)
    assert status == 1
    assert "CONFERENCE_NOT_FOUND" in err


async def test_calls_are_listed_by_what_holds_of_them(target: dict[str, str]):
    place = ("originate", "sofia/internal/answer@x", "--label", "team=night")
    _, placed, _ = await run(*place, environ=target)
    await run("originate", "sofia/internal/answer@x", environ=target)
    call_id = placed.split()[0]

    _, out, _ = await run("calls", "--where", "call.labels.team == 'night'", environ=target)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [call_id]
    status, _, err = await run("calls", "--where", "call.labels.team ==", environ=target)
    assert status == 1
    assert "filter" in err


async def test_a_node_drains_and_takes_calls_again(target: dict[str, str]):
    status, out, _ = await run("drain", "fs1", environ=target)
    assert status == 0
    assert re.search(r"^fs1 +DRAINING", out, re.MULTILINE)
    status, _, err = await run("originate", "loopback/answer", environ=target)
    assert status == 1
    assert "NODE_DRAINING" in err
    _, out, _ = await run("drain", "fs1", "--off", environ=target)
    assert re.search(r"^fs1 +ACTIVE", out, re.MULTILINE)


async def test_health_is_an_exit_status(stage: Stage, target: dict[str, str]):
    assert await run("health", environ=target) == (0, "readiness: serving\n", "")
    status, _, err = await run("health", "--target", "127.0.0.1:1", "--timeout", "1")
    assert status == 1
    assert "UNAVAILABLE" in err


async def test_watch_prints_a_line_an_event_into_a_pipe(stage: Stage, target: dict[str, str]):
    async with started("watch", "--count", "4", environ=target) as process:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"stream started" in line:
                break
        await stage.call("sofia/internal/busy@x")
        lines = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert "call created" in lines
    assert "\x1b" not in lines


WHERE = 'event.call_ended.cause.name == "USER_BUSY" && headers["Event-Name"] != ""'
ENDS = ("--header", "Channel-Name=sofia/*", "--name", "CHANNEL_HANGUP_COMPLETE", "--where", WHERE)


async def test_watch_shows_only_where_its_options_and_its_expression_hold(
    stage: Stage, target: dict[str, str]
):
    async with started("watch", *ENDS, "--count", "1", environ=target) as process:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"stream started" in line:
                break
        await stage.call("sofia/internal/answer@x")
        await stage.call("sofia/internal/busy@x")
        lines = (await process.stdout.read()).decode().splitlines()
    assert ["USER_BUSY" in line for line in lines] == [True]


async def test_watch_shows_by_name_also_what_is_no_more_than_a_name(
    stage: Stage, target: dict[str, str]
):
    named = ("--name", "CHANNEL_STATE", "--count", "1")
    async with started("watch", *named, environ=target) as process:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"stream started" in line:
                break
        await stage.call("sofia/internal/busy@x")
        lines = (await process.stdout.read()).decode().splitlines()
    assert ["CHANNEL_STATE" in line for line in lines][:1] == [True]


async def test_watch_says_what_is_wrong_with_an_expression(target: dict[str, str]):
    status, _, err = await run("watch", "--where", "event.nope == 1", environ=target)
    assert status == 1
    assert "FILTER_INVALID" in err
    assert "at character 6: undefined field 'nope'" in err


async def test_watch_prints_json_where_asked_for(stage: Stage, target: dict[str, str]):
    async with started("watch", "--json", "--count", "1", environ=target) as process:
        assert process.stdout is not None
        assert "started" in json.loads(await process.stdout.readline())
        await stage.call("sofia/internal/busy@x")
        message = json.loads((await process.stdout.read()).decode().splitlines()[0])
    assert message["events"][0]["position"]["node_id"] == "fs1"
