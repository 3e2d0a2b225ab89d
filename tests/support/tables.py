"""Answers questions about channels as a FreeSWITCH does from its tables, without a network."""

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count

from tests.support.channels import CORE, NODE, START_US, header_name

from callcontrol.errors import NodeUnavailable
from callcontrol.esl.commands import Api
from callcontrol.events.event import HeaderValue
from callcontrol.ids import NodeId


class SwitchTables:
    """What a switch knows about its channels, and how its tables show it.

    The tables may lag: `shown` and `shown_pairs` are what a listing gives, `channels` and `pairs`
    what there is.
    """

    def __init__(
        self, node_id: NodeId = NODE, core_uuid: str = CORE, numbers: Iterator[int] | None = None
    ) -> None:
        """`numbers` are those of answers that are events."""
        self._node_id, self.core_uuid = node_id, core_uuid
        self.channels: dict[str, dict[str, HeaderValue]] = {}
        self.shown: dict[str, str] | None = None
        self.pairs: list[tuple[str, str]] = []
        self.shown_pairs: list[tuple[str, str]] | None = None
        self.asked: list[str] = []
        self.unavailable = 0
        """How many questions no link will take before one does."""
        self.keeps_tables = True
        self.before_answer: Callable[[str], None] = lambda _: None
        """Called when an answer has been made and before it arrives."""
        self.answering = asyncio.Event()
        """Cleared to let questions wait."""
        self.answering.set()
        self.under_way: Callable[[], None] = lambda: None
        """Lets events arrive that are still under way."""
        self.catching_up = asyncio.Event()
        """Cleared to let all events after now be under way for good."""
        self.catching_up.set()
        self._numbers = numbers or count(1_000)

    @property
    def node_id(self) -> NodeId:
        return self._node_id

    def add(self, call_id: str, call_state: str = "ACTIVE", **headers: HeaderValue) -> None:
        """A channel; `Channel_Name=` stands for the header Channel-Name."""
        answer = {"ACTIVE": "answered", "HELD": "answered", "EARLY": "early"}
        own = {header_name(key): value for key, value in headers.items()}
        channel: dict[str, HeaderValue] = {
            "Unique-ID": call_id,
            "Channel-State": "CS_EXECUTE",
            "Channel-Call-State": call_state,
            "Answer-State": answer.get(call_state, "ringing"),
            "Caller-Channel-Created-Time": str(START_US),
            "variable_uuid": call_id,
            "variable_current_application": "sleep",
        }
        self.channels[call_id] = channel | own

    async def api(self, name: str, arguments: str = "") -> str:
        if self.unavailable:
            self.unavailable -= 1
            raise NodeUnavailable(self._node_id, "no command link", 0.25)
        Api(name, arguments).encode()  # as a real link does, which refuses what it cannot carry
        await self.answering.wait()
        question = f"{name} {arguments}"
        self.asked.append(question)
        answer = self._answer(name, arguments)
        self.before_answer(question)
        return answer

    async def caught_up(self) -> None:
        await self.catching_up.wait()
        arrive, self.under_way = self.under_way, lambda: None
        arrive()

    def _answer(self, name: str, arguments: str) -> str:
        if name == "show" and not self.keeps_tables:
            return "-ERR SQL disabled, no data available!\n"
        if (name, arguments) == ("show", "channels as json"):
            shown = self.shown
            if shown is None:
                shown = {
                    call: str(headers["Channel-Call-State"])
                    for call, headers in self.channels.items()
                }
            return _table([self._row(call, state) for call, state in shown.items()])
        if (name, arguments) == ("show", "bridged_calls as json"):
            pairs = self.pairs if self.shown_pairs is None else self.shown_pairs
            return _table([{"uuid": first, "b_uuid": second} for first, second in pairs])
        if name == "uuid_exists":
            return "true" if arguments in self.channels else "false"
        call_id, form = arguments.split()
        assert (name, form) == ("uuid_dump", "json")
        if call_id not in self.channels:
            return "-ERR No such channel!\n"
        number = next(self._numbers)
        core = {
            "Event-Name": "CHANNEL_DATA",
            "Core-UUID": self.core_uuid,
            "Event-Sequence": str(number),
            "Event-Date-Timestamp": str(START_US + number),
        }
        partners = dict(self.pairs) | {second: first for first, second in self.pairs}
        if call_id in partners:
            core["variable_bridge_to"] = partners[call_id]
        return json.dumps(core | self.channels[call_id])

    def _row(self, call_id: str, call_state: str) -> dict[str, str]:
        channel = self.channels.get(call_id, {})
        return {
            "uuid": call_id,
            "callstate": call_state,
            "state": str(channel.get("Channel-State", "")),
            "application": str(channel.get("variable_current_application", "")),
        }


def _table(rows: list[dict[str, str]]) -> str:
    if not rows:
        return '{"row_count": 0}\n'
    return json.dumps({"row_count": len(rows), "rows": rows})
