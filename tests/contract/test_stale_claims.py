"""What replicas that are no more left in the switch's table is taken away by one that comes up,
and nothing else. The same on the simulator and on a real FreeSWITCH.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from tests.contract.handling_hall import Hall, Place, take
from tests.contract.outbound_scene import Scene
from tests.contract.phone import DEADLINE_S
from tests.contract.switch_under_test import SwitchUnderTest

USAGE = "Usage: all|limit|db [<realm>]\n"
NONE = "-ERR no reply\n"


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


async def until(scene: Scene, place: str, value: str) -> None:
    """Wait until the table has this at a place."""
    async with asyncio.timeout(DEADLINE_S):
        while await scene.watch.ask(f"api hash select/{place}") != value:
            await scene.watch.ask("api msleep 20")


async def put(scene: Scene, place: str, value: str) -> None:
    assert await scene.watch.ask(f"api hash insert/{place}/{value}") == "+OK\n"


@pytest.mark.parametrize("asked", ["", "nothing", "DB", "DB REALM"])
async def test_what_the_table_shows_of_what_it_does_not_have(scene: Scene, asked: str) -> None:
    assert await scene.watch.ask(f"api hash_dump {asked}".rstrip()) == USAGE


async def test_the_table_shows_the_entries_of_a_realm(scene: Scene) -> None:
    realm, key = uuid.uuid4().hex, uuid.uuid4()
    shown = f"hash_dump db {realm}"
    assert await scene.watch.ask(f"api {shown}") == NONE
    await put(scene, f"{realm}/{key}", "a/b")
    assert await scene.watch.ask(f"api {shown}") == f"D/{realm}_{key}/a/b\n"
    await put(scene, f"x{realm}/{key}", "c")
    lines = {f"D/{realm}_{key}/a/b", f"D/x{realm}_{key}/c"}
    assert set((await scene.watch.ask(f"api {shown}")).splitlines()) == lines
    for what in ("db", f"db {realm} {key}", f"all {realm}"):
        assert lines <= set((await scene.watch.ask(f"api hash_dump {what}")).splitlines())
    assert await scene.watch.ask(f"api hash_dump limit {realm}") == NONE
    for each in (realm, f"x{realm}"):
        await scene.watch.ask(f"api hash delete/{each}/{key}")


async def test_a_claim_on_a_call_that_is_over_goes_and_one_on_a_call_that_lives_stays(
    switch: SwitchUnderTest, scene: Scene
) -> None:
    caller = await scene.call_in("bell-menu")
    await scene.saw(caller, "CHANNEL_PARK")
    over, dead, alive = uuid.uuid4(), f"dead-{uuid.uuid4()}", f"alive-{uuid.uuid4()}"
    await put(scene, f"callcontrol/{over}", dead)
    await put(scene, f"callcontrol/{caller.call_id}", alive)
    for replica in (dead, alive):
        await put(scene, f"callcontrol-replicas/{replica}", "goodbye")
    async with Place.open(switch, outbound_offer_wait_s=60) as place:
        await until(scene, f"callcontrol/{over}", NONE)
        await until(scene, f"callcontrol-replicas/{dead}", NONE)
        # The one that lives is another's, who went away: it is taken over, not swept.
        worker = await place.worker()
        await take(worker, caller)
        holder = await scene.watch.ask(f"api hash select/callcontrol/{caller.call_id}")
        assert holder not in (NONE, alive, dead)
    await scene.watch.ask(f"api hash delete/callcontrol-replicas/{alive}")


async def test_what_is_claimed_and_known_to_nobody_else_stays(
    switch: SwitchUnderTest, scene: Scene
) -> None:
    caller = await scene.call_in("answer")
    over, other = uuid.uuid4(), f"other-{uuid.uuid4()}"
    await put(scene, f"callcontrol/{caller.call_id}", other)
    await put(scene, f"callcontrol-replicas/{other}", "goodbye")
    await put(scene, f"callcontrol/{over}", other)
    async with Place.open(switch):
        await until(scene, f"callcontrol/{over}", NONE)
        await scene.time_passes()
        assert await scene.watch.ask(f"api hash select/callcontrol/{caller.call_id}") == other
        assert await scene.watch.ask(f"api hash select/callcontrol-replicas/{other}") == "goodbye"
    await scene.watch.ask(f"api hash delete/callcontrol/{caller.call_id}")
    await scene.watch.ask(f"api hash delete/callcontrol-replicas/{other}")


async def test_thousands_are_swept_while_a_call_is_offered(
    switch: SwitchUnderTest, scene: Scene
) -> None:
    mark = uuid.uuid4().hex
    for number in range(2_000):
        scene.watch.write(f"api hash insert/callcontrol/{mark}-{number}/dead")
    for _ in range(2_000):
        assert (await scene.watch.answer()).reply == "+OK\n"
    async with Hall.open(switch) as hall:
        worker = await hall.place.worker()
        await take(worker, await hall.call_in("park"))
        async with asyncio.timeout(60):
            while mark in await scene.watch.ask("api hash_dump db callcontrol"):
                await scene.watch.ask("api msleep 100")
