"""Parks that wait for a worker: what ends them, and the table of the switch in which calls are
claimed. The same on the simulator and on a real FreeSWITCH.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.switch_under_test import SwitchUnderTest

UNKNOWN = "00000000-0000-4000-8000-000000000000"
BEHIND_A_PARK = [
    "UNPARK",
    "EXECUTE_COMPLETE park",
    "EXECUTE set",
    "EXECUTE_COMPLETE set",
    "EXECUTE answer",
    "ANSWER",
    "EXECUTE_COMPLETE answer",
    "EXECUTE playback",
    "EXECUTE_COMPLETE playback",
    "HANGUP",
    "CS_HANGUP",
    "CS_REPORTING",
    "HANGUP_COMPLETE",
]


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


async def parked(scene: Scene, dialled: str = "bell-ivr") -> Caller:
    """A call that waits in a park of its dialplan."""
    caller = await scene.call_in(dialled)
    await scene.saw(caller, "CHANNEL_PARK")
    return caller


async def unpark(scene: Scene, caller: Caller) -> None:
    """Hold the call with a link for a moment."""
    async with scene.link() as link:
        assert await link.ask(f"myevents {caller.call_id} json") == "+OK Events Enabled"
        assert await link.ask("exit") == "+OK bye"


# The end of a park


async def test_the_dialplan_goes_on_when_a_link_that_held_the_parked_call_ends(
    scene: Scene,
) -> None:
    caller = await parked(scene)
    await unpark(scene, caller)

    assert (await scene.history(caller))[-len(BEHIND_A_PARK) :] == BEHIND_A_PARK


async def test_an_answered_call_goes_on_just_so_and_what_follows_nothing_is_the_end(
    scene: Scene,
) -> None:
    caller = await parked(scene, "park")
    await unpark(scene, caller)
    ended = await scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")

    assert ended["Hangup-Cause"] == "NORMAL_CLEARING"


async def test_a_link_that_breaks_ends_the_park_as_well(scene: Scene) -> None:
    caller = await parked(scene)
    async with scene.link() as link:
        await link.ask(f"myevents {caller.call_id} json")

    await scene.goes_on(caller)


async def test_a_link_that_holds_a_call_knows_it_as_its_socket_would(scene: Scene) -> None:
    caller = await parked(scene)
    async with scene.link() as link:
        await link.ask(f"myevents {caller.call_id} json")
        link.write("connect")
        data = (await link.answer()).headers

        assert data["Unique-ID"] == caller.call_id
        assert (data["Socket-Mode"], data["Control"]) == ("async", "full")
        assert await link.ask("getvar callcontrol_application") == "ivr"


async def test_a_call_that_is_gone_is_refused_only_where_a_format_is_given(scene: Scene) -> None:
    async with scene.link() as link:
        refused = await link.ask(f"myevents {UNKNOWN} json")
        taken = await link.ask(f"myevents {UNKNOWN}")

    assert refused == "-ERR invalid uuid"
    assert taken == "+OK Events Enabled"


async def test_a_call_that_was_sent_to_a_park_obeys_nothing_behind_it_until_it_is_sent_elsewhere(
    scene: Scene,
) -> None:
    caller = await scene.call_in("answer")
    await scene.saw(caller, "CHANNEL_EXECUTE", "sleep")
    await scene.watch.ask(f"api uuid_park {caller.call_id}")
    await scene.saw(caller, "CHANNEL_PARK")
    await unpark(scene, caller)
    await scene.saw(caller, "CHANNEL_UNPARK")
    await scene.watch.ask(f"sendmsg {caller.call_id}\ncall-command: hangup")
    await scene.time_passes()
    known = scene.names(caller)
    await scene.watch.ask(f"api uuid_transfer {caller.call_id} short XML callcontrol")

    assert "CHANNEL_HANGUP" not in known
    await scene.saw(caller, "CHANNEL_HANGUP")


async def test_a_park_within_a_park_is_none(scene: Scene) -> None:
    caller = await parked(scene)
    order = f"sendmsg {caller.call_id}\ncall-command: execute\nexecute-app-name: park"
    await scene.watch.ask(order)
    await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "park")
    await scene.time_passes()

    assert "CHANNEL_PARK" not in scene.names(caller)
    assert "CHANNEL_UNPARK" not in scene.names(caller)


async def test_another_link_ends_the_park_of_a_socket_which_stays_with_the_call(
    scene: Scene,
) -> None:
    caller, call = await scene.connected()
    await unpark(scene, caller)
    await scene.goes_on(caller)

    assert await call.ask("getvar socket_path") == "app"
    await call.notice("disconnect")


async def test_a_socket_that_is_brought_up_within_a_park_ends_that_when_it_ends(
    scene: Scene,
) -> None:
    caller = await parked(scene)
    order = f"{scene.switch.host}:{scene.server.port} async full"
    await scene.watch.ask(
        f"sendmsg {caller.call_id}\ncall-command: execute\nexecute-app-name: socket\n"
        f"execute-app-arg: {order}"
    )
    call = await scene.server.next_call()
    await call.channel_data()
    await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "socket")
    assert await call.ask("exit") == "+OK bye"

    await scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "park")
    await scene.goes_on(caller)


async def test_a_call_behind_a_socket_that_nobody_takes_waits_in_its_park(scene: Scene) -> None:
    caller = await parked(scene, "bell-ivr-9")
    variable = f"api uuid_getvar {caller.call_id} callcontrol_application"

    assert await scene.watch.ask(variable) == "ivr"
    await unpark(scene, caller)
    await scene.goes_on(caller)


async def test_a_call_behind_a_socket_whose_server_dies_is_parked_again(scene: Scene) -> None:
    caller = await scene.call_in(f"bell-ivr-{scene.server.port}")
    call = await scene.server.next_call()
    await call.channel_data()
    await scene.saw(caller, "CHANNEL_PARK")
    call.reset()

    await scene.saw(caller, "CHANNEL_EXECUTE", "park")
    await scene.saw(caller, "CHANNEL_PARK")


# The table in which calls are claimed


GRANTED = "+OK\n"
USAGE = "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n"
TALKS = {
    "claims": [
        ("insert_ifempty/REALM/k/v", "+OK\n"),
        ("insert_ifempty/REALM/k/w", "-ERR key already exists\n"),
        ("select/REALM/k", "v"),
        ("delete_ifmatch/REALM/k/w", "-ERR Doesn't match\n"),
        ("delete_ifmatch/REALM/k/v", "+OK\n"),
        ("delete_ifmatch/REALM/k/v", "-ERR Not found\n"),
        ("select/REALM/k", "-ERR no reply\n"),
        ("delete/REALM/k", "-ERR Not found\n"),
    ],
    "values": [
        ("insert/REALM/k/a/b c", "+OK\n"),
        ("select/REALM/k", "a/b c"),
        ("INSERT/REALM/k/new", "+OK\n"),
        ("SELECT/REALM/k", "new"),
        ("select/REALM/K", "-ERR no reply\n"),
        ("delete/REALM/k", "+OK\n"),
    ],
    "one name for realm and key": [
        ("insert/REALM_a/b/1", "+OK\n"),
        ("select/REALM/a_b", "1"),
        ("delete/REALM/a_b", "+OK\n"),
    ],
    "usage": [
        ("", USAGE),
        ("select", USAGE),
        ("select/REALM", USAGE),
        ("insert/REALM/k", USAGE),
        ("insert_ifempty/REALM/k", USAGE),
        ("delete_ifmatch/REALM/k", USAGE),
        ("insert/REALM/k/", USAGE),
        ("nothing/REALM/k/v", USAGE),
    ],
}


@pytest.mark.parametrize("talk", list(TALKS.values()), ids=list(TALKS))
async def test_what_the_table_answers(scene: Scene, talk: list[tuple[str, str]]) -> None:
    realm = uuid.uuid4().hex
    for command, reply in talk:
        asked = f"api hash {command.replace('REALM', realm)}".rstrip()
        assert (command, await scene.watch.ask(asked)) == (command, reply)


async def test_of_many_who_claim_a_call_at_once_one_gets_it(scene: Scene) -> None:
    key = uuid.uuid4()

    async with AsyncExitStack() as open_links:
        links = [await open_links.enter_async_context(scene.link()) for _ in range(8)]
        for replica, link in enumerate(links):
            link.write(f"api hash insert_ifempty/callcontrol/{key}/replica-{replica}")
        replies = [(await link.answer()).reply for link in links]
    owner = await scene.watch.ask(f"api hash select/callcontrol/{key}")
    await scene.watch.ask(f"api hash delete/callcontrol/{key}")

    assert replies.count(GRANTED) == 1
    assert replies.count("-ERR key already exists\n") == 7
    assert owner == f"replica-{[reply == GRANTED for reply in replies].index(True)}"
