"""Ids of what plays and is recorded in a conference, for which the switch itself has none.

They are made from what every event and every listing tells, the run of the conference and the
file, so that each replica gives the same one, also after a restart. The same sound played twice in
one run of a conference has one id.
"""

from typing import Final
from uuid import UUID, uuid5

from callcontrol.ids import OperationId

_NAMESPACE: Final = UUID("6d1b0a5e-3c0f-5d8e-8a51-5f2f3f6f0c27")


def playback_id(conference_uuid: str, file: str) -> OperationId:
    """The id of a file or tone that is played in a run of a conference."""
    return _made_from(conference_uuid, "playback", file)


def recording_id(conference_uuid: str, path: str) -> OperationId:
    """The id of a file that a run of a conference is recorded in.

    A conference with video puts parameters in braces before the path in its events, but not in its
    listing (conference_record.c conference_record_thread_run), so they do not count.
    """
    return _made_from(conference_uuid, "recording", path.rpartition("}")[2].lstrip(" "))


def _made_from(conference_uuid: str, kind: str, file: str) -> OperationId:
    plain = file.encode(errors="replace").decode()
    return OperationId(str(uuid5(_NAMESPACE, f"{conference_uuid}/{kind}/{plain}")))
