"""A client for models that keeps a picture of all calls: a snapshot first, then what follows it."""

import asyncio
from collections.abc import Mapping

from tests.support.model_follower import Follower, Gap
from tests.support.model_replica import ModelReplica
from tests.support.model_switch import ModelSwitch

from callcontrol.ids import NodeId
from callcontrol.rpc import convert
from callcontrol.v1 import call_pb2, event_pb2, event_service_pb2
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse

NOT_MENDED = {Gap.REASON_SLOW_CONSUMER, Gap.REASON_HISTORY_EXPIRED}
"""Gaps after which the service does not tell how calls are: the client asks for a snapshot."""


class Watcher(Follower):
    """Keeps the rules for clients: it begins anew where a gap is not mended, and after any gap when
    it moves to another stream.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, switches: Mapping[NodeId, ModelSwitch]
    ) -> None:
        super().__init__(loop, switches, frozenset(), event_service_pb2.OVERFLOW_POLICY_SKIP)
        self.picture: dict[str, call_pb2.Call.State.ValueType] = {}
        self._told: set[str] = set()
        self._in_snapshot = False
        self._had_gap = False
        self._is_stale = False
        self._is_at_home = False
        """It reads the replica that its snapshot is from."""

    def resume(self, replica: ModelReplica, age: int, *, stalls: bool = False) -> None:
        """Go on elsewhere, with a new snapshot if there was a gap since the last one."""
        if self._had_gap or not self.tokens:
            self._renew(replica)
            return
        self._is_at_home = self._is_at_home and replica is self.replica
        super().resume(replica, age, stalls=stalls)

    def agrees(self) -> bool:
        """Whether the picture is the replica's; called when nothing is on its way. Begins anew
        where it must, and is to be asked again then.
        """
        assert self.replica is not None
        if self._is_stale or self._in_snapshot:
            self._renew(self.replica)
            return False
        tracker = self.replica.tracker
        if self._is_at_home or all(map(self.replica.is_up, self._switches)):
            seen = {
                str(call.call_id): convert.call(call).state for call in tracker.announced_calls()
            }
            differences = dict(self.picture.items() ^ seen.items())
            assert self.picture == seen, f"{differences}, at home {self._is_at_home}"
        return True

    def _renew(self, replica: ModelReplica) -> None:
        for witness in self._witnesses.values():
            witness.hear_of_gap()
        self._open(replica, self._anew())

    def _anew(self) -> EventsRequest:
        request = super()._anew()
        request.start.snapshot = True
        return request

    def _after(self, token: str) -> EventsRequest:
        request = super()._after(token)
        request.start.snapshot_if_expired = True
        return request

    def _take(self, message: EventsResponse) -> None:
        if message.HasField("started"):  # a snapshot that was broken off is told anew
            self._in_snapshot = False
        super()._take(message)
        if message.HasField("snapshot_completed"):
            self._begin_snapshot()
            count = message.snapshot_completed.call_count
            assert count == len(self.picture), f"{count} and not {len(self.picture)} calls"
            del self.tokens[:-1]  # those of before the picture would make it older
            self._in_snapshot = self._is_stale = self._had_gap = False
            self._is_at_home = True
        elif self._in_snapshot:
            assert not message.resume_token, "a token in the middle of a snapshot"

    def _see(self, event: event_pb2.Event) -> None:
        super()._see(event)
        if event.event_id in self._told:
            return
        self._told.add(event.event_id)
        call_id, is_known = event.call_id, event.call_id in self.picture
        match event.WhichOneof("payload"):
            case "call_snapshot":
                self._begin_snapshot()
                self.picture[call_id] = event.call_snapshot.call.state
            case "call_created":
                assert not (is_known and self._is_sure), "created twice"
                self.picture[call_id] = event.call_created.call.state
            case "call_state_changed":
                assert is_known or not self._is_sure, "changed, and never told of before"
                self.picture[call_id] = event.call_state_changed.call.state
            case "call_ended":
                self.picture.pop(call_id, None)

    @property
    def _is_sure(self) -> bool:
        """Whether no event can be about another picture than this one."""
        return self._is_at_home and not self._is_stale

    def _begin_snapshot(self) -> None:
        """What came before counts no more, neither calls nor events: a replica that is behind tells
        some of them again, and its picture is from before them.
        """
        if not self._in_snapshot:
            self._in_snapshot = True
            self.picture.clear()
            self._told.clear()

    def _hear(self, gap: event_service_pb2.Gap) -> None:
        super()._hear(gap)
        self._had_gap = True
        # What a replica finds changed behind a gap is told against its own picture.
        if gap.reason in NOT_MENDED or not self._is_at_home:
            self._is_stale = True
