"""Waiting for what happens in a conference, registered before the command that makes it happen."""

from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.calls.picture.place_watch import PlaceWatch, PlaceWatches
from callcontrol.events.event import Event

ConferenceWatch = PlaceWatch[ConferenceChanged]
"""What happens in one conference; its place is the node and the conference's name."""


class ConferenceWatches(PlaceWatches[ConferenceChanged]):
    """The watches that are entered now, found by the conferences they watch."""

    def pass_on(self, event: Event) -> None:
        """Give what an event says of a conference to those that watch it."""
        changed = event.payload
        if isinstance(changed, ConferenceChanged):
            self.tell((event.position.node_id, changed.conference_name), changed)
