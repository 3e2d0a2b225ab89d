"""Answer, hang up, hold and bridge: the verbs that change where a call is in its life."""

from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call, CallState, Direction
from callcontrol.calls.commands.commander import Commander, is_no_such_call
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.dialstring import quoted
from callcontrol.calls.outcome import BridgeOutcome, CallOutcome
from callcontrol.calls.payloads import CallBridged, CallEnded
from callcontrol.calls.placing.calling_off import CallingOff
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    CommandQueueFull,
    InvalidRequest,
    Violation,
)
from callcontrol.events.event import Event
from callcontrol.ids import CallId

# The switch suspends these on uuid_hold and says so, but then denies that they are held, so that
# nothing takes them back (switch_ivr_hold sets the flag, only a SIP endpoint the call state).
_KNOW_NO_HOLD: Final = ("loopback/", "null/")
_RETRY_WHEN_FULL_S: Final = 1.0
_UNHEARD: Final = frozenset({CallState.CREATING, CallState.RINGING})


async def answer(
    commander: Commander, call_id: CallId, *, early_media_only: bool = False
) -> CallOutcome:
    """Answer an inbound call, or only open early media on it. Nothing is sent where that is so
    already. Raises CallStateConflict for an outbound call, on which the switch would do nothing.
    """
    checks.require_valid([checks.call_id_check(call_id)])
    call = commander.tracker.require(call_id, alive=True)

    def done() -> bool:
        now = commander.now(call)
        return now.answered or (early_media_only and now.state is CallState.EARLY_MEDIA)

    if done():
        return CallOutcome(confirmed=True, call=call)
    verb = Verb.PRE_ANSWER if early_media_only else Verb.ANSWER
    require_state(verb, call)
    if call.direction is Direction.OUTBOUND:
        raise CallStateConflict(call_id, "an outbound call", "an inbound call")
    with commander.tracker.watch(call_id) as watch:
        await commander.api(call, "uuid_pre_answer" if early_media_only else "uuid_answer", call_id)
        confirmed = await commander.proof(watch, lambda _: done())
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


async def hang_up(
    commander: Commander, calling_off: CallingOff, call_id: CallId, cause: str = ""
) -> CallOutcome:
    """End a call; one that has ended is told as it ended, and one that was asked for and has yet
    to begin is ended as soon as it does. An empty cause is NORMAL_CLEARING.
    """
    checks.require_valid([checks.call_id_check(call_id), checks.cause_check(cause)])
    call = commander.tracker.require(call_id)
    if call.state is CallState.ENDED:
        return CallOutcome(confirmed=True, call=call)

    def ended(event: Event) -> Call | None:
        told = event.payload
        return told.call if isinstance(told, CallEnded) and event.call_id == call_id else None

    with commander.tracker.watch(call_id) as watch:
        if not call.is_over:
            cause = cause or "NORMAL_CLEARING"
            reply = await commander.reply(call, "uuid_kill", call_id, cause)
            # From the first sign of its end on the switch no longer finds the call.
            if reply.startswith("-") and not is_no_such_call(reply):
                commander.refused(call, reply)
            begins_later = reply.startswith("-") and commander.tracker.seen(call_id) is None
            if begins_later and not calling_off.begin(call.node_id, call_id, cause=cause):
                raise CommandQueueFull(call.node_id, calling_off.waiting, _RETRY_WHEN_FULL_S)
        try:
            call = await commander.proof(watch, ended, past_hangup=True) or commander.now(call)
        except CallHasEnded:
            call = commander.now(call)
    return CallOutcome(confirmed=call.is_over, call=call)


async def hold(commander: Commander, call_id: CallId, display: str = "") -> CallOutcome:
    """Put an answered call on hold; `display` is a text for its device to show. Raises
    CallStateConflict for a loopback call, which the switch would suspend and never take back.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.hold_checks(display)])
    call = commander.tracker.require(call_id, alive=True)
    if call.state is CallState.HELD:
        return CallOutcome(confirmed=True, call=call)
    require_state(Verb.HOLD, call)
    if call.channel_name.startswith(_KNOW_NO_HOLD):
        raise CallStateConflict(call_id, "a call within the switch", "a call of a telephone")
    with commander.tracker.watch(call_id) as watch:
        await commander.api(call, "uuid_hold", call_id, rest=quoted(display) if display else "")
        confirmed = await commander.proof(
            watch, lambda _: commander.now(call).state is CallState.HELD
        )
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


async def unhold(commander: Commander, call_id: CallId) -> CallOutcome:
    """Take a call off hold; nothing is sent for one that is not held."""
    checks.require_valid([checks.call_id_check(call_id)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.UNHOLD, call)
    if call.state is not CallState.HELD:
        return CallOutcome(confirmed=True, call=call)
    with commander.tracker.watch(call_id) as watch:
        await commander.api(call, "uuid_hold", "off", call_id)
        confirmed = await commander.proof(
            watch, lambda _: commander.now(call).state is not CallState.HELD
        )
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


async def bridge(commander: Commander, call_id: CallId, peer_call_id: CallId) -> BridgeOutcome:
    """Connect two calls of one node. Former partners of theirs are left alone, as the switch
    does. Raises CallHasEnded for the one that ends meanwhile.
    """
    checks.require_valid(
        [checks.call_id_check(call_id), checks.call_id_check(peer_call_id, "peer_call_id")]
    )
    if call_id == peer_call_id:
        raise InvalidRequest([Violation("peer_call_id", "must be another call")])
    call = commander.tracker.require(call_id, alive=True)
    peer = commander.tracker.require(peer_call_id, alive=True)
    if call.bridged_call_id == peer_call_id and peer.bridged_call_id == call_id:
        return BridgeOutcome(confirmed=True, call=call, peer=peer)
    if call.node_id != peer.node_id:
        raise CallStateConflict(peer_call_id, f"on node {peer.node_id}", f"node {call.node_id}")
    if call.state in _UNHEARD and peer.state in _UNHEARD:
        raise CallStateConflict(call_id, call.state.value, "one of the calls to have media")
    pair = {call_id, peer_call_id}

    def bridged(event: Event) -> bool:
        told = event.payload
        return isinstance(told, CallBridged) and {told.call_id, told.peer_call_id} == pair

    with commander.tracker.watch(call_id, peer_call_id) as watch:
        reply = await commander.reply(call, "uuid_bridge", call_id, peer_call_id)
        if reply.startswith("-"):
            # The switch has the same words for every reason, so our own picture decides.
            commander.refused(peer if commander.now(peer).is_over else call, reply)
        confirmed = await commander.proof(watch, bridged)
    return BridgeOutcome(
        confirmed=bool(confirmed), call=commander.now(call), peer=commander.now(peer)
    )
