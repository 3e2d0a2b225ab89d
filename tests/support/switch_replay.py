"""Plays the client's side of a recording to a simulator, and lines up what both switches said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support import transcripts
from tests.support.wire_events import WireFrame, split_frames

from callcontrol.simulator import Simulator, SocketUser, SwitchSettings

UNCOMPARED = frozenset(
    ("API", "BACKGROUND_JOB", "COMMAND", "CUSTOM", "HEARTBEAT", "PRIVATE_COMMAND", "RECV_INFO")
)
"""Events of no leg, and those that only a second SIP stack would cause."""
TIME_SCALE = 0.05
PATIENCE_S = 3.0
USERS = {
    "full@fs-lab": SocketUser(password="FullPass"),
    "limited@fs-lab": SocketUser(
        password="LimitedPass",
        allowed_events="CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB "
        "CUSTOM conference::maintenance",
        allowed_api="status show bgapi",
        may_log=False,
    ),
    "commas@fs-lab": SocketUser(
        password="CommaPass",
        allowed_events="ALL",
        allowed_api="status,show,version,originate",
    ),
    "nopass@fs-lab": SocketUser(password=""),
}
"""The directory of the recorded switch."""
_FAR_SIDE = "sofia/internal/0000000000@"
"""The recorded switch called itself, so far ends were legs too; here they are scripts."""


@dataclass
class Client:
    """A connection that keeps all it gets."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    stream: bytearray = field(default_factory=bytearray)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Collect until the switch closes."""
        while data := await self.reader.read(1 << 16):
            self.stream += data
            self.news.set()
        self.news.set()

    @property
    def frames(self) -> list[WireFrame]:
        return list(split_frames(bytes(self.stream)))

    async def until(self, enough: Callable[[list[WireFrame]], bool]) -> None:
        """Wait until the frames are enough; give up quietly, the test will tell."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not enough(self.frames):
                    self.news.clear()
                    await self.news.wait()

    async def has(self, *, replies: int = 0, events: int = 0) -> None:
        """Wait for so many replies and compared events in all."""
        await self.until(
            lambda frames: count_replies(frames) >= replies and count_events(frames) >= events
        )


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client of the simulator; it has read everything when the context ends."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.read())
        try:
            yield client
        finally:
            client.writer.close()
            with suppress(ConnectionError):
                await client.writer.wait_closed()


@asynccontextmanager
async def subscribed(port: int, form: str = "plain") -> AsyncIterator[Client]:
    """The same, logged in and subscribed to everything."""
    async with connected(port) as client:
        client.writer.write(f"auth ClueCon\n\nevent {form} ALL\n\n".encode())
        await client.has(replies=2)
        yield client


def legs(frames: list[WireFrame]) -> dict[str, list[WireFrame]]:
    """The compared events of each leg, legs in the order of their first event."""
    found: dict[str, list[WireFrame]] = {}
    for frame in frames:
        if is_compared(frame):
            found.setdefault(frame.get("Unique-ID"), []).append(frame)
    return found


def is_compared(frame: WireFrame) -> bool:
    return (
        frame.is_event
        and frame.get("Event-Name") not in UNCOMPARED
        and not frame.get("Channel-Name").startswith(_FAR_SIDE)
        and frame.get("Unique-ID") != ""
    )


def count_events(frames: list[WireFrame]) -> int:
    return sum(map(is_compared, frames))


def count_legs(frames: list[WireFrame]) -> int:
    return len(legs(frames))


def count_replies(frames: list[WireFrame]) -> int:
    return sum(frame.kind in ("command/reply", "api/response") for frame in frames)


@dataclass
class Replayed:
    """What the recorded switch said, and what the simulator said to the same commands."""

    recorded: list[WireFrame]
    simulated: list[WireFrame]

    @property
    def pairs(self) -> list[tuple[list[WireFrame], list[WireFrame]]]:
        """The events of each leg, there and here."""
        return list(zip(legs(self.recorded).values(), legs(self.simulated).values(), strict=True))


async def replay(
    name: str,
    last_line: int = 10**9,
    *,
    connection: str = "",
    time_scale: float = TIME_SCALE,
    progress: Callable[[list[WireFrame]], int] = count_events,
) -> Replayed:
    """Send the commands of one recorded connection, each when the switch has caught up.

    It has when it has made the recorded number of replies, and as much progress. Call ids of the
    recording become those of the legs that are in the same place here.
    """

    async def catch_up(recorded: list[WireFrame]) -> None:
        replies, goal = count_replies(recorded), progress(recorded)
        await client.until(lambda now: count_replies(now) >= replies and progress(now) >= goal)

    chunks = [
        chunk
        for chunk in transcripts.recording(name).chunks
        if chunk.line <= last_line and chunk.connection == connection
    ]
    settings = SwitchSettings(hostname="fs-lab", sessions_per_second=30)
    async with (
        Simulator(time_scale=time_scale, settings=settings, users=USERS) as simulator,
        connected(simulator.port) as client,
    ):
        said = bytearray()
        for chunk in chunks:
            if chunk.from_switch:
                said += chunk.data
                continue
            recorded = list(split_frames(bytes(said)))
            await catch_up(recorded)
            client.writer.write(_translated(chunk.data, recorded, client.frames))
        recorded = list(split_frames(bytes(said)))
        await catch_up(recorded)
        return Replayed(recorded, client.frames)


def _translated(data: bytes, recorded: list[WireFrame], simulated: list[WireFrame]) -> bytes:
    there, here = legs(recorded), legs(simulated)
    ours = (call_id for call_id in here if call_id not in there)  # the client chose the others
    for theirs, our in zip((i for i in there if i not in here), ours, strict=False):
        data = data.replace(theirs.encode(), our.encode())
    return data
