"""One switch that is configured under two names."""

import asyncio
import logging

import pytest
from pydantic import SecretStr
from tests.support.nodes import until
from tests.support.stage import LIMIT_S, QUICK, settings_for

from callcontrol.app import running_service
from callcontrol.config_switches import NodeEntry
from callcontrol.simulator import Simulator


async def test_two_names_of_one_switch_are_warned_of_once(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    config = settings_for(simulator)
    password = SecretStr(simulator.password)
    twin = NodeEntry(name="twin", host="127.0.0.1", port=simulator.port, password=password)
    config = config.model_copy(update={"nodes": (*config.nodes, twin)})
    async with asyncio.timeout(LIMIT_S), running_service(config, QUICK) as service:
        await until(lambda: "same switch" in caplog.text)
        await service.wait_ready()
        await simulator.kill()
        await until(lambda: "not ready" in caplog.messages)  # looked at again, and again
    (warning,) = [record for record in caplog.records if "same switch" in record.message]
    assert vars(warning)["nodes"] == ["fs1", "twin"]
