"""The life of one leg: the thread that walks a channel through the states of the core."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from callcontrol.simulator import hangup, private_commands
from callcontrol.simulator.applications import APPLICATIONS, Action, expand, scoped
from callcontrol.simulator.bugs import Bug
from callcontrol.simulator.channel import Channel, State
from callcontrol.simulator.events import Header
from callcontrol.simulator.leg_progress import LegProgress
from callcontrol.simulator.media import Digit, Recording
from callcontrol.simulator.playing import Playing
from callcontrol.simulator.private_commands import PrivateCommand
from callcontrol.simulator.switch import Switch

_MESSAGE_LIMIT = 256


class Leg(LegProgress):
    """A channel and its thread. Public methods are safe from anywhere; `live` is the thread."""

    def __init__(self, switch: Switch, channel: Channel) -> None:
        super().__init__(switch, channel)
        self.destroyed = asyncio.Event()
        self.commands: deque[PrivateCommand] = deque()
        self.is_event_locked = False
        self.is_break_asked = False
        self.is_stop_asked = False
        """Whether what a private command repeats is to end with this run."""
        self.is_nested = False
        self.is_controlled = False
        """Whether it is in a park; the end of any link that holds it ends that."""
        self.stays_reset = False
        """Whether nobody leads it out of CS_RESET."""
        self.playing: list[Playing] = []
        """What plays, the outermost first."""
        self.digits: deque[Digit] = deque()
        self.heard: list[str] = []
        self.recordings: list[Recording] = []
        self.bugs: list[Bug] = []
        self.tones: dict[str, frozenset[str]] = {}
        """The frequencies that it listens for, by the name of the tone."""
        self.beep = ""
        """What came of listening for a beep; empty where it does not."""
        self.actions: list[Action] | None = None
        self.loopback_peer: Leg | None = None
        self.bridge_peer: Leg | None = None
        self.leads_bridge = False
        self.is_in_bridge = False
        self.is_consulting = False
        self.is_redirected = False
        """Whether somebody else decides what becomes of it when its bridge ends."""
        self.on_far_digits: Callable[[str], None] | None = None
        self.on_init: Callable[[], None] | None = None
        self.holders = 0
        switch.add(self)

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

    def end_control(self) -> None:
        """A link that held it has ended; a park of it ends, too."""
        self.holders -= 1
        self.is_controlled = False
        self.wake.set()

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
        self,
        seconds: float | None = None,
        is_over: Callable[[], bool] = lambda: False,
        *,
        reads_digits: bool = True,
    ) -> None:
        """Read media: digits are told and private commands obeyed, which takes no time of these.

        Ends after `seconds`, when `is_over` says so, or when the channel must go elsewhere.
        """
        clock, here, left = self.switch.clock, self.channel.target, seconds
        while self.channel.target is here and not is_over():
            if reads_digits:
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

    def take_digit(self) -> str:
        """Read the next digit that arrived, which tells it; empty when there is none."""
        if not self.digits:
            return ""
        digit = self.digits.popleft()
        self.heard.append(digit.character)
        self.tell("DTMF", after=digit.headers())
        return digit.character

    def _read_digits(self) -> None:
        while self.digits:
            self.take_digit()

    async def execute(self, name: str, data: str, operation_id: str = "") -> bool:
        """Run an application; False when there is none of that name, which ends the call."""
        channel = self.channel
        application = APPLICATIONS.get(name)
        if application is None:
            self.hang_up("DESTINATION_OUT_OF_ORDER")
            return False
        if channel.is_down:
            return True
        scope, data = scoped(data)
        outer, channel.scope = channel.scope, {**channel.scope, **scope}
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
        channel.scope = outer
        return True

    def execute_now(self, name: str, data: str = "") -> None:
        """Run an application from outside of its thread: one that takes no time."""
        running = self.execute(name, data)
        try:
            running.send(None)
        except StopIteration:
            return
        running.close()

    # The thread

    async def live(self) -> None:
        """The thread itself; ends when the channel is destroyed."""
        from callcontrol.simulator.states import run_state

        while not self.channel.is_down:
            await run_state(self)
        await hangup.finish(self)
