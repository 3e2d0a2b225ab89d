"""A call as the program that has it sees it: what it can do to it, and what it can wait for."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from callcontrol.client import places
from callcontrol.client.call_commands import CallCommands
from callcontrol.client.call_endings import Ending
from callcontrol.client.call_inbox import CallInbox
from callcontrol.client.call_life import CallLife
from callcontrol.client.call_outcomes import (
    Bridged,
    Entry,
    Media,
    NotBridged,
    bridge_of,
    duration,
    entry_of,
    sources_of,
)
from callcontrol.client.client import Client
from callcontrol.client.refusal import require_room
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1.call_handling_service_pb2 import ReleaseCall
from callcontrol.v1.call_pb2 import Call, Destination, Endpoint
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Gap

PROMPTS_S: Final = 120.0
"""Time that all prompts of a collection may take together."""
CONNECTING_S: Final = 15.0
"""What dialling may take beside the ringing."""

Afterwards = Callable[[], Awaitable[None]]


class Owner(Protocol):
    """The worker that has the call."""

    @property
    def client(self) -> Client:
        """By which commands are sent."""

    @property
    def command_timeout_s(self) -> float:
        """Deadline of commands that need no longer one."""

    def release(self, call_id: str, destination: Destination | None) -> None:
        """Give the call back, now or once it is assigned again."""

    def send_off(self, command: Coroutine[object, object, None], name: str) -> None:
        """Have a command carried out by somebody who outlives the caller."""


class ActiveCall:
    """A call that is this worker's.

    Its handler is cancelled, once, when the call is over before the handler is: then `ending` says
    how, and what the handler awaits in a `finally` is left alone. In `hang_up`, `release`,
    `wait_hangup` and `events` it is not cancelled, as that is what it waits for there.

    Verbs return what the method of the API returns, when that returns. They raise AioRpcError, and
    CallIsOver for a call that is over. Commands that are cut off by the loss of a connection are
    sent again, if doing them twice does no harm or they were not done.
    """

    def __init__(self, owner: Owner, life: CallLife, application: str, leg: Call) -> None:
        self._owner, self._life = owner, life
        self._commands = CallCommands(life, owner.command_timeout_s)
        self.application, self.call_id = application, leg.call_id
        self.leg = leg
        """The call as the newest event has shown it."""
        self.variables: Mapping[str, str] = dict(leg.variables)
        """Its channel variables as they were when it was offered."""
        self._partner, self._gaps = "", 0
        """The leg it was last bridged to, and how many gaps there were before."""
        self.afterwards: list[Afterwards] = []
        """What is done when the handler is done, however it ended, and also when the worker ends:
        to keep a record, for example. The last is done first; all have ten seconds.
        """

    @property
    def client(self) -> Client:
        """The stubs of the service, for all that has no verb here."""
        return self._owner.client

    @property
    def ending(self) -> Ending | None:
        """How the call was over for this worker; None while it is not."""
        return self._life.ending

    async def answer(self, *, early_media_only: bool = False) -> None:
        """Answer it, or open early media. A call that is answered already is fine."""
        request = pb.AnswerRequest(call_id=self.call_id, early_media_only=early_media_only)
        await self._commands.do(self.client.calls.Answer, request)

    async def play(self, *sources: Media, repeat: int = 1, mix: bool = False) -> bool | None:
        """Play, and wait until it is done; it is stopped where the waiting is cancelled.

        Whether it came to its end by itself; None where that is not known, as for speech, and
        where events are missing. Nothing is played over an earlier playback, but behind it.
        """
        inbox = self._life.inbox
        gaps, is_done = inbox.gaps, inbox.has_stopped if mix else inbox.has_finished
        playback_id = await self.start_playing(*sources, repeat=repeat, mix=mix)
        try:
            await inbox.until(lambda: is_done(playback_id) or inbox.gaps != gaps)
        except asyncio.CancelledError:
            if self.ending is None:
                self._owner.send_off(self.stop_playing(playback_id), f"{self.call_id} stop")
            raise
        return inbox.has_completed(playback_id)

    async def start_playing(self, *sources: Media, repeat: int = 1, mix: bool = False) -> str:
        """Play, and return the playback's id once it is heard."""
        request = pb.PlayRequest(
            call_id=self.call_id, sources=sources_of(sources), repeat=repeat, mix=mix
        )
        return (await self._commands.do(self.client.calls.Play, request)).playback_id

    async def stop_playing(self, playback_id: str = "") -> None:
        """Stop one playback, or all."""
        request = pb.StopPlaybackRequest(call_id=self.call_id, playback_id=playback_id)
        await self._commands.do(self.client.calls.StopPlayback, request)

    async def collect_digits(
        self,
        *,
        prompt: Media | Sequence[Media] = (),
        invalid_prompt: Media | Sequence[Media] = (),
        min_digits: int = 1,
        max_digits: int = 1,
        tries: int = 1,
        timeout_s: float = 5.0,
        digit_timeout_s: float | None = None,
        terminators: str = "",
        pattern: str = "",
    ) -> Entry:
        """Play a prompt, which the first digit cuts off, and collect digits; see CollectDigits."""
        request = pb.CollectDigitsRequest(
            call_id=self.call_id,
            prompt=sources_of(prompt),
            invalid_prompt=sources_of(invalid_prompt),
            min_digits=min_digits,
            max_digits=max_digits,
            tries=tries,
            timeout=duration(timeout_s),
            digit_timeout=None if digit_timeout_s is None else duration(digit_timeout_s),
            terminators=terminators,
            pattern=pattern,
        )
        one_try_s = timeout_s + max_digits * (digit_timeout_s or timeout_s)
        got = await self._commands.do(
            self.client.calls.CollectDigits, request, timeout_s=PROMPTS_S + tries * one_try_s
        )
        if got.result == pb.CollectDigitsResponse.RESULT_CALL_ENDED:
            await self._life.news_of_the_end()
        return entry_of(got)

    async def bridge(
        self,
        *endpoints: str | Endpoint,
        ring_timeout_s: float = 30.0,
        continue_after: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Bridged | NotBridged:
        """Dial endpoints for the call, one after the other, and connect it with who answers.

        With `continue_after` the call goes on when nobody answers, and when the other leg ends,
        which `wait_unbridged` waits for. Cancelling this does not call the dialling off.
        """
        gaps = self._life.inbox.gaps
        request = pb.DialAndBridgeRequest(
            request_id=str(uuid.uuid4()),
            call_id=self.call_id,
            endpoints=[places.endpoint(e) if isinstance(e, str) else e for e in endpoints],
            ring_timeout=duration(ring_timeout_s),
            continue_after=continue_after,
            variables=variables or {},
            wait_until=pb.WAIT_UNTIL_ANSWERED,
        )
        dialled = await self._commands.do(
            self.client.calls.DialAndBridge,
            request,
            timeout_s=ring_timeout_s + CONNECTING_S,
            harmless=False,
        )
        outcome = bridge_of(dialled)
        if isinstance(outcome, Bridged):
            self._partner, self._gaps = outcome.partner, gaps
        return outcome

    async def wait_unbridged(self) -> None:
        """Return when the call is no longer connected with the leg that `bridge` brought."""
        inbox, partner, gaps = self._life.inbox, self._partner, self._gaps
        while not inbox.has_parted_from(partner):
            if inbox.gaps != gaps:
                gaps = inbox.gaps
                request = pb.GetCallRequest(call_id=self.call_id)
                now = await self._commands.do(self.client.calls.GetCall, request)
                if now.call.bridged_call_id != partner:
                    return
            await inbox.until(partial(_may_have_parted, inbox, partner, gaps))

    async def get_variables(self, *names: str) -> Mapping[str, str]:
        """Channel variables as they are now, those of these names or all."""
        request = pb.GetVariablesRequest(call_id=self.call_id, names=names)
        return (await self._commands.do(self.client.calls.GetVariables, request)).variables

    async def set_variables(self, **variables: str) -> None:
        """Set channel variables; an empty value removes one."""
        request = pb.SetVariablesRequest(call_id=self.call_id, variables=variables)
        await self._commands.do(self.client.calls.SetVariables, request)

    async def hang_up(self, cause: str = "") -> Ending:
        """End the call, and return when it is over; fine for one that is over already."""
        with self._life.awaited():
            if self.ending is None:
                request = pb.HangupRequest(call_id=self.call_id, cause=cause)
                await self._commands.end(self.client.calls.Hangup, request)
            return await self._life.over()

    async def release(self, destination: str | Destination | None = None) -> Ending:
        """Give the call back: to the dialplan, which goes on with its next action, or to send it to
        `destination`, another worker for example. Return when it is no longer this worker's.
        Raises AioRpcError for a destination that is malformed, not allowed or far too long, as
        other verbs do, and ValueError for words that are none; the call stays the worker's then.
        """
        if isinstance(destination, str):
            destination = places.destination(destination)
        require_room(ReleaseCall(call_id=self.call_id, destination=destination))
        if self.ending is None:
            self._owner.release(self.call_id, destination)
        return await self._life.given_away()

    async def wait_hangup(self) -> Ending:
        """Return when the call is over, or no longer this worker's."""
        return await self._life.over()

    async def events(self) -> AsyncIterator[Event | Gap]:
        """What happens to the call, from the moment on in which the worker got it, until it is
        over. Of one who reads late or slowly the oldest are dropped, which a Gap tells.
        """
        inbox = self._life.inbox
        while True:
            while (item := inbox.next()) is not None:
                yield item
            if self.ending is not None:
                return
            with self._life.awaited():
                await inbox.more()


def _may_have_parted(inbox: CallInbox, partner: str, gaps: int) -> bool:
    return inbox.has_parted_from(partner) or inbox.gaps != gaps
