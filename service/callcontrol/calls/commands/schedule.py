"""Hanging up later: a schedule of the switch for one call, and its cancelling.

`sched_hangup` does not say the number of its task. The list of tasks does, some milliseconds
later, as a database of the switch's is written behind (switch_core_sqldb.c, core_event_handler).
The number is the handle, so nothing has to be kept here: any replica, before and after a restart,
finds a schedule in the list. The tasks of a call end with it (switch_core_session.c, destroy).
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.outcome import Outcome
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallHasEnded,
    CommandQueueFull,
    NodeUnavailable,
    OperationNotFound,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId, OperationId

MAX_AFTER_S: Final = 30 * 24 * 3600
"""Seconds; a call that may last longer needs no limit."""

_A_SECOND_US: Final = 1_000_000
_SCHEDULE_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_HANGUP: Final = "switch_ivr_schedule_hangup"
"""What the switch calls such a task in its list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOutcome(Outcome):
    """A hangup that will come. `schedule_id` is None when the switch's list has not shown it."""

    schedule_id: OperationId | None
    due_us: int
    """When, in microseconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOutcome(Outcome):
    """The schedules that are cancelled."""

    schedule_ids: tuple[OperationId, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    schedule_id: OperationId
    due_s: int


def schedule_checks(after_us: int, cause: str) -> list[Checked]:
    """What is wrong with the time and the cause of a hangup to come."""
    inside = _A_SECOND_US <= after_us <= MAX_AFTER_S * _A_SECOND_US
    is_right = inside and after_us % _A_SECOND_US == 0
    problem = None if is_right else "must be whole seconds, from 1 s to 30 days"
    return [("after", problem), checks.cause_check(cause)]


class ScheduledHangups:
    """Makes and cancels schedules. The calls are the tracker's; nothing is remembered here but
    which calls are being scheduled at this moment, so that no two requests claim one task.
    """

    def __init__(
        self,
        commander: Commander,
        *,
        pause_s: float = 0.02,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._commander, self._pause_s, self._clock = commander, pause_s, clock
        self._turns: WeakValueDictionary[CallId, asyncio.Lock] = WeakValueDictionary()

    async def schedule(self, call_id: CallId, after_us: int, cause: str = "") -> ScheduleOutcome:
        """End a call after whole seconds, which the switch counts by its clock: up to one second
        less. An empty cause is ALLOTTED_TIMEOUT.

        Confirmed when the list of tasks shows it, and its number then is the handle. Raises
        CallHasEnded when the call ends before that.
        """
        checks.require_valid([checks.call_id_check(call_id), *schedule_checks(after_us, cause)])
        call = self._commander.tracker.require(call_id, alive=True)
        require_state(Verb.SCHEDULE_HANGUP, call)
        # Cancelled while it waits or works, it leaves at most a schedule that is not told.
        async with self._turns.setdefault(call_id, asyncio.Lock()):
            before = await self._tasks(call)
            after_s = after_us // _A_SECOND_US
            await self._commander.api(
                call, "sched_hangup", f"+{after_s}", call_id, cause or "ALLOTTED_TIMEOUT"
            )
            task = await self._find(call, before)
        due_s = task.due_s if task else self._clock() + after_s
        return ScheduleOutcome(
            confirmed=task is not None,
            schedule_id=task.schedule_id if task else None,
            due_us=round(due_s * _A_SECOND_US),
        )

    async def cancel(
        self, call_id: CallId, schedule_id: OperationId | None = None
    ) -> CancelOutcome:
        """Cancel one schedule of a call, or with None all, those of the dialplan included.

        The switch's word is proof: what it has counted does not run any more. Raises
        OperationNotFound for one that the call does not have, or has no more.
        """
        is_one = schedule_id is None or _SCHEDULE_ID.fullmatch(schedule_id)
        problem = None if is_one else "must be an id that ScheduleHangup gave"
        checks.require_valid([checks.call_id_check(call_id), ("schedule_id", problem)])
        call = self._commander.tracker.require(call_id, alive=True)
        require_state(Verb.CANCEL_SCHEDULED_HANGUP, call)
        tasks = await self._tasks(call)
        chosen = tasks if schedule_id is None else tasks & {schedule_id}
        steps, cancelled = Steps(call.node_id), []
        for each in sorted(chosen, key=int):
            with steps.step():
                reply = await self._commander.api(call, "sched_del", each)
            if not reply.endswith(" 0"):
                cancelled.append(each)
        if schedule_id is not None and not cancelled:
            raise OperationNotFound("scheduled hangup", schedule_id)
        return CancelOutcome(confirmed=True, schedule_ids=tuple(cancelled))

    async def _find(self, call: Call, before: set[OperationId]) -> _Task | None:
        """The task that was not there before; None if the list does not show one, or more than
        one, which then cannot be told apart. A list that cannot be had is asked for again: the
        schedule is made, and no error may say that nothing was sent.
        """
        try:
            async with asyncio.timeout(patience_s(self._commander.settings.confirm_timeout_s)):
                while True:
                    listed = list[_Task]()
                    with suppress(NodeUnavailable, CommandQueueFull, OutcomeUnknown, SwitchRefused):
                        listed = await self._listed(call)
                    new = [task for task in listed if task.schedule_id not in before]
                    if new:
                        return new[0] if len(new) == 1 else None
                    now = self._commander.now(call)
                    if now.is_over:
                        cause = now.hangup_cause.name if now.hangup_cause else ""
                        raise CallHasEnded(call.call_id, cause)
                    await asyncio.sleep(self._pause_s)
        except TimeoutError:
            return None

    async def _tasks(self, call: Call) -> set[OperationId]:
        return {task.schedule_id for task in await self._listed(call)}

    async def _listed(self, call: Call) -> list[_Task]:
        """The scheduled hangups of a call. Raises SwitchRefused for a list that is none."""
        reply = await self._commander.api(call, "show", "tasks", "as", "json")
        try:
            rows = json.loads(reply).get("rows", [])
            return [
                _Task(OperationId(row["task_id"]), int(row["task_runtime"]))
                for row in rows
                if row["task_desc"] == _HANGUP and row["task_group"] == call.call_id
            ]
        except (ValueError, AttributeError, KeyError, TypeError) as exc:
            raise SwitchRefused(call.node_id, "a list of tasks that cannot be read") from exc
