"""A dial string as the argument of an application: awkward values of legs survive that too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.contract.phone import CONTEXT, Phone, State, new_id
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest
from tests.contract.test_originate_legs import AWKWARD, variables

from callcontrol.calls.encoding.dialling import as_application_argument, dial_string, leg_ids
from callcontrol.calls.requests import LoopbackEndpoint, Strategy
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import CallId

SETTINGS = ControlSettings(default_context=CONTEXT)


@asynccontextmanager
async def console(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("strategy", list(Strategy))
async def test_awkward_values_survive_a_bridge(
    phone: Phone, switch: SwitchUnderTest, count: int, strategy: Strategy
) -> None:
    leader, follower = await phone.answered(), CallId(new_id())
    own, shared = dict(AWKWARD), {"shared": "a, 'b' \\ $$ c|d", "w0": "for all"}
    endpoints = [
        LoopbackEndpoint(extension="answer", variables=own),
        LoopbackEndpoint(extension="busy", variables={"w1": "another's"}),
    ][:count]
    text = dial_string(endpoints, strategy, leg_ids(follower, count), shared, SETTINGS)
    argument = as_application_argument(text)
    async with console(switch) as client:
        await client.ask(
            f"sendmsg {leader}\ncall-command: execute\nexecute-app-name: bridge\n"
            f"execute-app-arg: {argument}"
        )
        await phone.tape.event(
            "call_state_changed",
            follower,
            lambda e: e.call_state_changed.call.state == State.STATE_ACTIVE,
        )
        await phone.tape.event("call_bridged", leader)
    read = await variables(phone, follower)
    await phone.hang_up(leader)

    assert {name: read[name] for name in own} == own
    assert read["shared"] == shared["shared"]
