"""Mute, unmute and digits: what is done to the sound of a leg while it goes on."""

from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.media.media_bugs import AUDIO, targets
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.payloads import DtmfReceived
from callcontrol.calls.requests import MediaDirection
from callcontrol.errors import CallControlError
from callcontrol.events.event import Event
from callcontrol.ids import CallId

_SILENCE: Final = 1
_UNMUTED: Final = 0
_US_PER_MS: Final = 1_000
_FROM_AN_APPLICATION: Final = "APP"
_PAUSES: Final = "wW"
_WAYS: Final = {
    MediaDirection.READ: ("read",),
    MediaDirection.WRITE: ("write",),
    MediaDirection.BOTH: ("read", "write"),
}


async def mute(
    commander: Commander,
    call_id: CallId,
    direction: MediaDirection = MediaDirection.BOTH,
    comfort_noise_level: int = 0,
) -> CallOutcome:
    """Silence a leg one way or both ways. A level of 2 or more is noise in place of silence: the
    higher, the quieter; 0 and 1 are silence.

    Confirmed only if nothing of the leg was silenced before: the switch says that something is,
    and not which way. Raises OutcomeUnknown where the node is lost, or takes no more, midway.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.mute_checks(comfort_noise_level)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.MUTE, call)
    level = str(comfort_noise_level or _SILENCE)
    before = await _is_silenced(commander, call)
    steps = Steps(call.node_id)
    for way in _WAYS[direction]:
        with steps.step():
            await commander.api(call, "uuid_audio", call_id, "start", way, "mute", level)
    confirmed = before is False and await _is_silenced(commander, call) is True
    return CallOutcome(confirmed=confirmed, call=commander.now(call))


async def unmute(
    commander: Commander, call_id: CallId, direction: MediaDirection = MediaDirection.BOTH
) -> CallOutcome:
    """Let a leg be heard again. Of one way alone the switch offers no proof."""
    checks.require_valid([checks.call_id_check(call_id)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.UNMUTE, call)
    if direction is not MediaDirection.BOTH:
        (way,) = _WAYS[direction]
        await commander.api(call, "uuid_audio", call_id, "start", way, "mute", str(_UNMUTED))
        return CallOutcome(confirmed=False, call=commander.now(call))
    await commander.api(call, "uuid_audio", call_id, "stop")
    silenced = await _is_silenced(commander, call)
    return CallOutcome(confirmed=silenced is False, call=commander.now(call))


async def send_dtmf(
    commander: Commander,
    call_id: CallId,
    digits: str,
    duration_us: int = 0,
    *,
    as_received: bool = False,
) -> CallOutcome:
    """Send digits to the far end, or pretend that it sent them. `duration_us` is for each digit,
    in microseconds, rounded down to whole milliseconds; 0 is the switch's 250 ms.

    Digits that are sent are never confirmed: the switch queues them and tells no more. Digits as
    received are, once an application of the leg reads the first.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.dtmf_checks(digits, duration_us)])
    call = commander.tracker.require(call_id, alive=True)
    verb = Verb.RECEIVE_DTMF if as_received else Verb.SEND_DTMF
    require_state(verb, call)
    timed = f"{digits}@{duration_us // _US_PER_MS}" if duration_us else digits
    if not as_received:
        await commander.api(call, "uuid_send_dtmf", call_id, timed)
        return CallOutcome(confirmed=False, call=commander.now(call))
    first = digits.lstrip(_PAUSES)[0].upper()

    def read(event: Event) -> bool:
        told = event.payload
        return (
            isinstance(told, DtmfReceived)
            and event.call_id == call_id
            and told.source == _FROM_AN_APPLICATION
            and told.digit == first
        )

    with commander.tracker.watch(call_id) as watch:
        await commander.api(call, "uuid_recv_dtmf", call_id, timed)
        confirmed = await commander.proof(watch, read)
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


async def _is_silenced(commander: Commander, call: Call) -> bool | None:
    """Whether the leg's sound is being changed; None if the switch does not say."""
    try:
        return bool(await targets(commander, call, AUDIO))
    except CallControlError:  # only read, so it is not what makes a verb fail
        return None
