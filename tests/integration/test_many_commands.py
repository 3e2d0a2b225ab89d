"""Commands by the thousand on a wire that breaks: none is mixed up, sent twice or forgotten.

`tests/soak/commands.py` does the same with a hundred thousand.
"""

from tests.support.torture import scene, torment
from tests.support.torture_commands import EVERY_KIND

COMMANDS = 2_000


async def test_no_command_is_mixed_up_sent_twice_or_forgotten_while_the_wire_breaks() -> None:
    async with scene(seed=1) as stage:
        findings = await torment(stage, EVERY_KIND, COMMANDS)
        seen, lost_links = stage.proxy.seen, stage.node.counters.lost_links
    assert findings.problems(seen) == []
    assert findings.commands == COMMANDS
    assert lost_links > 0
    assert {"done", "given up", "OutcomeUnknown"} <= findings.outcomes.keys()
