"""A whole service on a simulated switch, for programs in any language."""

from collections.abc import AsyncIterator

import pytest
from tests.support.stage import QUICK, Stage, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        Simulator("127.0.0.1", 0, password="simulated", time_scale=0.1) as simulator,
        running_service(settings_for(simulator), QUICK) as service,
    ):
        await service.wait_ready()
        async with Client(f"127.0.0.1:{service.port}") as client:
            yield Stage(simulator, service, client)


@pytest.fixture
def target(stage: Stage) -> str:
    return stage.client.target
