"""Play and stop: sound to a leg, and the proof that it is heard."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commander import Commander
from callcontrol.calls.media_uri import playback_argument
from callcontrol.calls.operations import playing
from callcontrol.calls.outcome import CallOutcome, PlayOutcome
from callcontrol.calls.payloads import (
    ApplicationFinished,
    PlaybackStarted,
    PlaybackStopped,
)
from callcontrol.calls.requests import Leg, PlaySpec, ToneSource
from callcontrol.calls.steps import Steps
from callcontrol.calls.verb import Verb
from callcontrol.calls.verbs import require_state
from callcontrol.errors import (
    CallControlError,
    CallStateConflict,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

_NOT_PLAYED = frozenset({"FILE NOT FOUND", "PLAYBACK ERROR"})


async def play(commander: Commander, spec: PlaySpec) -> PlayOutcome:
    """Play to a leg, its partner or both, after whatever was asked to play before.

    `repeat` counts runs; the switch plays only once what takes less than half a second, except
    for a single tone. Raises SwitchRefused when the sound cannot be opened, CallHasEnded when a
    listener ends before it begins, CallStateConflict without media or without a partner, and
    OutcomeUnknown when the node is lost, or takes no more, between two listeners.
    """
    checks.require_valid(checks.play_checks(spec, commander.settings))
    call = commander.tracker.require(spec.call_id, alive=True)
    argument, loops = playback_argument(spec.sources), spec.repeat or 1
    if loops != 1 and len(spec.sources) == 1 and _loops_itself(spec):
        argument, loops = f"{argument};loops={max(loops, -1)}", 1
    listeners = _listeners(commander, call, spec.leg)
    for listener in listeners:
        require_state(Verb.PLAY, listener)
    playback_id = spec.playback_id or OperationId(str(uuid4()))
    with commander.tracker.watch(*(listener.call_id for listener in listeners)) as watch:
        steps = Steps(call.node_id)
        for listener in listeners:
            message = execute(
                listener.call_id,
                "playback",
                argument,
                operation_id=playback_id,
                event_lock=True,
                loops=max(loops, -1),
            )
            with steps.step(), _queued(commander, listener.call_id, playback_id):
                await commander.send(listener, message)
        deaf = {listener.call_id for listener in listeners}

        def all_hear(event: Event) -> bool:
            if event.call_id in deaf and _is_heard(event, playback_id):
                deaf.discard(event.call_id)
            return not deaf

        confirmed = await commander.proof(watch, all_hear)
    return PlayOutcome(confirmed=bool(confirmed), call=commander.now(call), playback_id=playback_id)


async def stop_playback(
    commander: Commander, call_id: CallId, playback_id: OperationId | None = None
) -> CallOutcome:
    """Stop one playback, or with None all that plays or waits to play.

    A playback that is over is left alone, which is no error. Raises CallStateConflict if the
    playback has yet to begin, as the switch can drop only all that wait, or goes on underneath
    another one, as only the uppermost can be stopped.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.playback_id_checks(playback_id)])
    call = commander.tracker.require(call_id, alive=True)
    running = _running(commander, call_id)
    if playback_id is not None and playback_id not in running:
        if playback_id in _waiting(commander, call_id):
            raise CallStateConflict(call_id, "not playing it yet", "a playback that has begun")
        return CallOutcome(confirmed=False, call=call)
    if playback_id is not None and playback_id != running[-1]:
        raise CallStateConflict(call_id, "playing something else", "that playback uppermost")

    def stopped(event: Event) -> bool:
        return event.call_id == call_id and _ended_id(event.payload) in running

    waiting = _waiting(commander, call_id)
    with commander.tracker.watch(call_id) as watch:
        await commander.api(
            call, "uuid_break", call_id, *(() if playback_id is not None else ("all",))
        )
        if playback_id is None:
            _forget(commander, call_id, waiting)
        confirmed = bool(running) and await commander.proof(watch, stopped)
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


def _loops_itself(spec: PlaySpec) -> bool:
    """Whether the source is a tone whose own language can repeat it."""
    source = spec.sources[0]
    return isinstance(source, ToneSource) and ";" not in source.tone and "=" not in source.tone


def _listeners(commander: Commander, call: Call, leg: Leg) -> list[Call]:
    if leg is Leg.A:
        return [call]
    if call.bridged_call_id is None:
        raise CallStateConflict(call.call_id, "not bridged", "a bridged partner")
    partner = commander.tracker.require(call.bridged_call_id, alive=True)
    return [partner] if leg is Leg.B else [call, partner]


def _is_heard(event: Event, playback_id: OperationId) -> bool:
    """Whether the playback began with this event, or is over already. Raises SwitchRefused."""
    match event.payload:
        case PlaybackStarted(playback_id=started) if started == playback_id:
            return True
        case ApplicationFinished(operation_id=over, response=response) if over == playback_id:
            if response in _NOT_PLAYED:
                raise SwitchRefused(event.position.node_id, response)
            return True
        case _:
            return False


def _running(commander: Commander, call_id: CallId) -> tuple[OperationId, ...]:
    leg = commander.tracker.legs.alive(call_id)
    return playing(leg) if leg is not None else ()


@contextmanager
def _queued(commander: Commander, call_id: CallId, playback_id: OperationId) -> Iterator[None]:
    """Around asking for a playback, which may begin before the switch has answered. It waits
    until it does, unless it was refused.
    """
    leg = commander.tracker.legs.alive(call_id)
    if leg is not None:
        leg.queue_application(playback_id)
    try:
        yield
    except CallControlError as error:
        if not isinstance(error, OutcomeUnknown):
            _forget(commander, call_id, (playback_id,))
        raise


def _waiting(commander: Commander, call_id: CallId) -> tuple[OperationId, ...]:
    leg = commander.tracker.legs.alive(call_id)
    return tuple(leg.queued) if leg is not None else ()


def _forget(commander: Commander, call_id: CallId, waiting: Iterable[OperationId]) -> None:
    leg = commander.tracker.legs.alive(call_id)
    if leg is not None:
        for playback_id in waiting:
            leg.queued.pop(playback_id, None)


def _ended_id(told: object) -> OperationId | None:
    match told:
        case PlaybackStopped(playback_id=over) | ApplicationFinished(operation_id=over):
            return over
        case _:
            return None
