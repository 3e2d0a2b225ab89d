"""Claims by mod_hash: what is sent, who gets a claim, and who counts as gone."""

import pytest
from tests.support.call_node import A, FakeFleet, FakeNode
from tests.support.hash_table import HashTable

from callcontrol.calls.offers.claims import SIGN_INTERVAL_S, SILENCE_S, HashClaims
from callcontrol.errors import NodeUnavailable
from callcontrol.ids import NodeId

NODE = NodeId("fs1")


class World:
    """Replicas at one switch, and the time."""

    def __init__(self) -> None:
        self.now_s, self.node, self.table = 100.0, FakeNode(), HashTable()
        self.node.answers["hash"] = self.table.answer
        self.fleet = FakeFleet((self.node,))

    def replica(self, name: str) -> HashClaims:
        return HashClaims(
            self.fleet.get, lambda: list(self.fleet.nodes), name, clock=lambda: self.now_s
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_the_first_replica_gets_the_claim_and_the_others_learn_who(world: World):
    first, second = world.replica("one"), world.replica("two")
    assert await first.take(NODE, A) == ""
    assert await second.take(NODE, A) == "one"
    assert await first.take(NODE, A) == "", "it is its own already"
    assert world.node.sent[0] == f"hash insert_ifempty/callcontrol/{A}/one"


async def test_a_claim_that_was_left_is_free(world: World):
    first, second = world.replica("one"), world.replica("two")
    await first.take(NODE, A)
    await second.leave(NODE, A)
    assert await second.take(NODE, A) == "one", "who has no claim leaves none"
    await first.leave(NODE, A)
    assert await second.take(NODE, A) == ""


async def test_a_claim_that_is_given_back_is_its_former_holders(world: World):
    first, second, third = (world.replica(name) for name in ("one", "two", "three"))
    await first.take(NODE, A)
    await second.take_over(NODE, A, "one")
    await second.give_back(NODE, A, "one")
    assert await third.take(NODE, A) == "one"
    await first.leave(NODE, A)
    await third.give_back(NODE, A, "one")
    assert await second.take(NODE, A) == "", "who has no claim gives none away"


async def test_of_two_that_take_over_one_gets_it(world: World):
    first, second, third = (world.replica(name) for name in ("one", "two", "three"))
    await first.take(NODE, A)
    assert await second.take_over(NODE, A, "one") == ""
    assert await third.take_over(NODE, A, "one") == "two"


async def test_who_could_give_no_sign_for_so_long_that_it_counts_as_gone_is_told(world: World):
    first, told = world.replica("one"), list[NodeId]()
    first.on_silence = told.append
    assert first.may_count_as_gone(NODE), "it has not said yet that it is there"
    await first.give_signs()
    assert not first.may_count_as_gone(NODE)
    world.now_s += SILENCE_S - SIGN_INTERVAL_S
    assert first.may_count_as_gone(NODE)
    await first.give_signs()
    assert not told
    world.now_s += SILENCE_S
    await first.give_signs()
    assert told == [NODE]
    assert not first.may_count_as_gone(NODE)


async def test_a_sign_that_could_not_be_given_is_none(world: World):
    first, told = world.replica("one"), list[NodeId]()
    first.on_silence = told.append
    await first.give_signs()
    world.node.answers["hash"] = NodeUnavailable(NODE, "", 1.0)
    world.now_s += SILENCE_S / 2
    await first.give_signs()
    world.node.answers["hash"] = world.table.answer
    world.now_s += SILENCE_S / 2
    assert first.may_count_as_gone(NODE)
    await first.give_signs()
    assert told == [NODE]


async def test_who_gives_signs_of_life_is_not_gone_and_who_gives_none_is_after_a_while(
    world: World,
):
    first, second = world.replica("one"), world.replica("two")
    await first.give_signs()
    assert not await second.is_gone(NODE, "one")
    for _ in range(10):
        world.now_s += SIGN_INTERVAL_S
        await first.give_signs()
        assert not await second.is_gone(NODE, "one")
    world.now_s += SILENCE_S - 0.1
    assert not await second.is_gone(NODE, "one")
    world.now_s += 0.2
    assert await second.is_gone(NODE, "one")


async def test_who_said_goodbye_is_gone_at_once(world: World):
    first, second = world.replica("one"), world.replica("two")
    await first.give_signs()
    await first.say_goodbye()
    assert await second.is_gone(NODE, "one")


async def test_who_has_not_yet_given_a_sign_gets_the_time_to(world: World):
    second = world.replica("two")
    assert not await second.is_gone(NODE, "one")
    world.now_s += SILENCE_S + 0.1
    assert await second.is_gone(NODE, "one")


async def test_without_mod_hash_every_claim_is_granted_and_that_is_said_once(
    world: World, caplog: pytest.LogCaptureFixture
):
    world.node.answers["hash"] = "-ERR hash Command not found!\n"
    first, second = world.replica("one"), world.replica("two")
    for claims in (first, second):
        for _ in range(2):
            assert await claims.take(NODE, A) == ""
    warned = [record for record in caplog.records if "no claims" in record.getMessage()]
    assert len(warned) == len((first, second))


async def test_a_switch_that_cannot_be_asked_grants_nothing(world: World):
    world.node.reachable = False
    claims = world.replica("one")
    with pytest.raises(NodeUnavailable):
        await claims.take(NODE, A)
    await claims.give_signs()
    await claims.say_goodbye()


def test_each_process_has_a_name_of_its_own(world: World):
    assert world.replica("").replica != world.replica("").replica
