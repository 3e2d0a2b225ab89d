"""Play over a conversation: both sides go on talking, and one or both hear the sound too.

The switch mixes into what the leg hears (switch_ivr_async.c write_displace_callback). It does so
as the conversation goes through the leg, so there must be one.
"""

from typing import Final
from uuid import uuid4

from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.dialstring import unsplit
from callcontrol.calls.encoding.media_uri import playback_argument
from callcontrol.calls.media.listeners import listeners
from callcontrol.calls.media.media_bugs import targets
from callcontrol.calls.media.mix_target import DISPLACE, mix_target, read_mix_target
from callcontrol.calls.media.play_checks import is_lone_tone
from callcontrol.calls.outcome import PlayOutcome
from callcontrol.calls.payloads import PlaybackStarted
from callcontrol.calls.requests import PlaySpec
from callcontrol.errors import CallStateConflict
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.ids import OperationId

_OVER: Final = "m"
_AGAIN: Final = "l"
_OVER_ALREADY: Final = "-ERR Cannot stop"


async def mix(commander: Commander, spec: PlaySpec) -> PlayOutcome:
    """Play over a conversation; the spec was checked. Proven by the tap that plays on each leg.

    Raises CallStateConflict where a listener has no conversation, SwitchRefused when the sound
    cannot be opened, and OutcomeUnknown when the node is lost between two listeners.
    """
    call = commander.tracker.require(spec.call_id, alive=True)
    hearing = listeners(commander, call, spec.leg)
    for listener in hearing:
        require_state(Verb.MIX, listener)
        if listener.bridged_call_id is None and not listener.conference_name:
            raise CallStateConflict(listener.call_id, "alone", "a conversation to play over")
    playback_id = spec.playback_id or OperationId(str(uuid4()))
    argument, flags = _argument(spec)
    try:
        target = unsplit(mix_target(playback_id, argument))
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    deaf = {listener.call_id for listener in hearing}

    def all_hear(event: Event) -> bool:
        told = event.payload
        if isinstance(told, PlaybackStarted) and told.playback_id == playback_id:
            deaf.discard(event.call_id or call.call_id)
        return not deaf

    with commander.tracker.watch(*deaf) as watch:
        steps = Steps(call.node_id)
        for listener in hearing:
            with steps.step():
                rest = f"start {target} 0 {flags}"
                await commander.api(listener, "uuid_displace", listener.call_id, rest=rest)
        confirmed = await commander.proof(watch, all_hear)
    return PlayOutcome(confirmed=bool(confirmed), call=commander.now(call), playback_id=playback_id)


async def mixed(commander: Commander, call: Call) -> dict[OperationId, str]:
    """What this service, on any replica, plays over a leg's conversation now, by its id. Raises
    as `media_bugs` does.
    """
    found = await targets(commander, call, DISPLACE)
    ours = ((read_mix_target(target)[0], target) for target in found)
    return {playback_id: target for playback_id, target in ours if playback_id}


async def stop_mixed(
    commander: Commander, call: Call, chosen: OperationId | None, steps: Steps
) -> set[OperationId]:
    """Stop one, or with None all that this service plays over a leg's conversation. Returns those
    that were not over yet.
    """
    stopped: set[OperationId] = set()
    with steps.look():
        playing = await mixed(commander, call)
    for playback_id, target in playing.items():
        if chosen not in (None, playback_id):
            continue
        with steps.step():
            rest = f"stop {unsplit(target)}"
            reply = await commander.reply(call, "uuid_displace", call.call_id, rest=rest)
        if reply.startswith(_OVER_ALREADY):
            continue
        if reply.startswith("-"):
            commander.refused(call, reply)
        stopped.add(playback_id)
    return stopped


def _argument(spec: PlaySpec) -> tuple[str, str]:
    """What is played, and the flags."""
    if is_lone_tone(spec) and spec.repeat not in (0, 1):
        return f"{playback_argument(spec.sources)};loops={max(spec.repeat, -1)}", _OVER
    if spec.repeat < 0:
        return playback_argument(spec.sources), _OVER + _AGAIN
    return playback_argument(spec.sources * max(spec.repeat, 1)), _OVER
