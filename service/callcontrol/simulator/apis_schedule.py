"""API commands that do something later."""

from typing import TYPE_CHECKING

from callcontrol.simulator.apis import ApiCall, Handler, later, run_api
from callcontrol.simulator.apis_calls import NO_CHANNEL, OK
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.dial_string import split_blank
from callcontrol.simulator.private_commands import broadcast
from callcontrol.simulator.scheduled import schedule, schedule_transfer

if TYPE_CHECKING:
    from callcontrol.simulator.server import Simulator


async def _hang_up_later(simulator: "Simulator", call_id: str, cause: str) -> None:
    if (leg := simulator.switch.locate(call_id)) is not None:
        leg.hang_up(cause)


async def _broadcast_later(simulator: "Simulator", call_id: str, path: str) -> None:
    if (leg := simulator.switch.locate(call_id)) is not None:
        leg.queue(broadcast(leg, path))


async def _api_later(simulator: "Simulator", text: str) -> None:
    await run_api(simulator, text)


def _sched_hangup(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if not words:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    if len(words) < 2 or call.switch.locate(words[1]) is None:
        return NO_CHANNEL
    cause = cause_named(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    schedule(
        call.switch,
        "switch_ivr_schedule_hangup",
        words[0],
        words[1],
        _hang_up_later(call.simulator, words[1], cause),
    )
    return OK


def _sched_transfer(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if not words:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
    if len(words) < 3 or call.switch.locate(words[1]) is None:
        return NO_CHANNEL
    schedule_transfer(call.switch, words[0], words[1], words[2:5])
    return OK


def _sched_broadcast(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if len(words) < 3:
        return "-USAGE: [[+]<time>|@time] <uuid> <path> [aleg|bleg|both]\n"
    schedule(
        call.switch,
        "switch_ivr_schedule_broadcast",
        words[0],
        words[1],
        _broadcast_later(call.simulator, words[1], words[2]),
    )
    return "+OK Message scheduled\n"


def _sched_api(call: ApiCall) -> str:
    words = split_blank(call.argument, 3)
    if len(words) < 3:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    work = _api_later(call.simulator, words[2].removesuffix("&"))
    return f"+OK Added: {schedule(call.switch, 'sched_api_function', words[0], words[1], work)}\n"


def _sched_del(call: ApiCall) -> str:
    chosen = [
        scheduled
        for number, scheduled in call.switch.schedule.items()
        if call.argument in (scheduled.group, str(number))
    ]
    for scheduled in chosen:
        scheduled.task.cancel()
    return f"+OK Deleted: {len(chosen)}\n"


def _unsched_api(call: ApiCall) -> str:
    if not call.argument:
        return ""
    scheduled = call.switch.schedule.get(int(call.argument) if call.argument.isdigit() else 0)
    if scheduled is None:
        return "-ERR No such id\n"
    scheduled.task.cancel()
    return OK


SCHEDULE_APIS: dict[str, Handler] = {
    "sched_api": later(_sched_api),
    "sched_broadcast": later(_sched_broadcast),
    "sched_del": later(_sched_del),
    "sched_hangup": later(_sched_hangup),
    "sched_transfer": later(_sched_transfer),
    "unsched_api": later(_unsched_api),
}
"""The commands of this module, by name."""
