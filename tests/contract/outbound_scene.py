"""A scene of outbound mode: somebody calls an extension with `socket`, a server of the tests takes
the call, and a link of its own watches what the switch does with it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.contract.phone import SIP_PORT
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.outbound_server import OutboundServer, RawCall

from callcontrol.simulator import FarEnd

DEADLINE_S = 20.0
WATCHED = (
    "CHANNEL_CREATE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_PARK CHANNEL_UNPARK"
    " CHANNEL_STATE CHANNEL_ANSWER CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY"
)
_MARK = "contract::mark"


@dataclass
class Caller:
    """Somebody who calls in over SIP: at a real switch, the switch itself."""

    call_id: str
    """The id of the call that came in, once it is known."""
    _watch: RawClient
    _own_id: str = ""
    _far_end: FarEnd | None = None

    async def hangs_up(self) -> None:
        """Cancel, or hang up when the call was answered."""
        if self._far_end is not None:
            self._far_end.hangs_up()
        else:
            await self._watch.ask(f"api uuid_kill {self._own_id}")


@dataclass
class Scene:
    """The switch, the server that takes its calls, and a link that sees all of its events."""

    switch: SwitchUnderTest
    server: OutboundServer
    watch: RawClient
    _called: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def on(cls, switch: SwitchUnderTest) -> AsyncIterator[Self]:
        """Everything of the scene is gone at its end, calls included."""
        async with (
            asyncio.timeout(DEADLINE_S + 40),
            OutboundServer.listening(switch.host) as server,
            await RawClient.connect(switch.host, switch.port) as watch,
        ):
            await watch.log_in(switch.password)
            await watch.ask(f"event json {WATCHED} CUSTOM {_MARK}")
            scene = cls(switch, server, watch)
            try:
                yield scene
            finally:
                for call_id in scene._called:
                    await watch.ask(f"api uuid_kill {call_id}")

    async def call_in(self, dialled: str) -> Caller:
        """Somebody dials; returns when the call runs its extension."""
        if self.switch.simulator is not None:
            far_end = self.switch.simulator.call_in(dialled)
            caller = Caller(far_end.call_id, self.watch, _far_end=far_end)
        else:
            own_id = str(uuid.uuid4())
            address = f"{dialled}@{self.switch.host}:{SIP_PORT}"
            await self.watch.ask(
                f"bgapi originate {{origination_uuid={own_id}}}sofia/internal/{address} &park"
            )
            caller = Caller("", self.watch, _own_id=own_id)
            self._called.append(own_id)
        created = await self.watch.event(
            Event_Name="CHANNEL_CREATE",
            Caller_Destination_Number=dialled,
            Call_Direction="inbound",
        )
        caller.call_id = created["Unique-ID"]
        await self.saw(caller, "CHANNEL_EXECUTE")
        self.watch.events = [e for e in self.watch.events if not is_of(e, caller)]
        self._called.append(caller.call_id)
        return caller

    async def brought(self, mode: str = "async-full") -> tuple[Caller, RawCall]:
        """Somebody calls, and the call is here; nothing has been said on its socket."""
        caller = await self.call_in(f"socket-{mode}-{self.server.port}")
        return caller, await self.server.next_call()

    async def connected(self, mode: str = "async-full") -> tuple[Caller, RawCall]:
        """The same, with `myevents` and `connect` said, and parked where the switch parks it."""
        caller, call = await self.brought(mode)
        call.write("myevents json")
        await call.channel_data()
        if mode.startswith("async"):
            await call.event(Event_Name="CHANNEL_PARK")
        return caller, call

    async def saw(self, caller: Caller, name: str, application: str = "") -> dict[str, str]:
        """The next event of that name of the caller's call, as the link saw it."""
        wanted = {"Application": application} if application else {}
        return await self.watch.event(Event_Name=name, Unique_ID=caller.call_id, **wanted)

    async def goes_on(self, caller: Caller) -> None:
        """The call runs what follows in its extension."""
        event = await self.saw(caller, "CHANNEL_EXECUTE", "set")
        assert event["Application-Data"] == "callcontrol_test_fallback=true"

    async def stays_parked(self, caller: Caller) -> None:
        """The call is in a park, and what the switch does by itself does not end that."""
        await self.saw(caller, "CHANNEL_PARK")
        await self.time_passes()
        assert await self.watch.ask(f"api uuid_exists {caller.call_id}") == "true"
        assert "CHANNEL_UNPARK" not in self.names(caller)

    async def time_passes(self) -> None:
        """A moment of the switch, and all that it fired in it is here."""
        await self.watch.ask("api msleep 300")
        await self.watch.ask(f"sendevent CUSTOM\nEvent-Subclass: {_MARK}")
        await self.watch.event(Event_Subclass=_MARK)

    def names(self, caller: Caller) -> list[str]:
        """Events of the caller's call that nobody asked for yet."""
        mine = [e for e in self.watch.events if e.get("Unique-ID") == caller.call_id]
        return [event["Event-Name"] for event in mine]

    async def history(self, caller: Caller) -> list[str]:
        """All the link saw of the call from here to its destruction, as words."""
        await self.saw(caller, "CHANNEL_DESTROY")
        return [told(event) for event in self.watch.events if is_of(event, caller)]

    @asynccontextmanager
    async def link(self) -> AsyncIterator[RawClient]:
        """Another link to the switch, which knows nothing yet."""
        async with await RawClient.connect(self.switch.host, self.switch.port) as link:
            await link.log_in(self.switch.password)
            yield link


def is_of(event: dict[str, str], caller: Caller) -> bool:
    return event.get("Unique-ID") == caller.call_id


def told(event: dict[str, str]) -> str:
    """An event in a word or two: a state by its name, an application with what it ran."""
    name = event["Event-Name"].removeprefix("CHANNEL_")
    if name == "STATE":
        return event["Channel-State"]
    return f"{name} {event['Application']}" if "Application" in event else name
