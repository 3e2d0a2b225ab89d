"""A whole service on a simulated switch, and clients over real gRPC."""

from collections.abc import AsyncIterator

import pytest
from tests.support.stage import QUICK, Stage, settings_for
from tests.support.trio import Trio, three_nodes

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator("127.0.0.1", 0, password="simulated", time_scale=0.05) as simulator:
        yield simulator


@pytest.fixture
async def stage(simulator: Simulator) -> AsyncIterator[Stage]:
    async with running_service(settings_for(simulator), QUICK) as service:
        await service.wait_ready()
        async with Client(f"127.0.0.1:{service.port}") as client:
            yield Stage(simulator, service, client)


@pytest.fixture
async def trio() -> AsyncIterator[Trio]:
    async with three_nodes() as trio:
        yield trio
