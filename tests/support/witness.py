"""What a real switch says of calls itself, over a connection that nobody else uses.

The times are those that the switch gives its events, as it tells them up to 20 ms later.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.contract.raw_client import RawClient


@dataclass
class Witnessed:
    """One call as the switch told it; times are of this machine's monotonic clock."""

    call_id: str
    sip_call_id: str
    began_s: float
    parked_s: list[float] = field(default_factory=list)
    unparked_s: list[float] = field(default_factory=list)
    answered_s: float | None = None
    media_port: int = 0
    """From which the switch sends."""
    played: list[tuple[float, str]] = field(default_factory=list)
    """When which file began."""
    events: list[tuple[str, int]] = field(default_factory=list)
    """Name and Event-Sequence of every event of the call, as they came."""
    ended_s: float | None = None
    cause: str = ""
    who_hung_up: str = ""
    """In the switch's words: recv_bye for the caller, send_bye for the switch."""
    destroyed: bool = False

    def first_played(self, words: str) -> float | None:
        """When a file with these words in its name began."""
        return next((at_s for at_s, file in self.played if words in file), None)


@dataclass
class Witness:
    """All calls from telephones since it looks."""

    bare: RawClient
    """For commands."""
    calls: dict[str, Witnessed] = field(default_factory=dict)
    on_answer: Callable[[Witnessed], None] = lambda _: None

    async def watch(self, client: RawClient) -> None:
        """Take events until the connection ends."""
        while True:
            frame = await client.frame()
            if frame.kind == "text/event-json":
                self._take(frame.event)

    def _take(self, event: dict[str, str]) -> None:
        name, call_id = event["Event-Name"], event.get("Unique-ID", "")
        at_s = int(event["Event-Date-Timestamp"]) / 1e6 - time.time() + time.monotonic()
        if name == "CHANNEL_CREATE" and event.get("Call-Direction") == "inbound":
            sip_call_id = event.get("variable_sip_call_id", "")
            self.calls[call_id] = Witnessed(call_id, sip_call_id, at_s)
        call = self.calls.get(call_id)
        if call is None:
            return
        call.events.append((name, int(event["Event-Sequence"])))
        match name:
            case "CHANNEL_PARK":
                call.parked_s.append(at_s)
            case "CHANNEL_UNPARK":
                call.unparked_s.append(at_s)
            case "CHANNEL_ANSWER":
                call.answered_s = at_s
                call.media_port = int(event.get("variable_local_media_port", "0"))
                self.on_answer(call)
            case "PLAYBACK_START":
                call.played.append((at_s, event.get("Playback-File-Path", "")))
            case "CHANNEL_HANGUP":
                call.ended_s = call.ended_s or at_s
                call.cause = event.get("Hangup-Cause", "")
            case "CHANNEL_HANGUP_COMPLETE":
                call.who_hung_up = event.get("variable_sip_hangup_disposition", "")
            case "CHANNEL_DESTROY":
                call.destroyed = True

    async def tell_to_hang_up(self, calls: list[Witnessed]) -> None:
        """Their callers hang up."""
        for call in calls:
            if call.ended_s is None:
                await self.bare.ask(f"api uuid_send_info {call.call_id} text plain bye")

    async def owner_of(self, call: Witnessed) -> str:
        """The worker that the switch has for a call, which may not have been told yet."""
        return (await self.bare.ask(f"api uuid_getvar {call.call_id} callcontrol_worker")).strip()

    async def channels_left(self) -> int:
        """How many channels there are on the switch."""
        return int((await self.bare.ask("api show channels count")).split()[0])

    async def claims_left(self) -> int:
        """How many of the calls a replica says are its own."""
        entries = (await self.bare.ask("api hash_dump db callcontrol")).splitlines()
        return sum(call_id in entry for entry in entries for call_id in self.calls)


async def logged_in(host: str, port: int, password: str) -> RawClient:
    """A connection of its own."""
    client = await RawClient.connect(host, port)
    await client.log_in(password)
    return client


@asynccontextmanager
async def witness(host: str, port: int, password: str) -> AsyncIterator[Witness]:
    """Looks until the end of the block; the loss of its connection ends the block, too."""
    async with (
        await logged_in(host, port, password) as watching,
        await logged_in(host, port, password) as bare,
        asyncio.TaskGroup() as tasks,
    ):
        seen = Witness(bare)
        await watching.ask("event json ALL")
        watcher = tasks.create_task(seen.watch(watching), name="witness")
        yield seen
        watcher.cancel()
