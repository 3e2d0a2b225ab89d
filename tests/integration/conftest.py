"""A fake switch, and an observer of nodes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.fake_switch import FakeSwitch
from tests.support.node_recorder import NodeRecorder


@pytest_asyncio.fixture
async def switch() -> AsyncIterator[FakeSwitch]:
    async with FakeSwitch() as switch:
        yield switch


@pytest.fixture
def observer() -> NodeRecorder:
    return NodeRecorder()
