"""Each verb against a recorded switch: the command we write is the one that was recorded, and what
the switch then sent is what we take for the proof."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from tests.support import transcripts
from tests.support.call_node import FakeFleet, FakeNode

from callcontrol.calls.control import CallControl
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.requests import (
    ConferenceDestination,
    ExtensionDestination,
    Leg,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.ids import CallId

Verb = Callable[[CallControl, list[CallId]], Awaitable[Outcome]]

CALL = "([0-9a-f]{8}-[0-9a-f-]{27})"


class Recorded(FakeNode):
    """Plays a recording up to a command, and goes on from there when that command is sent."""

    def __init__(self, name: str, command: str) -> None:
        super().__init__()
        self.tracker = CallTracker()
        self.chunks = list(transcripts.recording(name).chunks)
        self.frames = FrameReader()
        while not (found := re.fullmatch(command, self._next_command())):
            self._play(self.chunks.pop(0))
        self.expected = found[0]
        self.call_ids = [CallId(call_id) for call_id in found.groups()]
        self.reply = ""

    def _next_command(self) -> str:
        chunk = self.chunks[0]
        if chunk.from_switch:
            return ""
        return chunk.data.decode().strip().removeprefix("api ")

    async def api(self, name: str, arguments: str = "") -> str:
        sent = f"{name} {arguments}"
        self.sent.append(sent)
        if sent != self.expected:
            return "-ERR not recorded\n"
        self.chunks.pop(0)
        while self.chunks and (self.chunks[0].from_switch or not self._next_command()):
            self._play(self.chunks.pop(0))
        return self.reply

    def _play(self, chunk: transcripts.Chunk) -> None:
        if not chunk.from_switch:
            return
        for frame in self.frames.feed(chunk.data):
            if frame.content_type == "api/response":
                self.reply = frame.body.decode()
            elif frame.content_type == "text/event-json":
                event = parse_event_json(frame.body, frame.size)
                assert isinstance(event, SwitchEvent)
                self.tracker.apply(self.node_id, event)


def transfer(leg: Leg, extension: str) -> Verb:
    destination = ExtensionDestination(extension=extension, dialplan="XML", context="lab")
    return lambda control, calls: control.transfer(calls[0], leg, destination)


@pytest.mark.parametrize(
    ("name", "command", "verb"),
    [
        ("call-hold", f"uuid_hold {CALL}", lambda control, calls: control.hold(calls[0])),
        ("call-hold", f"uuid_hold off {CALL}", lambda control, calls: control.unhold(calls[0])),
        (
            "call-uuid-bridge",
            f"uuid_bridge {CALL} {CALL}",
            lambda control, calls: control.bridge(calls[0], calls[1]),
        ),
        ("call-transfer-blind", f"uuid_transfer {CALL} tone XML lab", transfer(Leg.A, "tone")),
        ("call-transfer-blind", f"uuid_transfer {CALL} nosuch XML lab", transfer(Leg.A, "nosuch")),
        (
            "call-transfer-blind",
            f"uuid_transfer {CALL} -bleg tone XML lab",
            transfer(Leg.B, "tone"),
        ),
        (
            "call-transfer-blind",
            f"uuid_transfer {CALL} -both tone XML lab",
            transfer(Leg.BOTH, "tone"),
        ),
        (
            "call-transfer-inline-conference",
            f"uuid_transfer {CALL} conference:room1@lab inline",
            lambda control, calls: control.transfer(
                calls[0], Leg.A, ConferenceDestination(name="room1", profile="lab")
            ),
        ),
        (
            "call-dtmf",
            f"uuid_recv_dtmf {CALL} 9@250",
            lambda control, calls: control.send_dtmf(calls[0], "9", 250_000, as_received=True),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_recorded_command_is_confirmed_by_what_the_switch_sent(
    name: str, command: str, verb: Verb
) -> None:
    node = Recorded(f"{name}-json", command)
    control = CallControl(FakeFleet((node,)), node.tracker, ControlSettings(confirm_timeout_s=0.05))
    outcome = await verb(control, node.call_ids)
    assert node.sent == [node.expected]
    assert outcome.confirmed


async def test_sent_digits_are_never_confirmed() -> None:
    node = Recorded("call-dtmf-json", rf"uuid_send_dtmf {CALL} 12#@100")
    control = CallControl(FakeFleet((node,)), node.tracker)
    async with asyncio.timeout(1):
        outcome = await control.send_dtmf(node.call_ids[0], "12#", 100_000)
    assert node.sent == [node.expected]
    assert not outcome.confirmed
