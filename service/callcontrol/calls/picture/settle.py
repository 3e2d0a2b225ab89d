"""What became of calls that were asked for and never seen, where only the switch can say."""

from collections.abc import Callable

from callcontrol.calls.picture.findings import Findings
from callcontrol.calls.picture.questions import SwitchQueries
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.events.event import Event


class Settlement:
    """Asks a node about the calls in doubt, and publishes the end of those that are not there.

    Only reads from the switch. Cancelled, or where the node cannot be asked, the rest stays in
    doubt and waits for the next time.
    """

    def __init__(self, tracker: CallTracker, publish: Callable[[Event], None]) -> None:
        self._tracker, self._findings = tracker, Findings(tracker, publish)

    async def settle(self, node: SwitchQueries) -> None:
        """Settle the doubts of one node. Raises what its `api` raises."""
        tracker = self._tracker
        for doubt in tracker.expected.doubts(node.node_id):
            call_id = doubt.call.call_id
            exists = (await node.api("uuid_exists", call_id)).strip()
            if exists == "false":  # or it has been and is over, which events tell that we take next
                await node.caught_up()
            if tracker.expected.get(call_id) is not doubt.call:
                continue  # It was seen meanwhile, or another attempt makes it.
            if exists == "false":
                self._findings.end_unborn(doubt.call, doubt.cause)
            elif not doubt.cause:
                continue  # It is there, and will be found by the comparison of all calls.
            tracker.expected.settled(call_id)
