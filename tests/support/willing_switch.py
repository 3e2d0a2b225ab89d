"""A switch that says yes to everything, and keeps the bytes that it was sent."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from tests.support.willing_answers import BRIDGED, CALLS, HELD, PARTNER, PLAYING, RINGING, answer

from callcontrol.calls.control import CallControl
from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import NodeNotFound
from callcontrol.esl.commands import Api, BackgroundApi, Command
from callcontrol.esl.messages import HeaderValue, Reply, SwitchEvent
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.observer import NodeObserver
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import CallId, JobId, NodeId
from callcontrol.rpc.event_service import EventService, StreamLimits
from callcontrol.rpc.handlers import Handlers
from callcontrol.rpc.recorder import NoRecorder
from callcontrol.rpc.served import api_handlers

NODE = NodeId("fs1")
CORE = "c0000000-0000-4000-8000-000000000000"
PLAYBACK = "12345678-0000-4000-8000-123456789abc"
"""What plays to one of the calls."""
ALLOWED = ControlSettings(
    confirm_timeout_s=0.000_5,
    media_roots=("/srv/sounds",),
    media_prefixes=("local_stream://", "https://media.example.org/"),
    recording_root="/srv/recordings",
    raw_dial_strings=(re.compile(".*"),),
    raw_apis=(read_permission("markapi .*"), read_permission("status")),
    publish_subclasses=("mark*",),
    raw_applications=(read_permission("markapp .*"), read_permission("park")),
)
"""All that an operator can allow, as far as it does not allow everything."""


class DoneJob:
    """A job that is over."""

    def __init__(self, output: str) -> None:
        self._output = output

    async def result(self) -> str:
        """Its output."""
        return self._output


@dataclass
class WillingNode:
    """Takes every command."""

    packets: list[bytes] = field(default_factory=list)
    node_id: NodeId = NODE
    draining: bool = False
    is_ready: bool = True
    core_uuid: str = CORE

    def __post_init__(self) -> None:
        # cast: it never runs, so nobody observes it.
        idle = NodeSettings(node_id=NODE, host="192.0.2.1", password="unused")
        self.status = Node(idle, cast("NodeObserver", None)).status
        self.settings = idle

    def require_open(self, calls: int) -> None:
        """It always takes one more."""

    async def api(self, name: str, arguments: str = "") -> str:
        """Say yes."""
        self.packets.append(Api(name, arguments).encode())
        return answer(name, arguments)

    async def command(self, command: Command) -> Reply:
        """Say yes."""
        self.packets.append(command.encode())
        return Reply("+OK")

    async def start_job(
        self, name: str, arguments: str, job_id: JobId, on_sent: Callable[[], None] = lambda: None
    ) -> DoneJob:
        """Begin and end it."""
        self.packets.append(BackgroundApi(name, arguments, job_id).encode())
        on_sent()
        return DoneJob(answer(name, arguments))


@dataclass
class WillingFleet:
    """One willing node."""

    node: WillingNode

    @property
    def nodes(self) -> tuple[WillingNode, ...]:
        """It."""
        return (self.node,)

    def get(self, node_id: NodeId) -> WillingNode:
        """It, by its name."""
        if node_id != self.node.node_id:
            raise NodeNotFound(node_id)
        return self.node

    def choose(self, calls_on: Callable[[NodeId], int]) -> WillingNode:
        """It."""
        return self.node


class Desk:
    """The whole service above a willing switch, without a server: handlers by their names."""

    def __init__(self) -> None:
        self.node = WillingNode()
        fleet = WillingFleet(self.node)
        self.tracker, log = CallTracker(), EventLog()
        self.control = CallControl(fleet, self.tracker, ALLOWED)
        limits = StreamLimits(max_streams=1, max_streams_per_peer=1)
        # cast: a fleet as far as the handlers ask for one.
        whole = cast("Fleet", fleet)
        events = EventService(
            log, whole.get, limits=limits, recorder=NoRecorder(), server_version=""
        )
        self.services: dict[str, Handlers] = api_handlers(
            self.control, self.tracker, log, whole, events
        )
        self._sequence = count(1)
        self._make_calls()

    def _make_calls(self) -> None:
        for call_id in CALLS:
            self._happen("CHANNEL_CREATE", call_id)
            self._happen("CHANNEL_PROGRESS", call_id)
            if call_id != RINGING:
                self._happen("CHANNEL_ANSWER", call_id, Answer_State="answered")
        self._happen(
            "CHANNEL_BRIDGE", BRIDGED, Bridge_A_Unique_ID=BRIDGED, Bridge_B_Unique_ID=PARTNER
        )
        self._happen("CHANNEL_HOLD", HELD)
        playback = {"Application": "playback", "Application_UUID": PLAYBACK}
        self._happen("CHANNEL_EXECUTE", PLAYING, **playback)
        self._happen("PLAYBACK_START", PLAYING, **playback)

    def _happen(self, name: str, call_id: CallId, **headers: HeaderValue) -> None:
        told: dict[str, HeaderValue] = {
            "Event-Name": name,
            "Core-UUID": CORE,
            "Event-Sequence": str(next(self._sequence)),
            "Unique-ID": call_id,
            "Call-Direction": "inbound",
            "Channel-Name": f"sofia/internal/{call_id[:4]}@example.org",
            "Caller-Channel-Name": f"sofia/internal/{call_id[:4]}@example.org",
        }
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.tracker.apply(NODE, SwitchEvent(told))


async def settle() -> None:
    """Let what was begun on the way end."""
    await asyncio.sleep(0)
