"""Record a leg, leave out what is said meanwhile, and stop.

What a leg records is asked of the switch each time (`uuid_buglist`), never remembered: recordings
outlive this service, and a dialplan begins its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.dialstring import arguments, quoted, variable_block
from callcontrol.calls.encoding.recording_path import recording_path, recording_path_problem
from callcontrol.calls.media.media_bugs import RECORDING, targets
from callcontrol.calls.media.recording_id import VARIABLE, recording_id
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.payloads import RecordingStarted, RecordingStopped
from callcontrol.calls.requests import MediaDirection
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import CallStateConflict, OperationNotFound
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

SAMPLE_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Hertz; the switch ignores others without a word (switch_core.h switch_is_valid_rate)."""
MAX_DURATION_US: Final = 24 * 3_600 * 1_000_000
"""A day."""

_US_PER_S: Final = 1_000_000
_US_PER_MS: Final = 1_000
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")
_KIND: Final = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec:
    """A recording to begin."""

    call_id: CallId
    path: str = ""
    """Below the operator's root, absolute or relative to it; empty takes a name made here."""
    direction: MediaDirection = MediaDirection.BOTH
    stereo: bool = False
    """What the leg says on one track, what it hears on the other."""
    max_duration_us: int | None = None
    """Microseconds after which it stops by itself. The switch counts begun seconds: up to two
    seconds later."""
    sample_rate_hz: int = 0
    """0 is that of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOutcome(CallOutcome):
    """A recording's handle, and where it is."""

    recording_id: OperationId
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsOutcome(CallOutcome):
    """The recordings that a command was for."""

    recording_ids: tuple[OperationId, ...]


def recording_checks(spec: RecordingSpec, settings: ControlSettings) -> Iterator[Checked]:
    """What is to be recorded, and where."""
    yield checks.call_id_check(spec.call_id)
    yield "path", recording_path_problem(spec.path, settings)
    if spec.stereo and spec.direction is not MediaDirection.BOTH:
        yield "stereo", "needs both directions"
    if spec.sample_rate_hz and spec.sample_rate_hz not in SAMPLE_RATES:
        yield "sample_rate_hz", f"must be one of {', '.join(map(str, SAMPLE_RATES))}, or 0"
    if spec.max_duration_us is not None and not 0 < spec.max_duration_us <= MAX_DURATION_US:
        yield "max_duration", "must be more than 0 and at most a day"


def recording_id_checks(chosen: str | None) -> Iterator[Checked]:
    """The id of one recording, or None for all."""
    if chosen is not None:
        yield "recording_id", grammar.operation_id_problem(chosen)


async def start_recording(commander: Commander, spec: RecordingSpec) -> RecordingOutcome:
    """Begin to record a leg. Proven by RECORD_START.

    Raises CallStateConflict where the leg records to that path already, which the switch would
    take for success, and SwitchRefused where it cannot write there.
    """
    checks.require_valid(recording_checks(spec, commander.settings))
    call = commander.tracker.require(spec.call_id, alive=True)
    require_state(Verb.START_RECORDING, call)
    try:
        path = recording_path(spec.path, _name_for(commander, call), commander.settings)
        options = variable_block(_options(spec, recording_id(call.call_id, path)))
        rest = f"{arguments((path, str(_limit_s(spec))))} {options}"
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    if path in await targets(commander, call, RECORDING):
        raise CallStateConflict(call.call_id, "recorded to that path already", "another path")

    def began(event: Event) -> bool:
        told = event.payload
        return (
            event.call_id == call.call_id
            and isinstance(told, RecordingStarted)
            and told.path == path
        )

    with commander.tracker.watch(call.call_id) as watch:
        await commander.api(call, "uuid_record", call.call_id, "start", rest=rest)
        confirmed = await commander.proof(watch, began)
    return RecordingOutcome(
        confirmed=bool(confirmed),
        call=commander.now(call),
        recording_id=recording_id(call.call_id, path),
        path=path,
    )


