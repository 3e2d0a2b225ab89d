"""One suite, two switches: the simulator, or `--switch=HOST:PORT` of a real FreeSWITCH."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from tests.contract.phone import CONTEXT, DEADLINE_S, RECORDING_ROOT, SWITCH_HOSTS, Phone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.app import running_service
from callcontrol.config import Config
from callcontrol.config_sources import load
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.simulator import Simulator


def read_until(connection: socket.socket, words: bytes) -> bytes:
    """What a switch says, up to these words."""
    said = b""
    while words not in said and (piece := connection.recv(4096)):
        said += piece
    return said


def end_all_calls(connection: socket.socket) -> None:
    """Have the switch end all its calls, and wait a while until it has."""
    connection.sendall(b"api hupall\n\n")
    for _ in range(20):
        connection.sendall(b"api show channels count\n\n")
        if b"\n0 total." in read_until(connection, b" total."):
            return
        connection.sendall(b"api msleep 100\n\n")


@pytest.fixture(scope="session")
def named_switch(request: pytest.FixtureRequest) -> SwitchUnderTest | None:
    """The real switch that was named; tried once, so that a typing error does not cost an hour.

    Calls that a run has left which was broken off are ended: workers would be offered them.
    """
    address: str | None = request.config.getoption("--switch")
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    password: str = request.config.getoption("--switch-password")
    try:
        with socket.create_connection((host, int(port)), timeout=3) as connection:
            connection.sendall(f"auth {password}\n\n".encode())
            greeting = read_until(connection, b"Reply-Text")
            if b"+OK accepted" in greeting:
                end_all_calls(connection)
    except (OSError, ValueError) as error:
        pytest.exit(f"--switch={address}: {error}", returncode=4)
    if b"+OK accepted" not in greeting:
        pytest.exit(f"--switch={address} does not take the password (--switch-password)", 4)
    SWITCH_HOSTS.append(host)
    return SwitchUnderTest(host, int(port), password, is_real=True)


@pytest.fixture
async def switch(
    request: pytest.FixtureRequest, named_switch: SwitchUnderTest | None
) -> AsyncIterator[SwitchUnderTest]:
    if named_switch is not None:
        yield named_switch
        return
    password: str = request.config.getoption("--switch-password")
    async with Simulator(password=password) as simulator:
        yield SwitchUnderTest(
            "127.0.0.1", simulator.port, password, is_real=False, simulator=simulator
        )


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    """Settings of the service beside those that every test needs; a module may have its own."""
    return {}


def config_for(switch: SwitchUnderTest, settings: Mapping[str, object]) -> Config:
    """What a service needs that is to be connected to the switch."""
    return load(
        {
            "nodes": f"switch={switch.host}:{switch.port}",
            "password": switch.password,
            "listen": "127.0.0.1:0",
            "default_context": CONTEXT,
            "recording_root": RECORDING_ROOT,
            "stream_notice_s": 0,
            "stream_spread_s": 0,
            **settings,
        }
    )


@asynccontextmanager
async def connected_phone(
    switch: SwitchUnderTest, settings: Mapping[str, object], timings: LinkTimings | None = None
) -> AsyncIterator[Phone]:
    """A client of a service of its own that is connected to the switch."""
    async with running_service(config_for(switch, settings), timings) as service:
        async with asyncio.timeout(DEADLINE_S):
            await service.wait_ready()
        async with Phone.connect(f"127.0.0.1:{service.port}") as phone:
            yield phone


@pytest.fixture
async def phone(
    switch: SwitchUnderTest, service_settings: Mapping[str, object]
) -> AsyncIterator[Phone]:
    """A client of the service under test."""
    async with connected_phone(switch, service_settings) as phone:
        yield phone


@pytest.fixture
async def other(
    switch: SwitchUnderTest, service_settings: Mapping[str, object]
) -> AsyncIterator[Phone]:
    """A client of another replica: a service with the same settings on the same switch."""
    async with connected_phone(switch, service_settings) as phone:
        yield phone
