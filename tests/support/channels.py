"""Makes events as a FreeSWITCH fires them for its channels, with as few headers as matter."""

from collections.abc import Mapping
from itertools import count

from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event, HeaderValue
from callcontrol.ids import CallId, NodeId

NODE = NodeId("east")
CORE = "core-1"
START_US = 1_800_000_000_000_000


class Switch:
    """One switch process: it numbers its events, and its clock moves 20 ms with each."""

    def __init__(self, core_uuid: str = CORE) -> None:
        self.core_uuid = core_uuid
        self.numbers = count(1)
        """Of its events, also of those that answer questions."""

    def event(self, name: str, headers: Mapping[str, HeaderValue] | None = None) -> SwitchEvent:
        """Any event."""
        number = next(self.numbers)
        core: dict[str, HeaderValue] = {
            "Event-Name": name,
            "Core-UUID": self.core_uuid,
            "Event-Sequence": str(number),
            "Event-Date-Timestamp": str(START_US + number * 20_000),
        }
        return SwitchEvent(core | dict(headers or {}), "", 1_000)

    def channel(self, call_id: str, direction: str = "outbound") -> "Channel":
        """A channel of this switch."""
        return Channel(self, call_id, direction)


class Channel:
    """One channel; what its events carry is changed by hand."""

    def __init__(self, switch: Switch, call_id: str, direction: str) -> None:
        self.switch, self.call_id = switch, CallId(call_id)
        self.headers: dict[str, HeaderValue] = {
            "Unique-ID": call_id,
            "Call-Direction": direction,
            "Channel-Name": f"sofia/internal/{call_id}@example.org",
            "Channel-State": "CS_EXECUTE",
            "Answer-State": "ringing",
            "Caller-Channel-Created-Time": str(START_US),
        }
        self.variables: dict[str, HeaderValue] = {"variable_uuid": call_id}

    def event(self, name: str, **headers: HeaderValue) -> SwitchEvent:
        """One of its events; `Channel_Name=` stands for the header Channel-Name."""
        own = {header_name(key): value for key, value in headers.items()}
        if name == "CHANNEL_ANSWER":
            self.headers["Answer-State"] = "answered"
        if name == "CHANNEL_HANGUP":
            self.headers["Answer-State"] = "hangup"
        variables = {} if name in {"CHANNEL_CALLSTATE", "DTMF"} else self.variables
        return self.switch.event(name, self.headers | variables | own)

    def call_state(self, call_state: str) -> SwitchEvent:
        """CHANNEL_CALLSTATE."""
        return self.event("CHANNEL_CALLSTATE", Channel_Call_State=call_state)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> SwitchEvent:
        """CHANNEL_HANGUP."""
        self.headers["Hangup-Cause"] = cause
        return self.event("CHANNEL_HANGUP")


def header_name(keyword: str) -> str:
    """The header that a keyword argument stands for; variables keep their underscores."""
    return keyword if keyword.startswith("variable_") else keyword.replace("_", "-")


def apply_all(tracker: CallTracker, *events: SwitchEvent, node_id: NodeId = NODE) -> list[Event]:
    """Apply events in order and give them as subscribers see them."""
    return [tracker.apply(node_id, event) for event in events]
