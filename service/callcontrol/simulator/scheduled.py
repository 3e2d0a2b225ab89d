"""What the switch has put off: a task of its scheduler, as `show tasks` lists it."""

import asyncio
import itertools
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.events import Header

if TYPE_CHECKING:
    from callcontrol.simulator.switch import Switch

_numbers = itertools.count(10)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One task. Those of a group named by a call end with the call."""

    description: str
    group: str
    due_s: int
    task: asyncio.Task[None]

    def headers(self, number: int) -> list[Header]:
        """What the SCHEDULE events say of it."""
        return [
            ("Task-ID", str(number)),
            ("Task-Desc", self.description),
            ("Task-Group", self.group),
            ("Task-Runtime", str(self.due_s)),
        ]


def schedule(
    switch: "Switch", description: str, when: str, group: str, work: Coroutine[object, object, None]
) -> int:
    """Do `work` at `when`: `+SECONDS` or an epoch; it can be deleted by the number or the group."""
    number = next(_numbers)
    now_s = switch.clock.now_s()
    text = when.lstrip("+@")
    seconds = float(text) if text.replace(".", "", 1).isdigit() else 0.0
    delay_s = seconds if when.startswith(("+", "@")) else max(seconds - now_s, 0)

    async def wait() -> None:
        try:
            await switch.clock.sleep(delay_s)
        except BaseException:
            work.close()
            raise
        await work

    task = switch.tasks.start(wait(), f"schedule {number} {group}")
    scheduled = switch.schedule[number] = Scheduled(description, group, int(now_s + delay_s), task)
    switch.tell("ADD_SCHEDULE", scheduled.headers(number))

    def forget(_: object) -> None:
        if switch.schedule.pop(number, None) is not None:
            switch.tell("DEL_SCHEDULE", scheduled.headers(number))

    task.add_done_callback(forget)
    return number


def schedule_transfer(switch: "Switch", when: str, call_id: str, place: Sequence[str]) -> int:
    """Send a leg to an extension then, if it is there still: its name, a dialplan, a context."""
    return schedule(
        switch, "switch_ivr_schedule_transfer", when, call_id, _transfer(switch, call_id, place)
    )


async def _transfer(switch: "Switch", call_id: str, place: Sequence[str]) -> None:
    from callcontrol.simulator.transfer import transfer_leg

    if (leg := switch.locate(call_id)) is not None:
        transfer_leg(leg, *place)
