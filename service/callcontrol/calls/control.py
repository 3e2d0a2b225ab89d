"""Everything that can be done to calls, behind one door."""

from collections.abc import Mapping, Sequence

from callcontrol.calls.commands import channel_variables, signalling, transfer
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.late_work import LateWork, Work
from callcontrol.calls.commands.nodes import CommandNodes
from callcontrol.calls.media import audio, playback
from callcontrol.calls.outcome import (
    BridgeOutcome,
    CallOutcome,
    OriginateOutcome,
    PlayOutcome,
    VariablesOutcome,
)
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.placing.calling_off import CallingOff
from callcontrol.calls.placing.originate import Originator
from callcontrol.calls.placing.placement import Placement
from callcontrol.calls.requests import (
    Destination,
    Leg,
    MediaDirection,
    OriginateSpec,
    PlaySpec,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import CallId, OperationId


class CallControl:
    """The verbs on calls. Each is done at most once, and each wait ends: by its proof, by the end
    of the call, by the loss of the node, or when `confirm_timeout_s` is over.

    Raised by all: InvalidRequest, CallNotFound, CallHasEnded, CallStateConflict, NodeUnavailable
    and CommandQueueFull before anything is sent; CallHasEnded, SwitchRefused and OutcomeUnknown
    afterwards. `verbs.CONFIRMATIONS` says what each sends and what proves it.
    """

    def __init__(
        self,
        nodes: CommandNodes,
        tracker: CallTracker,
        settings: ControlSettings | None = None,
    ) -> None:
        self.settings = settings or ControlSettings()
        self.commander = Commander(nodes, tracker, self.settings)
        """For the verbs that are functions of their own."""
        self._late_work = LateWork(self.settings.max_late_work, self.settings.late_work_timeout_s)
        self._calling_off = CallingOff(self.commander, self._late_work)
        tracker.expected.on_stray = self._calling_off.begin
        self._originator = Originator(self.commander, self._calling_off)

    @property
    def placement(self) -> Placement:
        """Where new calls go."""
        return self.commander.placement

    @property
    def late_work(self) -> int:
        """How much is still to be done for callers who went away."""
        return len(self._late_work)

    @property
    def ring_limits(self) -> int:
        """See `Originator.ring_limits`."""
        return self._originator.ring_limits

    def clean_up(self, what: str, work: Work) -> bool:
        """See `LateWork.give`."""
        return self._late_work.give(what, work)

    def leave(self) -> None:
        """See `Originator.leave`."""
        self._originator.leave()

    async def run(self) -> None:
        """Do what is left to do for callers who went away, until cancelled."""
        await self._late_work.run()

    def validate(self, spec: OriginateSpec) -> None:
        """Raise what `originate` would for what is in the request alone: InvalidRequest and
        CommandNotAllowed. Nothing is sent.
        """
        self._originator.validate(spec)

    async def originate(self, spec: OriginateSpec) -> OriginateOutcome:
        """See `Originator.originate`."""
        return await self._originator.originate(spec)

    async def answer(self, call_id: CallId, *, early_media_only: bool = False) -> CallOutcome:
        """See `signalling.answer`."""
        return await signalling.answer(self.commander, call_id, early_media_only=early_media_only)

    async def hangup(self, call_id: CallId, cause: str = "") -> CallOutcome:
        """See `signalling.hang_up`."""
        return await signalling.hang_up(self.commander, self._calling_off, call_id, cause)

    async def transfer(self, call_id: CallId, leg: Leg, destination: Destination) -> CallOutcome:
        """See `transfer.transfer`."""
        return await transfer.transfer(self.commander, call_id, leg, destination)

    async def bridge(self, call_id: CallId, peer_call_id: CallId) -> BridgeOutcome:
        """See `signalling.bridge`."""
        return await signalling.bridge(self.commander, call_id, peer_call_id)

    async def hold(self, call_id: CallId, display: str = "") -> CallOutcome:
        """See `signalling.hold`."""
        return await signalling.hold(self.commander, call_id, display)

    async def unhold(self, call_id: CallId) -> CallOutcome:
        """See `signalling.unhold`."""
        return await signalling.unhold(self.commander, call_id)

    async def mute(
        self,
        call_id: CallId,
        direction: MediaDirection = MediaDirection.BOTH,
        comfort_noise_level: int = 0,
    ) -> CallOutcome:
        """See `audio.mute`."""
        return await audio.mute(self.commander, call_id, direction, comfort_noise_level)

    async def unmute(
        self, call_id: CallId, direction: MediaDirection = MediaDirection.BOTH
    ) -> CallOutcome:
        """See `audio.unmute`."""
        return await audio.unmute(self.commander, call_id, direction)

    async def play(self, spec: PlaySpec) -> PlayOutcome:
        """See `playback.play`."""
        return await playback.play(self.commander, spec)

    async def stop_playback(
        self, call_id: CallId, playback_id: OperationId | None = None
    ) -> CallOutcome:
        """See `playback.stop_playback`."""
        return await playback.stop_playback(self.commander, call_id, playback_id)

    async def send_dtmf(
        self, call_id: CallId, digits: str, duration_us: int = 0, *, as_received: bool = False
    ) -> CallOutcome:
        """See `audio.send_dtmf`."""
        return await audio.send_dtmf(
            self.commander, call_id, digits, duration_us, as_received=as_received
        )

    async def set_variables(self, call_id: CallId, variables: Mapping[str, str]) -> CallOutcome:
        """See `channel_variables.set_variables`."""
        return await channel_variables.set_variables(self.commander, call_id, variables)

    async def get_variables(self, call_id: CallId, names: Sequence[str] = ()) -> VariablesOutcome:
        """See `channel_variables.get_variables`."""
        return await channel_variables.get_variables(self.commander, call_id, names)
