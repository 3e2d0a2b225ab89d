"""Stale claims: what is taken away, what stays, and when a node is swept."""

import asyncio

import pytest
from tests.support.call_node import A, B, FakeFleet, FakeNode
from tests.support.hash_table import HashTable

from callcontrol.calls.offers.claims import SILENCE_S
from callcontrol.calls.offers.sweep import LOOK_INTERVAL_S, RETRY_S, SWEEP_INTERVAL_S, ClaimSweep
from callcontrol.errors import NodeUnavailable
from callcontrol.ids import CallId, NodeId

OF_A, OF_B = f"callcontrol_{A}", f"callcontrol_{B}"
SIGN = "callcontrol-replicas_"


class World:
    """A switch with calls and a table, and a replica that sweeps it."""

    def __init__(self) -> None:
        self.now_s, self.node, self.table = 100.0, FakeNode(), HashTable()
        self.on_switch: set[str] = set()
        self.known: set[str] = set()
        self.node.answers |= {
            "hash": self.table.answer,
            "hash_dump": self.table.dump,
            "uuid_exists": lambda call_id: str(call_id in self.on_switch).lower(),
        }
        self.is_up = True
        self._fleet = FakeFleet((self.node,))
        self._pauses = asyncio.Semaphore(0)
        self._paused = asyncio.Event()
        self.sweep = ClaimSweep(
            self._fleet.get,
            lambda: self._fleet.nodes if self.is_up else (),
            self._is_known,
            clock=lambda: self.now_s,
            sleep=self._sleep,
        )

    def _is_known(self, node_id: NodeId, call_id: CallId) -> bool:
        return call_id in self.known

    async def _sleep(self, seconds: float) -> None:
        assert seconds == LOOK_INTERVAL_S
        self._paused.set()
        await self._pauses.acquire()

    async def later(self, seconds: float) -> list[str]:
        """What is asked when it looks again after so many seconds."""
        self.now_s += seconds
        self.node.sent.clear()
        self._paused.clear()
        self._pauses.release()
        await self._paused.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        return self.node.sent

    async def swept(self) -> dict[str, str]:
        """What is in the table after a sweep."""
        await self.sweep.sweep(self.node)
        return self.table.values


@pytest.fixture
def world() -> World:
    return World()


async def test_a_claim_on_a_call_that_is_over_is_deleted_whoever_has_it(world: World):
    world.table.values = {OF_A: "one", OF_B: "two"}
    world.on_switch = {B}
    assert await world.swept() == {OF_B: "two"}


async def test_a_call_that_is_known_is_not_asked_for_and_keeps_its_claim(world: World):
    world.table.values, world.known = {OF_A: "one"}, {A}
    assert await world.swept() == {OF_A: "one"}
    assert not [sent for sent in world.node.sent if sent.startswith("uuid_exists")]


async def test_a_call_that_came_while_it_was_asked_for_keeps_its_claim(world: World):
    world.table.values = {OF_A: "one"}

    def comes(call_id: str) -> str:
        world.known.add(call_id)
        return "false"

    world.node.answers["uuid_exists"] = comes
    assert await world.swept() == {OF_A: "one"}


async def test_a_claim_that_changed_hands_meanwhile_stays(world: World):
    world.table.values = {OF_A: "one"}

    def taken_over(call_id: str) -> str:
        world.table.values[OF_A] = "two"
        return "false"

    world.node.answers["uuid_exists"] = taken_over
    assert await world.swept() == {OF_A: "two"}


async def test_an_answer_that_does_not_say_no_deletes_nothing(world: World):
    world.table.values = {OF_A: "one"}
    world.node.answers["uuid_exists"] = "-ERR Usage\n"
    assert await world.swept() == {OF_A: "one"}


async def test_what_others_keep_in_the_table_is_left_alone(world: World):
    theirs = {f"x{OF_A}": "one", "callcontrol_a call": "one", "callcontrol_-": "x"}
    world.table.values = dict(theirs)
    assert await world.swept() == theirs


async def test_a_goodbye_stays_as_long_as_its_replica_has_a_claim(world: World):
    world.table.values = {OF_A: "one", OF_B: "two"}
    world.table.values |= {f"{SIGN}one": "goodbye", f"{SIGN}two": "goodbye"}
    world.on_switch = {B}
    assert await world.swept() == {OF_B: "two", f"{SIGN}two": "goodbye"}


async def test_a_sign_that_did_not_change_since_the_sweep_before_goes_too(world: World):
    world.table.values = {f"{SIGN}dead": "dead:7", f"{SIGN}alive": "alive:7"}
    assert len(await world.swept()) == 2
    world.now_s += SILENCE_S - 1
    assert len(await world.swept()) == 2, "that was too soon to tell"
    world.now_s += SILENCE_S
    world.table.values[f"{SIGN}alive"] = "alive:12"
    assert await world.swept() == {f"{SIGN}alive": "alive:12"}


async def test_without_mod_hash_there_is_nothing_to_sweep(
    world: World, caplog: pytest.LogCaptureFixture
):
    for name in ("hash", "hash_dump"):
        world.node.answers[name] = f"-ERR {name} Command not found!\n"
    await world.swept()
    assert [sent.split()[0] for sent in world.node.sent] == ["hash_dump", "hash_dump"]
    assert not caplog.records


async def test_a_node_is_swept_when_it_comes_up_and_now_and_then(world: World):
    world.is_up = False
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.sweep.run())
        assert not await world.later(LOOK_INTERVAL_S)
        world.is_up = True
        assert await world.later(LOOK_INTERVAL_S)
        assert not await world.later(LOOK_INTERVAL_S)
        assert await world.later(SWEEP_INTERVAL_S)
        world.is_up = False
        assert not await world.later(LOOK_INTERVAL_S)
        world.is_up = True
        assert await world.later(LOOK_INTERVAL_S)
        running.cancel()


async def test_a_sweep_that_failed_is_done_again_a_while_later(world: World):
    world.table.values = {OF_A: "one"}
    world.node.answers["uuid_exists"] = NodeUnavailable(world.node.node_id, "not connected", 1.0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.sweep.run())
        await world.later(0)
        world.node.answers["uuid_exists"] = "false"
        assert not await world.later(RETRY_S - LOOK_INTERVAL_S)
        assert await world.later(LOOK_INTERVAL_S)
        running.cancel()
    assert not world.table.values
