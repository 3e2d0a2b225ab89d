"""Collect digits: play a prompt, wait for what is typed, and stop when nobody asks any more.

The switch's own application does it (`play_and_get_digits`), with all its tries, so that no digit
is lost between them.
"""

import asyncio
from contextlib import suppress
from typing import Final, Protocol
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.late_work import Work
from callcontrol.calls.commands.race import first_of
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.dialstring import unsplit
from callcontrol.calls.encoding.digit_pattern import switch_pattern
from callcontrol.calls.encoding.media_uri import playback_argument
from callcontrol.calls.media.collection import (
    INVALID_VARIABLE,
    STOP_DIGIT,
    VARIABLE,
    CollectOutcome,
    CollectSpec,
    Result,
    Verdict,
    collect_checks,
    judge,
)
from callcontrol.calls.payloads import ApplicationFinished, ApplicationStarted
from callcontrol.calls.picture.queued import queued
from callcontrol.calls.requests import MediaSource
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallControlError,
    CallHasEnded,
    InvalidRequest,
    SwitchRefused,
    Violation,
)
from callcontrol.esl.commands import SendMessage
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.ids import OperationId

_APPLICATION: Final = "play_and_get_digits"
_TERMINATOR_USED: Final = "read_terminator_used"
_NO_PROMPT: Final = "''"
"""An empty word."""
_US_PER_MS: Final = 1_000
_US_PER_S: Final = 1_000_000
_FOR_EVER_S: Final = 1e9
_STOP_AGAIN_S: Final = 0.5
"""Between the tries of one collection, each of which is stopped by itself."""


class CleanUp(Protocol):
    """Takes over what is to be done for a caller who went away."""

    def __call__(self, what: str, work: Work) -> bool:
        """False if there is too much of it already."""


async def collect_digits(
    commander: Commander, spec: CollectSpec, clean_up: CleanUp
) -> CollectOutcome:
    """Collect digits from a leg, and wait for them. Cancelled, the collection is stopped.

    Raises SwitchRefused where the prompt cannot be played, CallStateConflict where the leg is not
    answered, InvalidRequest too where the caller's deadline is shorter than the first wait.
    """
    checks.require_valid(collect_checks(spec, commander.settings))
    _require_time(spec)
    call = commander.tracker.require(spec.call_id, alive=True)
    require_state(Verb.COLLECT_DIGITS, call)
    operation_id = OperationId(str(uuid4()))
    try:
        message = execute(
            call.call_id, _APPLICATION, _argument(spec), operation_id=operation_id, event_lock=True
        )
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    try:
        verdict = await _verdict(commander, call, spec, message, operation_id)
    except CallHasEnded:
        verdict = Verdict(result=Result.CALL_ENDED)
    except asyncio.CancelledError:
        clean_up(
            f"stop collecting {operation_id}",
            lambda: stop_collecting(commander, call, operation_id),
        )
        raise
    if verdict.result is None:
        raise SwitchRefused(call.node_id, "the prompt could not be played")
    if verdict.digits and verdict.result is not Result.CALL_ENDED:
        await _forget(commander, call)
    return CollectOutcome(
        confirmed=True,
        call=commander.now(call),
        result=verdict.result,
        digits=verdict.digits,
        terminator=verdict.terminator,
    )


async def _verdict(
    commander: Commander,
    call: Call,
    spec: CollectSpec,
    message: SendMessage,
    operation_id: OperationId,
) -> Verdict:
    """Begin it and wait for its end. Raises CallHasEnded when the leg ends without a word of it,
    and OutcomeUnknown when the node is lost.
    """

    def finished(event: Event) -> Verdict | None:
        told = event.payload
        if isinstance(told, ApplicationFinished) and told.operation_id == operation_id:
            return judge(spec, event.headers)
        return None

    with commander.tracker.watch(call.call_id) as watch:
        steps = Steps(call.node_id)
        with steps.step():
            # What an entry before this one ended with would be taken for the end of this one.
            await commander.api(call, "uuid_setvar", call.call_id, _TERMINATOR_USED)
        dropped = asyncio.Event()
        with steps.step(), queued(commander, call.call_id, operation_id, dropped.set):
            await commander.send(call, message)
        return await first_of(watch.until(finished, past_hangup=True), _interrupted_by(dropped))


async def _interrupted_by(dropped: asyncio.Event) -> Verdict:
    """All that waited on the leg was dropped before it began, which no event tells."""
    await dropped.wait()
    return Verdict(result=Result.INTERRUPTED)


async def stop_collecting(commander: Commander, call: Call, operation_id: OperationId) -> None:
    """End a collection that runs, or as soon as it begins: its prompt by a break, each of its
    waits by a digit that no key has. Ends when the collection does.
    """

    def over(event: Event) -> bool:
        told = event.payload
        return isinstance(told, ApplicationFinished) and told.operation_id == operation_id

    def moves(event: Event) -> bool:
        told = event.payload
        begun = isinstance(told, ApplicationStarted) and told.operation_id == operation_id
        return begun or over(event)

    with commander.tracker.watch(call.call_id) as watch:
        while (leg := commander.tracker.legs.alive(call.call_id)) is not None:
            if operation_id in leg.queued:
                dropped = asyncio.Event()
                leg.queued[operation_id] = dropped.set
                await first_of(watch.until(moves), dropped.wait())
            elif all(operation_id != running for _, running in leg.applications):
                return
            else:
                await commander.api(call, "uuid_break", call.call_id)
                await commander.api(call, "uuid_recv_dtmf", call.call_id, STOP_DIGIT)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_STOP_AGAIN_S):
                        await watch.until(over)


def _require_time(spec: CollectSpec) -> None:
    left_s = patience_s(_FOR_EVER_S)
    if left_s * _US_PER_S < spec.timeout_us:
        problem = "must be shorter than the deadline of the call of this method"
        raise InvalidRequest([Violation("timeout", problem)])


async def _forget(commander: Commander, call: Call) -> None:
    """Leave no digits on the leg, where each later event would carry them. They are in the answer
    already, so nothing that goes wrong here matters to the caller.
    """
    for name in (VARIABLE, INVALID_VARIABLE):
        try:
            await commander.reply(call, "uuid_setvar", call.call_id, name)
        except CallControlError:
            return


def _argument(spec: CollectSpec) -> str:
    """`min max tries timeout terminators prompt invalid_prompt variable pattern digit_timeout`.

    Raises UnencodableValue for a word that would be split or unquoted; the checks let none pass.
    """
    between_us = spec.digit_timeout_us or spec.timeout_us
    words = [
        str(spec.min_digits),
        str(spec.max_digits),
        str(spec.tries),
        str(spec.timeout_us // _US_PER_MS),
        spec.terminators + STOP_DIGIT,
        _prompt(spec.prompt),
        _prompt(spec.invalid_prompt),
        VARIABLE,
        switch_pattern(spec.pattern) if spec.pattern else switch_pattern(".+"),
        str(between_us // _US_PER_MS),
    ]
    return " ".join(word if word == _NO_PROMPT else unsplit(word) for word in words)


def _prompt(sources: tuple[MediaSource, ...]) -> str:
    return playback_argument(sources) if sources else _NO_PROMPT