async def mask_recording(
    commander: Commander, call_id: CallId, chosen: OperationId, *, masked: bool
) -> CallOutcome:
    """Write silence in place of what is said, or what is said again. Never proven: the switch
    tells nobody whether a recording is masked.

    Raises OperationNotFound when the leg has no such recording now.
    """
    checks.require_valid([checks.call_id_check(call_id), *recording_id_checks(chosen)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.MASK_RECORDING, call)
    paths = await _paths(commander, call, chosen)
    await _record(commander, call, "mask" if masked else "unmask", paths, chosen)
    return CallOutcome(confirmed=False, call=commander.now(call))


async def stop_recording(
    commander: Commander, call_id: CallId, chosen: OperationId | None = None
) -> RecordingsOutcome:
    """Stop one recording, or with None all that the leg has, whoever began them. Proven by
    RECORD_STOP of each, or by the switch's list when there is none.

    Raises OperationNotFound when the leg has no such recording, or has it no more.
    """
    checks.require_valid([checks.call_id_check(call_id), *recording_id_checks(chosen)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.STOP_RECORDING, call)
    paths = await _paths(commander, call, chosen)
    ids = tuple(_id_of(commander, call, path) for path in paths)
    open_paths = set(paths)

    def stopped(event: Event) -> bool:
        told = event.payload
        if event.call_id == call_id and isinstance(told, RecordingStopped):
            open_paths.discard(told.path)
        return not open_paths

    confirmed: bool | None = not paths
    if paths:
        with commander.tracker.watch(call_id) as watch:
            await _record(commander, call, "stop", ("all",) if chosen is None else paths, chosen)
            confirmed = await commander.proof(watch, stopped, past_hangup=True)
    return RecordingsOutcome(confirmed=bool(confirmed), call=commander.now(call), recording_ids=ids)


async def _record(
    commander: Commander,
    call: Call,
    action: str,
    paths: tuple[str, ...],
    chosen: OperationId | None,
) -> None:
    steps = Steps(call.node_id)
    for path in paths:
        try:
            rest = f"{action} {quoted(path)}"  # a dialplan's own may be of any characters
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        with steps.step():
            reply = await commander.reply(call, "uuid_record", call.call_id, rest=rest)
        if chosen is not None and reply.startswith(f"-ERR Cannot {action}"):
            raise OperationNotFound(_KIND, chosen)  # it ended since the list was read
        if reply.startswith("-"):
            commander.refused(call, reply)


async def _paths(commander: Commander, call: Call, chosen: OperationId | None) -> tuple[str, ...]:
    """Where the leg records now; of one recording if it is chosen: more than one place, if others
    began some while an application recorded. Raises OperationNotFound.
    """
    found = tuple(
        path
        for path in await targets(commander, call, RECORDING)
        if chosen is None or _id_of(commander, call, path) == chosen
    )
    if chosen is not None and not found:
        raise OperationNotFound(_KIND, chosen)
    return found


def _id_of(commander: Commander, call: Call, path: str) -> OperationId:
    """As its events have it: an application that records gave its own id."""
    leg = commander.tracker.legs.alive(call.call_id)
    known = leg.recordings.get(path) if leg is not None else None
    return known or recording_id(call.call_id, path)


def _options(spec: RecordingSpec, own_id: OperationId) -> dict[str, str]:
    """Variables of this recording alone, before which those of the leg count for nothing
    (switch_ivr_async.c get_recording_var). All are named, so that what was asked for is what is
    done, whatever a dialplan has set; no recording may toggle another one off.
    """
    options = {
        VARIABLE: own_id,
        "RECORD_STEREO": str(spec.stereo).lower(),
        "RECORD_READ_ONLY": str(spec.direction is MediaDirection.READ).lower(),
        "RECORD_WRITE_ONLY": str(spec.direction is MediaDirection.WRITE).lower(),
        "RECORD_TOGGLE_ON_REPEAT": "false",
    }
    if spec.sample_rate_hz:
        options["record_sample_rate"] = str(spec.sample_rate_hz)
    return options


def _limit_s(spec: RecordingSpec) -> int:
    """The switch stops at the turn of a second, up to one before so many have passed."""
    return ceil(spec.max_duration_us / _US_PER_S) + 1 if spec.max_duration_us else 0


def _name_for(commander: Commander, call: Call) -> str:
    now_us = commander.tracker.now_us()
    at = datetime.fromtimestamp(now_us // _US_PER_S, UTC).strftime("%Y%m%dT%H%M%S")
    name = _NOT_IN_A_NAME.sub("_", call.call_id)
    return f"{name}-{at}.{now_us // _US_PER_MS % 1_000:03}.wav"
