"""The recorded events of a busy switch as the log gets them: read, and with their meaning."""

from functools import cache
from typing import Final

from tests.support import transcripts

from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.event import Event
from callcontrol.ids import NodeId

NODE: Final = NodeId("corpus")


@cache
def corpus_events() -> tuple[Event, ...]:
    """All of them in order, some 7,000."""
    tracker, frames = CallTracker(), FrameReader().feed(transcripts.corpus("json"))
    bodies = (frame for frame in frames if frame.content_type == "text/event-json")
    parsed = (parse_event_json(frame.body, frame.size) for frame in bodies)
    return tuple(tracker.apply(NODE, event) for event in parsed if isinstance(event, SwitchEvent))
