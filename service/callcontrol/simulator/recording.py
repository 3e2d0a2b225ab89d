"""Recordings of a leg: their events and variables."""

from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.bugs import Bug, attach, detach

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_FRAME_US = 20_000
"""What is shorter has nothing in it, and leaves no file."""


def start(
    leg: "Leg", path: str, limit_s: float = 0, variables: tuple[tuple[str, str], ...] = ()
) -> bool:
    """Record to `path`, at most `limit_s` seconds if above 0; False when it cannot be written."""
    if any(recording.path == path for recording in leg.recordings):
        return True
    if not leg.channel.has_media or not media.can_record(path):
        return False
    recording = media.Recording(path, leg.switch.clock.now_us(), variables)
    leg.recordings.append(recording)
    leg.tell("RECORD_START", after=[("Record-File-Path", path), *recording.headers()])
    attach(leg, _bug(path))
    if limit_s > 0:
        leg.switch.tasks.start(_stop_later(leg, recording, limit_s), f"recording limit {path}")
    return True


async def _stop_later(leg: "Leg", recording: media.Recording, limit_s: float) -> None:
    await leg.switch.clock.sleep(limit_s)
    if recording in leg.recordings:
        _stop(leg, [recording], "success-maxtime")


def stop(leg: "Leg", path: str, cause: str = "success-maxtime") -> bool:
    """Stop the recording to `path`, or `all`; False when there is none."""
    chosen = [one for one in leg.recordings if path in ("all", one.path)]
    _stop(leg, chosen, cause)
    return bool(chosen)


def stop_all(leg: "Leg", cause: str) -> None:
    """The call ends, and its recordings with it."""
    stop(leg, "all", cause)


def _stop(leg: "Leg", recordings: list[media.Recording], why: str) -> None:
    for recording in recordings:
        leg.recordings.remove(recording)
        lasted_us = leg.switch.clock.now_us() - recording.started_us
        is_empty = lasted_us < _FRAME_US
        if not is_empty:
            leg.switch.files[recording.path] = lasted_us / 1_000_000
        cause = "empty-file" if is_empty else why
        _set_variables(leg, recording, cause)
        about = [("Record-File-Path", recording.path), *recording.headers()]
        leg.tell("RECORD_STOP", after=[*about, ("Record-Completion-Cause", cause)])
    for recording in recordings:
        detach(leg, _bug(recording.path))


def _set_variables(leg: "Leg", recording: media.Recording, cause: str) -> None:
    lasted_ms = (leg.switch.clock.now_us() - recording.started_us) // 1000
    channel = leg.channel
    channel.set("record_file_size", str(lasted_ms * 16 + 44))
    channel.set("record_samples", str(lasted_ms * 8))
    channel.set("record_seconds", str(lasted_ms // 1000))
    channel.set("record_ms", str(lasted_ms))
    channel.set("record_completion_cause", cause)


def _bug(path: str) -> Bug:
    return Bug("session_record", path)
