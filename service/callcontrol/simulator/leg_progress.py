"""A leg's progress, and the events that tell it: codecs, ringing, early media, the answer."""

import asyncio
from collections.abc import Callable, Iterable

from callcontrol.simulator import sip
from callcontrol.simulator.channel import PCMU, CallState, Channel, Kind, State
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers, codec_headers
from callcontrol.simulator.switch import Switch


class LegProgress:
    """What happens to a channel, told at once; nothing here waits."""

    def __init__(self, switch: Switch, channel: Channel) -> None:
        self.switch = switch
        self.channel = channel
        self.wake = asyncio.Event()
        self.observers: list[Callable[[], None]] = []

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
