"""What ties a repeated Originate to the call of the first: an id and a fingerprint made from it.

Both follow from the request alone, so that each replica, and this one after a restart, makes the
same of it.
"""

import hashlib
from typing import Final
from uuid import UUID, uuid5

from google.protobuf.message import Message

from callcontrol.ids import CallId

_CALLS: Final = UUID("5a3d0f5e-2f0c-5c1b-9d0e-7a1c64c5b0d7")
_FINGERPRINT_LENGTH: Final = 32


def call_id_of(principal: str, request_id: str) -> CallId:
    """The id of the call that this caller's request of this id makes."""
    return CallId(str(uuid5(_CALLS, f"{principal}\0{request_id}")))


def fingerprint_of(request: Message) -> str:
    """What tells a repeat from another request with the same id: half of a SHA-256, in hex, over
    the kind of the request and the request without its id.
    """
    content = type(request)()
    content.CopyFrom(request)
    content.ClearField("request_id")
    kind = request.DESCRIPTOR.full_name.encode()
    digest = hashlib.sha256(kind + b"\0" + content.SerializeToString(deterministic=True))
    return digest.hexdigest()[:_FINGERPRINT_LENGTH]
