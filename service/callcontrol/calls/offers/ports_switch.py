"""What the desk needs of the switches: claims on calls, and what is done to calls."""

from dataclasses import dataclass
from typing import Protocol

from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.requests import Destination
from callcontrol.ids import CallId, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the switch remembers of a handed-over call, whichever replica dealt with it."""

    application: str = ""
    worker_name: str = ""
    """The worker that has the call; empty for none."""
    worker_id: str = ""
    """Its registration that got the call last."""
    lost_policy: LostWorkerPolicy | None = None
    """What that worker wants to become of it."""
    onward: bool = False
    """It was sent on with the dialplan."""
    is_guarded: bool = False
    """The switch takes it out of the park by itself."""


class Claims(Protocol):
    """Which replica deals with a call: at most one at a time. All raise CallControlError when the
    switch cannot be asked.
    """

    async def take(self, node_id: NodeId, call_id: CallId) -> str:
        """Claim a call that nobody has, or that is ours already: empty. Else who has it."""

    async def take_over(self, node_id: NodeId, call_id: CallId, holder: str) -> str:
        """Claim a call that `holder` has. Empty, or who has it, as another one may be first."""

    async def leave(self, node_id: NodeId, call_id: CallId) -> None:
        """Give up our claim, if we have it."""

    async def give_back(self, node_id: NodeId, call_id: CallId, holder: str) -> None:
        """Give up our claim, if we have it, for the replica that had it before."""

    def may_count_as_gone(self, node_id: NodeId) -> bool:
        """Whether others may have taken our claims over, as we gave no sign of life lately."""

    async def is_gone(self, node_id: NodeId, holder: str) -> bool:
        """Whether that replica is known to be no more, or to have no link to the node for long."""


class Hands(Protocol):
    """What is done to calls themselves. Each raises CallControlError; CallHasEnded and CallNotFound
    where there is nothing more to do.
    """

    def check(self, destination: Destination) -> None:
        """Raise InvalidRequest or CommandNotAllowed for a place where no call can be sent."""

    async def standing(self, call_id: CallId) -> Standing:
        """Ask the switch what it remembers of a call."""

    async def note_owner(self, call_id: CallId, owner: Standing) -> None:
        """Have the switch remember whose call it is."""

    async def note_onward(self, call_id: CallId) -> None:
        """Have the switch remember that the call was sent on, and is nobody's."""

    async def take_off_guard(self, call_id: CallId) -> bool:
        """Keep the switch from taking the call out of the park by itself. Whether it was to; then
        it may be doing so at this moment.
        """

    async def note_free(self, call_id: CallId, application: str) -> None:
        """Have the switch remember that the call is nobody's, and looks for a worker."""

    async def play_music(self, call_id: CallId, media: str) -> None:
        """Begin to play to a call that waits, unless it hears something already."""

    async def stop_music(self, call_id: CallId) -> None:
        """End that."""

    async def transfer(self, call_id: CallId, destination: Destination) -> None:
        """Send a call elsewhere."""

    async def hang_up(self, call_id: CallId) -> None:
        """End a call."""
