"""What an event of mod_conference says: the conference, what happened, and to whom.

Sources: conference_event.c conference_event_add_data, conference_member.c
conference_member_add_event_data, and where each action is fired.
"""

from typing import Final

from callcontrol.calls.conferences.ids import playback_id, recording_id
from callcontrol.calls.payloads import NO_OPERATION, ConferenceChanged
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, small_number, text

_PLAYING: Final = frozenset(
    {"play-file", "play-file-done", "play-file-member", "play-file-member-done"}
)
_RECORDING: Final = frozenset(
    {"start-recording", "stop-recording", "pause-recording", "resume-recording"}
)


def conference_changed(headers: Headers) -> ConferenceChanged | None:
    """What a CUSTOM event says of a conference; None if it is about something else."""
    if headers.get(fields.EVENT_SUBCLASS) != fields.CONFERENCE_SUBCLASS:
        return None
    action, run = text(headers, fields.ACTION), text(headers, fields.CONFERENCE_ID)
    name = text(headers, fields.CONFERENCE_NAME)
    if not action or not name:
        return None
    file, playing, recording = "", NO_OPERATION, NO_OPERATION
    if action in _PLAYING:
        file = text(headers, fields.CONFERENCE_FILE)
        playing = playback_id(run, file)
    elif action in _RECORDING:
        file = text(headers, fields.CONFERENCE_PATH)
        recording = recording_id(run, file)
    return ConferenceChanged(
        conference_name=name,
        conference_uuid=run,
        action=action,
        member_id=small_number(headers, fields.MEMBER_ID),
        member_count=small_number(headers, fields.CONFERENCE_SIZE),
        file=file,
        playback_id=playing,
        recording_id=recording,
        error=text(headers, fields.CONFERENCE_ERROR),
    )
