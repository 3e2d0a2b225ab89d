"""What is played to conferences, and what they are recorded in."""

from pathlib import PurePosixPath

from callcontrol.simulator import media
from callcontrol.simulator.conference_events import tell
from callcontrol.simulator.conference_room import Conference, RoomRecording
from callcontrol.simulator.events import Header

_NOT_OPENED = "File could not be opened for recording"
_NOT_PLAYED = "File could not be played"
_SPEECH = "say:"
"""There is no engine for it, as in the configuration of tests/freeswitch, and no event either."""


def play(room: Conference, words: list[str]) -> str:
    """`play «file» [async|«member»]`."""
    match words:
        case [path] | [path, "async"]:
            return _play_to_all(room, path, is_async=len(words) > 1)
        case [path, number, *_]:
            return _play_to_one(room, path, number)
    return "play <file_path> [async|<member_id> [nomux]]"


def _play_to_all(room: Conference, path: str, *, is_async: bool) -> str:
    async_header: Header = ("Async", "true" if is_async else "false")
    seconds = _duration(room, path)
    if seconds is None:
        if not path.startswith(_SPEECH):
            about: list[Header] = [("File", path), async_header, ("Error", _NOT_PLAYED)]
            tell(room, None, "play-file", about)
        return f"-ERR (play) File: {path} not found.\n"
    room.sounds.add(path, seconds)
    tell(room, None, "play-file", [("File", path), async_header])
    return f"+OK (play) Playing file {path}\n"


def _play_to_one(room: Conference, path: str, number: str) -> str:
    member = room.find(number)
    if member is None:
        # The switch prints a pointer here.
        return "-ERR Member: 0 not found.\nplay <file_path> [async|<member_id> [nomux]]"
    seconds = _duration(room, path)
    if seconds is None:
        return f"-ERR (play) File: {path} not found.\n"
    member.sounds.add(path, seconds)
    tell(room, member, "play-file-member", [("File", path)])
    return f"+OK (play) Playing file {path} to member {member.number}\n"


def _duration(room: Conference, path: str) -> float | None:
    return None if path.startswith(_SPEECH) else media.duration_s(path, room.switch.files)


def stop(room: Conference, words: list[str]) -> str:
    """`stop [current|all|async|last] [«member»]`; what is not `all` is not told apart here."""
    usage = "stop <[current|all|async|last]> [<member_id>]"
    match words:
        case [] | ["all" | "current" | "async"]:
            stopped = 0 if words[:1] == ["async"] else room.sounds.stop()
        case ["all" | "current" | "async", number]:
            member = room.find(number)
            if member is None:
                return f"-ERR Member: {number} not found.\n"
            stopped = member.sounds.stop()
        case _:
            return usage
    return f"+OK Stopped {stopped} files.\n"


def record(room: Conference, words: list[str]) -> str:
    """`record «path»`: taken before the file is opened."""
    if not words:
        return "record <filename>"
    path = words[0]
    if any(each.path == path for each in room.recordings):
        return f"-ERR file [{path}] is already being used for recording.\n"
    room.switch.tasks.start(_begin(room, path), f"recording of {room.name}")
    return f"+OK Record file {path}\n"


async def _begin(room: Conference, path: str) -> None:
    await room.switch.clock.sleep(0)
    about: list[Header] = [("Path", path)]
    if not room.members or not media.can_record(path) or _is_directory(room, path):
        tell(room, None, "start-recording", [*about, ("Error", _NOT_OPENED)])
        tell(room, None, "stop-recording", [*about, ("Other-Recordings", "false")])
        return
    room.recordings.append(RoomRecording(path, room.switch.clock.now_s()))
    tell(room, None, "start-recording", about)


def _is_directory(room: Conference, path: str) -> bool:
    """Whether another recording made a directory of that name; nothing is written here."""
    return any(path in map(str, PurePosixPath(each.path).parents) for each in room.recordings)


def stop_recording(room: Conference, recording: RoomRecording) -> None:
    """Close one file."""
    room.recordings.remove(recording)
    elapsed_ms = int((room.switch.clock.now_s() - recording.began_s) * 1000)
    about: list[Header] = [
        ("Path", recording.path),
        ("Other-Recordings", "true" if room.recordings else "false"),
        ("Samples-Out", str(elapsed_ms * 8)),
        ("Samplerate", "8000"),
        ("Milliseconds-Elapsed", str(elapsed_ms)),
    ]
    tell(room, None, "stop-recording", about)


def no_record(room: Conference, words: list[str]) -> str:
    """`norecord «path»|all`. The count in the reply is made before anything is stopped."""
    if not words:
        return "norecord <[filename|all]>"
    chosen = [each for each in room.recordings if words[0].lower() in ("all", each.path.lower())]
    told = "".join(f"Stopped recording file {each.path}\n" for each in chosen)
    if not chosen and words[0].lower() != "all":
        told = f"-ERR non-existant recording '{words[0]}'\n"

    async def close() -> None:
        await room.switch.clock.sleep(0)
        for each in chosen:
            if each in room.recordings:
                stop_recording(room, each)

    room.switch.tasks.start(close(), f"end of recordings of {room.name}")
    return f"{told}+OK Stopped recording 0 files\n"


def check_record(room: Conference) -> str:
    """`chkrecord`."""
    files = "".join(f"+OK Record file {each.path}\n" for each in room.recordings)
    return files or "-ERR Conference is not being recorded.\n"
