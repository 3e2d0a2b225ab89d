"""One suite, two switches: the simulator, or `--switch=HOST:PORT` of a real FreeSWITCH."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.contract.phone import CONTEXT, DEADLINE_S, Phone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.app import running_service
from callcontrol.config_sources import load


@pytest.fixture
async def switch(request: pytest.FixtureRequest) -> AsyncIterator[SwitchUnderTest]:
    address: str | None = request.config.getoption("--switch")
    password: str = request.config.getoption("--switch-password")
    if address is not None:
        host, _, port = address.rpartition(":")
        yield SwitchUnderTest(host, int(port), password, is_real=True)
        return
    from callcontrol.simulator import Simulator

    async with Simulator(password=password) as simulator:
        yield SwitchUnderTest("127.0.0.1", simulator.port, password, is_real=False)


@pytest.fixture
async def phone(switch: SwitchUnderTest) -> AsyncIterator[Phone]:
    """A client of a service of its own that is connected to the switch."""
    config = load(
        {
            "nodes": f"switch={switch.host}:{switch.port}",
            "password": switch.password,
            "listen": "127.0.0.1:0",
            "default_context": CONTEXT,
            "stream_notice_s": 0,
            "stream_spread_s": 0,
        }
    )
    async with running_service(config) as service:
        async with asyncio.timeout(DEADLINE_S):
            await service.wait_ready()
        async with Phone.connect(f"127.0.0.1:{service.port}") as phone:
            yield phone
