"""Pause, go on, seek and turn up what plays.

The switch answers `+OK` whatever it makes of it (mod_commands.c uuid_fileman_function), and tells
nothing afterwards: none of this is ever proven. It acts on the file that the leg plays uppermost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding import grammar
from callcontrol.calls.media.mixing import mixed
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.picture.operations import playing
from callcontrol.errors import CallControlError, CallStateConflict, OperationNotFound
from callcontrol.ids import CallId, OperationId

MAX_SEEK_US: Final = 24 * 3_600 * 1_000_000
"""A day."""
MAX_VOLUME: Final = 4

_US_PER_MS: Final = 1_000
_NO_FILE: Final = "-ERR No file handle!"


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause, or go on."""

    paused: bool


@dataclass(frozen=True, slots=True)
class SeekBy:
    """Move forward, or back when negative, by so many microseconds."""

    by_us: int


@dataclass(frozen=True, slots=True)
class SeekTo:
    """Move to that place, microseconds from the start."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Volume:
    """As loud as that, from -4 to 4; 0 is as recorded."""

    level: int


Change = Pause | SeekBy | SeekTo | Volume


def control_checks(call_id: CallId, playback_id: str, change: Change) -> Iterator[Checked]:
    """A change to one playback."""
    yield checks.call_id_check(call_id)
    yield "playback_id", grammar.operation_id_problem(playback_id)
    match change:
        case SeekBy(by_us=by_us) if not _US_PER_MS <= abs(by_us) <= MAX_SEEK_US:
            yield "seek_by", "must be from a millisecond to a day, forward or back"
        case SeekTo(at_us=at_us) if not 0 <= at_us <= MAX_SEEK_US:
            yield "seek_to", "must be at most a day"
        case Volume(level=level) if abs(level) > MAX_VOLUME:
            yield "volume", f"must be from -{MAX_VOLUME} to {MAX_VOLUME}"
        case _:
            pass


async def control_playback(
    commander: Commander, call_id: CallId, playback_id: OperationId, change: Change
) -> CallOutcome:
    """Change how a playback goes on. Never proven.

    The switch knows one word for pause and for going on, so it is sent only where this service
    has not sent it for that playback already. Raises OperationNotFound when the leg plays nothing
    of that id, CallStateConflict while it waits, goes on underneath another one or has no file,
    and OutcomeUnknown when the node is lost between the two commands of a lower volume.
    """
    checks.require_valid(control_checks(call_id, playback_id, change))
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.CONTROL_PLAYBACK, call)
    await _require_uppermost(commander, call, playback_id)
    match change:
        case Pause(paused=paused):
            await _pause(commander, call, playback_id, paused=paused)
        case SeekBy(by_us=by_us):
            await _manage(commander, call, f"seek:{int(by_us / _US_PER_MS):+d}")
        case SeekTo(at_us=at_us):
            await _manage(commander, call, f"seek:{at_us // _US_PER_MS}")
        case Volume(level=level):
            # A sign makes it a step, so that a lower volume is one down from none.
            steps = Steps(call.node_id)
            for step in [level] if level >= 0 else [0, level]:
                with steps.step():
                    await _manage(commander, call, f"volume:{step}")
    return CallOutcome(confirmed=False, call=commander.now(call))


async def _require_uppermost(commander: Commander, call: Call, playback_id: OperationId) -> None:
    leg = commander.tracker.legs.alive(call.call_id)
    running = playing(leg) if leg is not None else ()
    if running and running[-1] == playback_id:
        return
    if playback_id in running:
        raise CallStateConflict(call.call_id, "playing something else", "that playback uppermost")
    if leg is not None and playback_id in leg.queued:
        raise CallStateConflict(call.call_id, "not playing it yet", "a playback that has begun")
    if playback_id in await mixed(commander, call):
        raise CallStateConflict(
            call.call_id, "playing it over the conversation", "a playback in its place"
        )
    raise OperationNotFound("playback", playback_id)


async def _pause(
    commander: Commander, call: Call, playback_id: OperationId, *, paused: bool
) -> None:
    leg = commander.tracker.legs.alive(call.call_id)
    known = leg.paused if leg is not None else set()
    if (playback_id in known) == paused:
        return
    # Before it is sent: who comes meanwhile must not send it once more, which would undo it.
    (known.add if paused else known.discard)(playback_id)
    try:
        await _manage(commander, call, "pause")
    except CallControlError:
        (known.discard if paused else known.add)(playback_id)
        raise


async def _manage(commander: Commander, call: Call, command: str) -> None:
    reply = await commander.reply(call, "uuid_fileman", call.call_id, command)
    if reply.startswith(_NO_FILE):
        raise CallStateConflict(call.call_id, "playing no file now", "a playback of one")
    if reply.startswith("-"):
        commander.refused(call, reply)
