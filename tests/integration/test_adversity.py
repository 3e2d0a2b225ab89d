"""Many commands while links are cut, stalled and lied to: each ends, once, with the truth."""

import asyncio
import random

import pytest
from tests.support.fake_switch import GARBAGE, HALF_A_FRAME, FakeSwitch
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import QUICK, connected, until

from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.freeswitch.node import Node

CANCELLED = "cancelled by its caller"


async def _misbehave(switch: FakeSwitch, chance: random.Random) -> None:
    """Answer commands with their own text, mostly."""
    while True:
        received = await switch.commands.get()
        match chance.randrange(40):
            case 0:
                received.line.cut()
            case 1:
                received.line.reset()
            case 2:
                received.line.write(GARBAGE)
            case 3:
                received.line.cut(HALF_A_FRAME)
            case 4:
                switch.silence(received.line)
            case 5:
                received.answer(received.text)
                received.answer("an answer too many")
            case _:
                received.answer(received.text)


async def _ask(node: Node, number: int, chance: random.Random) -> str | Exception:
    """Ask with a text of its own; now and then give up early."""
    patience_s = chance.choice([0.0, 0.001, 0.01, 5.0, 5.0, 5.0, 5.0, 5.0])
    try:
        async with asyncio.timeout(patience_s):
            return await node.api("echo", str(number))
    except TimeoutError:
        return CANCELLED
    except (NodeUnavailable, OutcomeUnknown, CommandQueueFull) as error:
        return error


@pytest.mark.parametrize("seed", range(3))
async def test_each_command_is_sent_at_most_once_and_ends_with_the_truth(
    seed: int, switch: FakeSwitch, observer: NodeRecorder
) -> None:
    chance = random.Random(seed)
    async with connected(switch, observer, QUICK, command_links=3) as node:
        misbehaving = asyncio.create_task(_misbehave(switch, chance))
        outcomes: list[str | Exception] = []
        for batch in range(40):
            await until(lambda: node._pool.is_available)
            asking = [
                asyncio.create_task(_ask(node, batch * 10 + place, chance)) for place in range(10)
            ]
            await asyncio.wait(asking)
            outcomes += [task.result() for task in asking]
        misbehaving.cancel()
        await asyncio.wait([misbehaving])
    for number, outcome in enumerate(outcomes):
        command = f"api echo {number}"
        times = switch.seen.count(command)
        assert times <= 1
        match outcome:
            case NodeUnavailable() | CommandQueueFull():
                assert times == 0, "the error said that nothing was sent"
            case str() if outcome != CANCELLED:
                assert outcome == command, "the answer was that of another command"
    assert any(isinstance(outcome, OutcomeUnknown) for outcome in outcomes)
    assert sum(isinstance(outcome, str) for outcome in outcomes) > 200
