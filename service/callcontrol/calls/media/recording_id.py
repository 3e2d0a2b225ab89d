"""The ids of recordings: made from the leg and the path, so that they can be found again.

The switch knows a recording by its path alone. An id that both sides of a restart, and every
replica, make alike needs no memory: who looks for it compares it with what the leg records now.
Two recordings of one leg to one path, one after the other, have the same id.
"""

from typing import Final
from uuid import UUID, uuid5

from callcontrol.ids import CallId, OperationId

_NAMESPACE: Final = UUID("5b1bb1d1-6d0c-4c0e-9d6f-2f2f1f6f7a35")

VARIABLE: Final = "callcontrol_recording_id"
"""Carries the id into the events of a recording that this service began."""


def recording_id(call_id: CallId, path: str) -> OperationId:
    """The id of the recording of a leg to a path."""
    return OperationId(str(uuid5(_NAMESPACE, f"{call_id} {path}")))
