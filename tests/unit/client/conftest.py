"""A service that hands calls over, and a story for handlers to tell."""

from collections.abc import AsyncIterator

import pytest
from tests.support.fake_handing import HandingService, handing_service
from tests.support.workers import Story


@pytest.fixture
async def service() -> AsyncIterator[HandingService]:
    async with handing_service() as service:
        yield service


@pytest.fixture
def story() -> Story:
    return Story()
