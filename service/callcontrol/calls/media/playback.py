"""Play and stop: sound to a leg, and the proof that it is heard."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.media_uri import playback_argument
from callcontrol.calls.media.hearing import Hearing
from callcontrol.calls.media.listeners import listeners
from callcontrol.calls.media.mixing import mix, stop_mixed
from callcontrol.calls.media.play_checks import is_lone_tone, play_checks
from callcontrol.calls.media.say import SaySource
from callcontrol.calls.media.spoken import SPEAK, spoken_application
from callcontrol.calls.outcome import CallOutcome, PlayOutcome
from callcontrol.calls.payloads import ApplicationFinished, PlaybackStopped
from callcontrol.calls.picture.operations import playing
from callcontrol.calls.picture.queued import drop, queued, waiting
from callcontrol.calls.requests import PhraseSource, PlaySpec, SpeechSource
from callcontrol.calls.settings import ControlSettings
from callcontrol.deadline import patience_s
from callcontrol.errors import CallStateConflict
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

_PLAYBACK: Final = "playback"
_SPEECH_BEGINS_S: Final = 0.3
"""After that an engine that the node lacks would have been found missing."""


async def play(commander: Commander, spec: PlaySpec) -> PlayOutcome:
    """Play to a leg, its partner or both, after whatever was asked to play before; with `mix` at
    once and over their conversation.

    `repeat` counts runs; the switch plays only once what takes less than half a second, except
    for a single tone. Speech is never proven. Raises SwitchRefused when the sound cannot be
    opened, or nothing is said; CallHasEnded when a listener ends before it begins,
    CallStateConflict without media, without a partner or, to mix, without a conversation, and
    OutcomeUnknown when the node is lost, or takes no more, between two listeners.
    """
    checks.require_valid(play_checks(spec, commander.settings))
    if spec.mix:
        return await mix(commander, spec)
    call = commander.tracker.require(spec.call_id, alive=True)
    sound = _sound(spec, commander.settings)
    hearing = listeners(commander, call, spec.leg)
    for listener in hearing:
        require_state(sound.verb, listener)
    playback_id = spec.playback_id or OperationId(str(uuid4()))
    with commander.tracker.watch(*(listener.call_id for listener in hearing)) as watch:
        steps = Steps(call.node_id)
        for listener in hearing:
            message = execute(
                listener.call_id,
                sound.application,
                sound.argument,
                operation_id=playback_id,
                event_lock=True,
                loops=sound.loops,
            )
            with steps.step(), queued(commander, listener.call_id, playback_id):
                await commander.send(listener, message)
        heard = Hearing(sound.application, playback_id, {each.call_id for each in hearing})
        confirmed = await commander.proof(watch, heard.by_all)
        if confirmed and sound.application == SPEAK:
            confirmed = False
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s(_SPEECH_BEGINS_S)):
                    await watch.until(heard.over_at_once)
    return PlayOutcome(confirmed=bool(confirmed), call=commander.now(call), playback_id=playback_id)


async def stop_playback(
    commander: Commander, call_id: CallId, playback_id: OperationId | None = None
) -> CallOutcome:
    """Stop one playback, or with None all that plays or waits to play.

    A playback that is over is left alone, which is no error. Raises CallStateConflict if the
    playback has yet to begin, as the switch can drop only all that wait, or goes on underneath
    another one, as only the uppermost can be stopped. What plays over the conversation can be
    stopped at any time.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.playback_id_checks(playback_id)])
    call = commander.tracker.require(call_id, alive=True)
    running = _running(commander, call_id)
    not_begun = waiting(commander, call_id)
    if playback_id is not None and playback_id in not_begun:
        raise CallStateConflict(call_id, "not playing it yet", "a playback that has begun")
    if playback_id is not None and playback_id in running and playback_id != running[-1]:
        raise CallStateConflict(call_id, "playing something else", "that playback uppermost")
    steps, stopping = Steps(call.node_id), set(running[-1:] if playback_id else running)

    def all_stopped(event: Event) -> bool:
        if event.call_id == call_id and (over := _ended_id(event.payload)) is not None:
            stopping.discard(over)
        return not stopping

    with commander.tracker.watch(call_id) as watch:
        if playback_id is None or playback_id in running:
            all_or_one = () if playback_id is not None else ("all",)
            with steps.step():
                await commander.api(call, "uuid_break", call_id, *all_or_one)
        else:
            stopping.clear()
        if playback_id is None:
            drop(commander, call_id, not_begun)
        if playback_id not in running:
            stopping |= await stop_mixed(commander, call, playback_id, steps)
        confirmed = bool(stopping) and await commander.proof(watch, all_stopped)
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


@dataclass(frozen=True, slots=True)
class _Sound:
    """What is run to be heard."""

    verb: Verb
    application: str
    argument: str
    loops: int


def _sound(spec: PlaySpec, settings: ControlSettings) -> _Sound:
    loops = max(spec.repeat or 1, -1)
    match spec.sources:
        case (SpeechSource() | PhraseSource() | SaySource() as spoken,):
            application, argument = spoken_application(spoken, settings)
            verb = Verb.SPEAK if application == SPEAK else Verb.SAY
            return _Sound(verb, application, argument, loops)
        case _ if loops != 1 and is_lone_tone(spec):
            argument = f"{playback_argument(spec.sources)};loops={loops}"
            return _Sound(Verb.PLAY, _PLAYBACK, argument, 1)
        case _:
            return _Sound(Verb.PLAY, _PLAYBACK, playback_argument(spec.sources), loops)


def _running(commander: Commander, call_id: CallId) -> tuple[OperationId, ...]:
    leg = commander.tracker.legs.alive(call_id)
    return playing(leg) if leg is not None else ()


def _ended_id(told: object) -> OperationId | None:
    match told:
        case PlaybackStopped(playback_id=over) | ApplicationFinished(operation_id=over):
            return over
        case _:
            return None
