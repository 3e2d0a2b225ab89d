"""One suite, two switches: the simulator, or `--switch=HOST:PORT` of a real FreeSWITCH."""

from collections.abc import AsyncIterator

import pytest
from tests.contract.switch_under_test import SwitchUnderTest


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
