"""What a client is told of a call that failed, as a value: what every layer of the server needs
to know of it, and no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import grpc

from callcontrol.errors import Violation
from callcontrol.v1 import error_reason_pb2

Reason = error_reason_pb2.ErrorReason

_PREFIX: Final = "ERROR_REASON_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a client is told of a call that failed."""

    code: grpc.StatusCode
    reason: Reason.ValueType
    message: str
    """A sentence for people; programs read `reason` and `metadata`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_in_s: float | None = None
    """When the same request may be sent again; set only where nothing was sent."""
    is_definite: bool = True
    """Whether a repeat of the request id must get this answer again. False where nothing was
    done, or a repeat could do nothing, so that it may try anew."""

    @property
    def reason_name(self) -> str:
        """The reason as clients see it in ErrorInfo, without the enum's prefix."""
        return name_of(self.reason)

    @property
    def is_unknown_outcome(self) -> bool:
        """Whether what was asked may have been done, and nobody knows."""
        return self.is_definite and self.reason == Reason.ERROR_REASON_OUTCOME_UNKNOWN


def name_of(reason: Reason.ValueType) -> str:
    """A reason without the prefix that the language of the API wants."""
    return Reason.Name(reason).removeprefix(_PREFIX)
