"""The end of a channel: from CHANNEL_HANGUP, already told, to the last CHANNEL_STATE."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callcontrol.simulator import bugs, recording, sip
from callcontrol.simulator.causes import q850
from callcontrol.simulator.channel import CallState, Channel, Kind, State

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def finish(leg: "Leg") -> None:
    """Walk through CS_HANGUP, CS_REPORTING and CS_DESTROY."""
    channel = leg.channel
    channel.running = State.HANGUP
    leg.tell("CHANNEL_STATE")
    recording.stop_all(leg, "success-silence")
    bugs.detach_all(leg)
    leg.set_call_state(CallState.HANGUP)
    channel.times.hangup = leg.switch.clock.tick_us()
    if leg.loopback_peer is not None:
        leg.loopback_peer.hang_up(channel.cause)
    channel.target = State.REPORTING
    leg.tell_presence()
    await asyncio.sleep(0)
    channel.running = State.REPORTING
    leg.tell("CHANNEL_STATE")
    _set_final_variables(leg)
    leg.tell("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", channel.cause)])
    await asyncio.sleep(0)
    leg.observers.clear()
    while leg.holders:
        leg.wake.clear()
        await leg.wake.wait()
    destroy(leg)


def destroy(leg: "Leg") -> None:
    """The session is freed; nothing is told of it afterwards."""
    channel = leg.channel
    channel.target = State.DESTROY
    leg.tell("CHANNEL_DESTROY")
    channel.running = State.DESTROY
    leg.tell("CHANNEL_STATE")
    leg.switch.legs.pop(channel.call_id, None)
    for scheduled in tuple(leg.switch.schedule.values()):
        if scheduled.group == channel.call_id:
            scheduled.task.cancel()
    leg.destroyed.set()


def _set_final_variables(leg: "Leg") -> None:
    channel, times = leg.channel, leg.channel.times
    channel.set("hangup_cause", channel.cause)
    channel.set("hangup_cause_q850", str(q850(channel.cause)))
    channel.set("digits_dialed", "none")
    _set_stamps(channel)
    if channel.application:
        channel.set("last_app", channel.application)
        channel.set("last_arg", channel.application_data)
    channel.set("caller_id", _caller_id(channel))
    answered = times.answered or times.hangup
    progress = times.progress or times.created
    progress_media = times.progress_media or times.created
    spans_us = {
        "duration": times.hangup - times.created,
        "bill": times.hangup - answered,
        "progress": progress - times.created,
        "answer": (times.answered or times.created) - times.created,
        "wait": (times.bridged or times.created) - times.created,
        "progress_media": progress_media - times.created,
        "flow_bill": times.hangup - answered,
    }
    for unit, divisor, prefix in (("sec", 1_000_000, ""), ("msec", 1000, "m"), ("usec", 1, "u")):
        for name, span in spans_us.items():
            label = f"{prefix}duration" if name == "duration" else f"{name}{unit}"
            channel.set(label, str(span // divisor))
    if channel.kind in (Kind.LOOPBACK_A, Kind.LOOPBACK_B):
        channel.set("is_loopback", "1")
    if channel.kind.is_sofia:
        sip.set_at_end(channel)


def _set_stamps(channel: Channel) -> None:
    times, profile = channel.times, channel.profile
    stamped = [("start", times.created), ("profile_start", profile.created_us)]
    stamped += [("answer", times.answered)] if times.answered else []
    stamped += [("bridge", times.bridged)] if times.bridged else []
    stamped += [("progress", times.progress)] if times.progress else []
    stamped += [("progress_media", times.progress_media)] if times.progress_media else []
    for name, at in [*stamped, ("end", times.hangup)]:
        stamp = datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        channel.set(f"{name}_stamp", stamp)
    epochs = [("start", times.created), ("profile_start", profile.created_us)]
    epochs += [("answer", times.answered), ("bridge", times.bridged)]
    epochs += [("last_hold", times.last_hold)]
    _set_epochs(channel, epochs)
    channel.set("hold_accum_seconds", str(times.hold_accum // 1_000_000))
    channel.set("hold_accum_usec", str(times.hold_accum))
    channel.set("hold_accum_ms", str(times.hold_accum // 1000))
    rest = [("resurrect", times.resurrect), ("progress", times.progress)]
    rest += [("progress_media", times.progress_media), ("end", times.hangup)]
    _set_epochs(channel, rest)


def _set_epochs(channel: Channel, moments: list[tuple[str, int]]) -> None:
    for name, at in moments:
        channel.set(f"{name}_epoch", str(at // 1_000_000))
        channel.set(f"{name}_uepoch", str(at))


def _caller_id(channel: Channel) -> str:
    profile = channel.profile
    if profile.caller_id_name:
        return f'"{profile.caller_id_name}" <{profile.caller_id_number}>'
    return profile.caller_id_number
