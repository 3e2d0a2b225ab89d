"""What the outbound listener hands over: a call whose dialplan rang at our door.

The socket application of the dialplan (outbound mode) connects to the listener and is the doorbell;
the call then waits until it goes on with the dialplan or ends.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from callcontrol.ids import CallId, CoreUuid, NodeId


class CallLine(Protocol):
    """The doorbell's end of one call; `freeswitch.call_link` has the real one."""

    @property
    def closed(self) -> asyncio.Future[str]:
        """Done, with the reason, when the doorbell is over: the call went on, ended, or was lost.

        It belongs to all who watch: to be watched by `add_done_callback`, or awaited shielded.
        """

    async def go_on(self) -> None:
        """Let the call go on with the next action of its dialplan, and end the connection.

        Ends within some seconds, whatever the switch does, and never fails. Called again, or when
        all is over, it changes nothing. Cancelled, it still happens.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArrivedCall:
    """A call that waits at the socket application of its dialplan, on a node that commands reach.

    It stays parked there while its line is open. A CHANNEL_PARK of it comes as an event too, before
    this or after it.
    """

    node_id: NodeId
    core_uuid: CoreUuid
    call_id: CallId
    application: str
    """Variable callcontrol_application, else the path that the socket was given; never empty."""
    is_named_by_path: bool
    """The application is not in the call's variable yet."""
    headers: Mapping[str, str]
    """What the switch said of the call when it arrived, decoded; an array as `ARRAY::a|:b`."""
    line: CallLine

    @property
    def closed(self) -> asyncio.Future[str]:
        """As `CallLine.closed`."""
        return self.line.closed

    async def go_on(self) -> None:
        """As `CallLine.go_on`."""
        await self.line.go_on()


class CallHandler(Protocol):
    """Takes calls that arrive."""

    def on_arrival(self, call: ArrivedCall) -> None:
        """A call is there. It is the handler's from now on: unless it ends, or the listener
        does, only `go_on` sends it on. Must not block; if it raises, the call goes on.
        """
