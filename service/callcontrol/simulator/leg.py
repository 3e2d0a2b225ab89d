"""The life of one leg: the thread that walks a channel through the states of the core."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from callcontrol.simulator import hangup, private_commands, sip
from callcontrol.simulator.applications import APPLICATIONS, Action, expand
from callcontrol.simulator.channel import PCMU, CallState, Channel, Kind, State
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers, codec_headers
from callcontrol.simulator.media import Digit, Recording
from callcontrol.simulator.private_commands import PrivateCommand
from callcontrol.simulator.switch import Switch

_MESSAGE_LIMIT = 256


class Leg:
    """A channel and its thread. Public methods are safe from anywhere; `live` is the thread."""

    def __init__(self, switch: Switch, channel: Channel) -> None:
        self.switch = switch
        self.channel = channel
        self.wake = asyncio.Event()
        self.destroyed = asyncio.Event()
        self.observers: list[Callable[[], None]] = []
        self.commands: deque[PrivateCommand] = deque()
        self.is_event_locked = False
        self.is_break_asked = False
        self.is_nested = False
        self.digits: deque[Digit] = deque()
        self.heard: list[str] = []
        self.recordings: list[Recording] = []
        self.muted: dict[str, int] = {}
        self.actions: list[Action] | None = None
        self.loopback_peer: Leg | None = None
        self.bridge_peer: Leg | None = None
        self.leads_bridge = False
        self.is_in_bridge = False
        self.on_far_digits: Callable[[str], None] | None = None
        self.on_init: Callable[[], None] | None = None
        self.holders = 0
        switch.add(self)

    # What others see of it

    def tell(
        self,
        name: str,
        before: Iterable[Header] = (),
        after: Iterable[Header] = (),
        called_from: tuple[str, str, int] | None = None,
    ) -> None:
        """Fire an event of this channel; `before` and `after` enclose the channel's headers."""
        core = self.switch.core_headers(name, called_from)
        headers = [*core, *before, *channel_headers(name, self.channel), *after]
        self.switch.fire(CoreEvent(name, headers))

    def changed(self) -> None:
        """Wake its thread, and tell those who watch it."""
        self.wake.set()
        for observer in tuple(self.observers):
            observer()

    @property
    def is_ready(self) -> bool:
        """Whether the application that runs may go on: neither hung up nor sent elsewhere."""
        return self.channel.target is self.channel.running

    def go(self, target: State) -> None:
        """Send the thread to another state; nothing leads back from a hang-up."""
        if not self.channel.is_down:
            self.channel.target = target
            self.changed()

    # Progress

    def set_call_state(self, call_state: CallState) -> None:
        """Change the call state and tell it."""
        channel = self.channel
        before, channel.call_state = channel.call_state, call_state
        if before is not call_state:
            self.tell(
                "CHANNEL_CALLSTATE",
                before=[
                    ("Original-Channel-Call-State", before.name),
                    ("Channel-Call-State-Number", str(call_state.value)),
                ],
            )

    def set_codecs(self) -> None:
        """Media was negotiated."""
        channel = self.channel
        if not channel.kind.is_sofia or channel.get("rtp_use_pt"):
            return
        sip.set_on_media(channel)
        if channel.kind is Kind.SOFIA_OUTBOUND:
            channel.read_codec = channel.write_codec = PCMU
            self.tell_codecs()

    def tell_codecs(self, kind: str = "real_read") -> None:
        """The two CODEC events; their own headers repeat those of the channel."""
        channel, file = self.channel, "switch_core_codec.c"
        line = 168 if kind == "real_read" else 279
        read = [
            (name.lower(), v) for name, v in codec_headers("Channel-Read-Codec", channel.read_codec)
        ]
        self.tell("CODEC", (), read, (file, f"switch_core_session_set_{kind}_codec", line))
        if channel.write_codec is None:
            channel.write_codec = channel.read_codec
        write = [
            (name.replace("Codec-Bit-Rate", "codec-bit-rate"), v)
            for name, v in codec_headers("Channel-Write-Codec", channel.write_codec)
        ]
        self.tell("CODEC", (), write, (file, "switch_core_session_set_write_codec", 450))

    def mark_ringing(self) -> None:
        """180 went out or came in."""
        channel = self.channel
        if channel.is_down or channel.is_answered or channel.is_ringing:
            return
        channel.is_ringing = True
        channel.times.progress = self.switch.clock.tick_us()
        self.tell("CHANNEL_PROGRESS")
        if channel.kind.direction == "outbound":
            self.set_call_state(CallState.RINGING)
        self.changed()

    def mark_early_media(self) -> None:
        """183 went out or came in."""
        channel = self.channel
        if channel.is_down or channel.has_media:
            return
        if channel.kind is Kind.SOFIA_INBOUND:
            self.set_codecs()
        channel.times.progress_media = self.switch.clock.tick_us()
        channel.has_early_media = True
        channel.set("endpoint_disposition", "EARLY MEDIA")
        self.tell("CHANNEL_PROGRESS_MEDIA")
        self.set_call_state(CallState.EARLY)
        self.set_codecs()
        self.changed()

    def mark_answered(self) -> None:
        """200 went out or came in."""
        channel = self.channel
        if channel.is_down or channel.is_answered:
            return
        self.set_codecs()
        channel.is_answered = True
        channel.times.answered = self.switch.clock.tick_us()
        self.tell("CHANNEL_ANSWER")
        self.tell_presence()
        self.set_call_state(CallState.ACTIVE)
        channel.set("endpoint_disposition", "ANSWER")
        self.changed()

    def tell_presence(self) -> None:
        """PRESENCE_IN of an inbound SIP call."""
        channel = self.channel
        if channel.kind is Kind.SOFIA_INBOUND:
            self.tell("PRESENCE_IN", after=_presence(channel))

    # Ends and transfers

    def hang_up(self, cause: str) -> None:
        """Hang up; the first cause counts."""
        channel = self.channel
        if channel.is_down:
            return
        channel.cause, channel.target = cause, State.HANGUP
        self.tell("CHANNEL_HANGUP")
        self.changed()

    def transfer(self, actions: list[Action] | None, profile_changes: dict[str, str]) -> None:
        """Send it to an extension, given as its actions; None is one that does not exist."""
        channel = self.channel
        channel.profile = replace(
            channel.profile,
            **profile_changes,
            index=channel.profile.index + 1,
            created_us=self.switch.clock.tick_us(),
            logical_direction="inbound",
        )
        self.actions = actions if actions is not None else []
        channel.hits_dialplan = True
        self.go(State.ROUTING)

    # Private commands and digits

    def queue(self, command: PrivateCommand) -> bool:
        """Give its thread something to do; False when its queue is full."""
        if len(self.commands) >= _MESSAGE_LIMIT:
            return False
        self.commands.append(command)
        self.wake.set()
        return True

    def hear(self, digit: Digit) -> None:
        """A digit arrived; whoever reads media will tell it."""
        self.digits.append(digit)
        self.wake.set()

    async def idle(
        self, seconds: float | None = None, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """Read media: digits are told and private commands obeyed, which takes no time of these.

        Ends after `seconds`, when `is_over` says so, or when the channel must go elsewhere.
        """
        clock, here, left = self.switch.clock, self.channel.target, seconds
        while self.channel.target is here and not is_over():
            self._read_digits()
            if is_over():
                return
            if self.commands and not self.is_event_locked:
                await private_commands.obey(self, self.commands.popleft())
                continue
            if left is not None and left <= 0:
                return
            since = clock.now_s()
            await clock.wait(self.wake, left)
            self.wake.clear()
            if left is not None:
                left -= clock.now_s() - since

    def _read_digits(self) -> None:
        while self.digits:
            digit = self.digits.popleft()
            self.heard.append(digit.character)
            self.tell("DTMF", after=digit.headers())

    async def execute(self, name: str, data: str, operation_id: str = "") -> bool:
        """Run an application; False when there is none of that name, which ends the call."""
        channel = self.channel
        application = APPLICATIONS.get(name)
        if application is None:
            self.hang_up("DESTINATION_OUT_OF_ORDER")
            return False
        if channel.is_down:
            return True
        text = expand(data, channel, self.switch)
        channel.application, channel.application_data = name, text
        about: list[Header] = [("Application", name)]
        if text:
            about.append(("Application-Data", text))
        own_id: Header = ("Application-UUID", operation_id or str(uuid.uuid4()))
        channel.set("app_uuid", None)
        channel.set("current_application_response", None)
        channel.set("current_application", name)
        channel.set("current_application_data", text)
        self.tell("CHANNEL_EXECUTE", after=[*about, own_id])
        if text:
            channel.set("current_application", name)
        await application(self, text)
        response = channel.get("current_application_response") or "_none_"
        about.append(("Application-Response", response))
        self.tell("CHANNEL_EXECUTE_COMPLETE", after=[*about, own_id])
        return True

    # The thread

    async def live(self) -> None:
        """The thread itself; ends when the channel is destroyed."""
        from callcontrol.simulator.states import run_state

        while not self.channel.is_down:
            await run_state(self)
        await hangup.finish(self)


def _presence(channel: Channel) -> list[Header]:
    status = "hangup" if channel.is_down else f"CS_{channel.running.name}"
    return [
        ("proto", "any"),
        ("login", "src/switch_channel.c"),
        ("from", channel.presence_id),
        ("rpid", "unknown"),
        ("status", status),
        ("event_type", "presence"),
        ("alt_event_type", "dialog"),
        ("presence-call-info-state", "alerting"),
        ("presence-call-direction", channel.kind.direction),
        ("event_count", "0"),
        ("Presence-Calling-File", "src/switch_core_state_machine.c"),
        ("Presence-Calling-Function", "check_presence"),
        ("Presence-Calling-Line", "521"),
    ]
