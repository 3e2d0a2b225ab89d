"""What a replica does at the switch: it claims calls, acts on them, and lets them go on."""

from collections.abc import Callable

from tests.support.offer_switch import Link, Peer, Switch, SwitchCall
from tests.support.offer_workers import Staff

from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.requests import Destination, WorkerDestination
from callcontrol.errors import CallHasEnded
from callcontrol.ids import CallId, NodeId


class FakeClaims:
    """Claims on the switch."""

    def __init__(self, replica: Peer, switch: Switch) -> None:
        self._replica, self._switch = replica, switch

    async def take(self, node_id: NodeId, call_id: CallId) -> str:
        found = ""

        def effect() -> None:
            nonlocal found
            holder = self._switch.claims.setdefault(call_id, self._replica.name)
            found = "" if holder == self._replica.name else holder

        await self._switch.at_switch(self._replica, effect)
        return found

    async def take_over(self, node_id: NodeId, call_id: CallId, holder: str) -> str:
        found = ""

        def effect() -> None:
            nonlocal found
            if self._switch.claims.get(call_id) in {holder, None}:
                self._switch.claims[call_id] = self._replica.name
            holder_now = self._switch.claims[call_id]
            found = "" if holder_now == self._replica.name else holder_now

        await self._switch.at_switch(self._replica, effect)
        return found

    async def leave(self, node_id: NodeId, call_id: CallId) -> None:
        def effect() -> None:
            if self._switch.claims.get(call_id) == self._replica.name:
                del self._switch.claims[call_id]

        mine = (self._replica.name, call_id)
        self._switch.left_behind.add(mine)  # where the command is lost
        await self._switch.at_switch(self._replica, effect)
        self._switch.left_behind.discard(mine)

    async def give_back(self, node_id: NodeId, call_id: CallId, holder: str) -> None:
        await self.leave(node_id, call_id)

        def effect() -> None:
            self._switch.claims.setdefault(call_id, holder)
            # That one may just have left it: then it is stale, and for the sweep.
            self._switch.left_behind.add((holder, call_id))

        await self._switch.at_switch(self._replica, effect)

    def may_count_as_gone(self, node_id: NodeId) -> bool:
        return self._replica.is_to_look or self._replica.link is not Link.WHOLE

    async def is_gone(self, node_id: NodeId, holder: str) -> bool:
        found = False

        def effect() -> None:
            nonlocal found
            found = not any(each.name == holder for each in self._switch.seen())

        await self._switch.at_switch(self._replica, effect)
        return found


class FakeHands:
    """What is done to calls."""

    def __init__(self, replica: Peer, staff: Staff) -> None:
        self._replica, self._staff, self._switch = replica, staff, staff.switch

    def check(self, destination: Destination) -> None:
        pass

    async def standing(self, call_id: CallId) -> Standing:
        found = Standing()

        def effect(call: SwitchCall) -> None:
            nonlocal found
            policy = call.variables.get("policy")
            found = Standing(
                application=call.application,
                worker_name=call.variables.get("worker", ""),
                worker_id=call.variables.get("worker_id", ""),
                lost_policy=LostWorkerPolicy(policy) if policy else None,
                onward="onward" in call.variables,
                is_guarded=call.is_guarded,
            )

        await self._do(call_id, effect)
        return found

    async def note_owner(self, call_id: CallId, owner: Standing) -> None:
        def effect(call: SwitchCall) -> None:
            policy = owner.lost_policy.value if owner.lost_policy else ""
            call.variables = {
                "worker": owner.worker_name, "worker_id": owner.worker_id, "policy": policy
            }  # fmt: skip

        await self._do(call_id, effect)

    async def note_onward(self, call_id: CallId) -> None:
        def effect(call: SwitchCall) -> None:
            call.variables = _of_nobody(call) | {"onward": "true"}

        await self._do(call_id, effect)

    async def take_off_guard(self, call_id: CallId) -> bool:
        was_guarded = False

        def effect(call: SwitchCall) -> None:
            nonlocal was_guarded
            was_guarded, call.is_guarded, call.will_leave = call.is_guarded, False, False

        await self._do(call_id, effect)
        return was_guarded

    async def note_free(self, call_id: CallId, application: str) -> None:
        def effect(call: SwitchCall) -> None:
            call.variables = _of_nobody(call)

        await self._do(call_id, effect)

    async def play_music(self, call_id: CallId, media: str) -> None:
        await self._do(call_id, lambda _call: None)

    async def stop_music(self, call_id: CallId) -> None:
        await self._do(
            call_id,
            lambda call: self._staff.assert_unowned(
                call.call_id, "its sound stopped", by=self._replica
            ),
        )

    async def transfer(self, call_id: CallId, destination: Destination) -> None:
        def effect(call: SwitchCall) -> None:
            self._staff.assert_unowned(call_id, "transferred", by=self._replica)
            self._switch.leave_park(call, falls=False)
            if isinstance(destination, WorkerDestination):
                call.application, call.variables = destination.application, {}
                self._switch.park(call)
            else:
                call.application, call.variables = "", {}

        await self._do(call_id, effect)

    async def hang_up(self, call_id: CallId) -> None:
        def effect(call: SwitchCall) -> None:
            self._staff.assert_unowned(call_id, "hung up", by=self._replica)
            self._switch.end(call)

        await self._do(call_id, effect)

    async def _do(self, call_id: CallId, effect: Callable[[SwitchCall], None]) -> None:
        def on_call() -> None:
            call = self._switch.calls[call_id]
            if not call.alive:
                raise CallHasEnded(call_id)
            effect(call)

        await self._switch.at_switch(self._replica, on_call)


def _of_nobody(call: SwitchCall) -> dict[str, str]:
    """What the switch still remembers of the one who had a call last."""
    return {key: kept for key, kept in call.variables.items() if key in {"worker_id", "policy"}}


class FakeDoor:
    """Lets a call go on, as a socket that ends or a park that is left."""

    def __init__(
        self, replica: Peer, staff: Staff, call_id: CallId, *, is_socket: bool = False
    ) -> None:
        self._replica, self._staff = replica, staff
        self._call_id, self._is_socket = call_id, is_socket

    async def go_on(self) -> None:
        staff, switch = self._staff, self._staff.switch

        def effect() -> None:
            call = switch.calls[self._call_id]
            if call.alive:
                staff.happened["sent on"] += 1
                staff.assert_unowned(self._call_id, "sent on", by=self._replica)
                switch.leave_park(call)

        if self._is_socket and self._replica.link is Link.WHOLE:
            effect()
        else:
            await switch.at_switch(self._replica, effect)
