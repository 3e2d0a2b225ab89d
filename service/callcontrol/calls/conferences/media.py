"""Playing to a conference and recording it."""

import re
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.commands.commander import cannot_be_carried
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.conferences.checks import (
    conference_play_checks,
    member_id_problem,
    record_checks,
    room_checks,
    stop_recording_checks,
)
from callcontrol.calls.conferences.conference import (
    Conference,
    ConferenceRecording,
    OperationOutcome,
)
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.conferences.ids import playback_id, recording_id
from callcontrol.calls.conferences.members import selected
from callcontrol.calls.conferences.requests import (
    ConferencePlaySpec,
    ConferenceRecordSpec,
    MembersById,
    RoomSpec,
    StopRecordingSpec,
)
from callcontrol.calls.encoding.dialstring import quoted, word
from callcontrol.calls.encoding.media_uri import playback_argument
from callcontrol.calls.encoding.recording_path import recording_path
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.calls.requests import (
    MediaSource,
    SilenceSource,
    SpeechSource,
    ToneSource,
    UriSource,
)
from callcontrol.errors import (
    ConferenceNotFound,
    MemberNotFound,
    NotImplementedYet,
    OperationNotFound,
    SwitchRefused,
)
from callcontrol.esl.errors import UnencodableValue

_STOPPED: Final = re.compile(r"^\+OK Stopped (\d{1,9}) files")


async def play(conferences: Conferences, spec: ConferencePlaySpec) -> OperationOutcome:
    """Play to all members or to one. Confirmed when the switch has opened it."""
    checks.require_valid(conference_play_checks(spec, conferences.commander.settings))
    file = _file(spec.source)
    conference = await conferences.get(spec.name, spec.node_id)
    _require_member(conference, spec.member_id)
    try:
        line = conferences.line(conference, "play", rest=quoted(file))
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    if spec.member_id:
        line += f" {spec.member_id}"
    with conferences.watch(conference.node_id, conference.name) as watch:
        if _may_block(spec.source):
            reply = await conferences.job(conference, line)
        else:
            reply = await conferences.send(conference, line)
        if reply.startswith("-ERR Member"):
            raise MemberNotFound(conference.name, str(spec.member_id))
        if not reply.startswith("+OK"):
            raise SwitchRefused(conference.node_id, reply)
        action = "play-file-member" if spec.member_id else "play-file"

        def opened(changed: ConferenceChanged) -> bool:
            return (changed.action, changed.file, changed.error) == (action, file, "")

        # Of speech there is no event.
        seen = not _is_speech(spec.source) and await conferences.proof(watch, opened)
    handle = playback_id(conference.conference_uuid, file)
    return OperationOutcome(confirmed=bool(seen), operation_id=handle, file=file)


async def stop_playback(conferences: Conferences, spec: RoomSpec, member_id: int = 0) -> Outcome:
    """Stop all that plays, to all members or to one."""
    member_check = ("member_id", member_id_problem(member_id))
    checks.require_valid([*room_checks(spec), member_check])
    conference = await conferences.get(spec.name, spec.node_id)
    _require_member(conference, member_id)
    words = ("all", str(member_id)) if member_id else ("all",)
    done = "play-file-member-done" if member_id else "play-file-done"
    with conferences.watch(conference.node_id, conference.name) as watch:
        reply = await conferences.command(conference, "stop", *words)
        stopped = _STOPPED.match(reply)
        if stopped is None:
            raise SwitchRefused(conference.node_id, reply)
        left = int(stopped[1])

        def all_over(changed: ConferenceChanged) -> bool:
            nonlocal left
            mine = not member_id or changed.member_id == member_id
            left -= changed.action == done and mine
            return left <= 0 or changed.action == "conference-destroy"

        over = left == 0 or await conferences.proof(watch, all_over)
    return Outcome(confirmed=bool(over))


async def start_recording(conferences: Conferences, spec: ConferenceRecordSpec) -> OperationOutcome:
    """Begin to record into a file, which is overwritten. Raises SwitchRefused if it cannot be."""
    settings = conferences.commander.settings
    checks.require_valid(record_checks(spec, settings))
    try:
        path = word(recording_path(spec.path, f"{spec.name}-{uuid4()}.wav", settings))
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    conference = await conferences.get(spec.name, spec.node_id)
    handle = recording_id(conference.conference_uuid, path)
    if any(each.recording_id == handle for each in conference.recordings):
        return OperationOutcome(confirmed=True, operation_id=handle, file=path)

    def begun(changed: ConferenceChanged) -> bool:
        if changed.action != "start-recording" or changed.recording_id != handle:
            return False
        if changed.error:
            raise SwitchRefused(conference.node_id, changed.error)
        return True

    with conferences.watch(conference.node_id, conference.name) as watch:
        reply = await conferences.command(conference, "record", path)
        if not reply.startswith("+OK"):
            raise SwitchRefused(conference.node_id, reply)
        confirmed = await conferences.proof(watch, begun)
    return OperationOutcome(confirmed=bool(confirmed), operation_id=handle, file=path)


async def stop_recording(conferences: Conferences, spec: StopRecordingSpec) -> Outcome:
    """Stop one recording, or all. Raises OperationNotFound for one that is not under way."""
    checks.require_valid(stop_recording_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    stopping = _recordings(conference, spec)
    if not stopping:
        return Outcome(confirmed=True)
    running = {each.recording_id for each in stopping}

    def all_over(changed: ConferenceChanged) -> bool:
        if changed.action == "stop-recording":
            running.discard(changed.recording_id)
        return not running or changed.action == "conference-destroy"

    with conferences.watch(conference.node_id, conference.name) as watch:
        steps = Steps(conference.node_id)
        try:
            for file in _files(spec, stopping):
                with steps.step():
                    await conferences.command(conference, "norecord", rest=file)
        except ConferenceNotFound:  # it has ended meanwhile, and its recordings with it
            return Outcome(confirmed=True)
        over = await conferences.proof(watch, all_over)
    return Outcome(confirmed=bool(over))


def _recordings(conference: Conference, spec: StopRecordingSpec) -> tuple[ConferenceRecording, ...]:
    if spec.recording_id is None:
        return conference.recordings
    wanted = spec.recording_id.lower()
    found = tuple(each for each in conference.recordings if each.recording_id == wanted)
    if not found:
        raise OperationNotFound("recording", spec.recording_id)
    return found


def _files(spec: StopRecordingSpec, stopping: tuple[ConferenceRecording, ...]) -> list[str]:
    if spec.recording_id is None:
        return ["all"]
    try:
        return [quoted(each.path) for each in stopping]
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc


def _require_member(conference: Conference, member_id: int) -> None:
    if member_id:
        selected(conference, MembersById((member_id,)))


def _file(source: MediaSource) -> str:
    """A source as `conference … play` takes it. Raises NotImplementedYet for kinds that it does
    not play.
    """
    match source:
        case UriSource() | ToneSource() | SilenceSource():
            return playback_argument([source])
        case SpeechSource(text=text, engine="", voice=""):
            # Not by the command `say`, which looks for itself in the name of the conference too.
            return f"say:{text}"
        case SpeechSource():
            raise NotImplementedYet("another engine or voice in a conference", "source.speech")
        case _:
            raise NotImplementedYet("phrases and saying in a conference", "source")


def _is_speech(source: MediaSource) -> bool:
    return isinstance(source, SpeechSource)


def _may_block(source: MediaSource) -> bool:
    """Whether opening it may take long: an URL is fetched, text is spoken."""
    return _is_speech(source) or (isinstance(source, UriSource) and "://" in source.uri)
