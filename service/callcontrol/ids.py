"""Identities, each a type of its own, so that one is never taken for another."""

from typing import NewType

NodeId = NewType("NodeId", str)
"""The configured name of a FreeSWITCH."""

CoreUuid = NewType("CoreUuid", str)
"""The identity of one run of a switch process; a restart makes a new one."""

CallId = NewType("CallId", str)
"""One leg: what FreeSWITCH calls a channel, named by its UUID."""

JobId = NewType("JobId", str)
"""One bgapi command, named by the Job-UUID that we choose before we send it."""

OperationId = NewType("OperationId", str)
"""One application run by us on a call; FreeSWITCH returns it as Application-UUID."""

EventId = NewType("EventId", str)
"""One event, the same on every replica: Core-UUID and Event-Sequence."""

WorkerId = NewType("WorkerId", str)
"""One registration of a worker; a stream that is opened again makes a new one."""

OfferId = NewType("OfferId", str)
"""One call offered to one worker."""
