"""The simulator brings calls to servers as FreeSWITCH did when it was recorded."""

import asyncio

import pytest
from tests.contract.raw_client import RawClient
from tests.support.outbound_replay import Play, Said, sure
from tests.support.outbound_server import OutboundServer

from callcontrol.simulator import Simulator

TIME_SCALE = 0.2
RECORDED = [
    "outbound-answered-before-socket",
    "outbound-async",
    "outbound-async-full",
    "outbound-async-full-json",
    "outbound-caller-hangs-up-async",
    "outbound-caller-hangs-up-before-connect",
    "outbound-caller-hangs-up-linger",
    "outbound-caller-hangs-up-linger-3",
    "outbound-caller-hangs-up-no-linger",
    "outbound-caller-hangs-up-nolinger",
    "outbound-caller-hangs-up-sync",
    "outbound-events-order",
    "outbound-first-command-not-connect",
    "outbound-full",
    "outbound-resume",
    "outbound-server-closes-after-answer",
    "outbound-server-closes-after-answer-sync",
    "outbound-server-closes-at-once",
    "outbound-server-closes-at-once-sync",
    "outbound-server-exits",
    "outbound-server-exits-playing",
    "outbound-server-half-closes",
    "outbound-server-resets",
    "outbound-server-silent",
    "outbound-sync",
]
"""Those in which somebody listens, to one call alone, and all frames are whole."""


def events(said: list[Said]) -> list[str]:
    return [each.words for each in sure(said) if each.is_event]


def answers(said: list[Said]) -> list[Said]:
    return [each for each in said if not each.is_event]


@pytest.mark.parametrize("name", RECORDED)
async def test_what_a_switch_says_to_a_server_is_what_was_recorded(name: str) -> None:
    async with asyncio.timeout(30):
        talks = await Play.of(name, TIME_SCALE)
    for connection, talk in talks.items():
        then, now = events(talk.recorded()), events(talk.now)
        lingers = any(each.words.startswith("linger") for each in talk.recorded())
        both = len(then) if connection == "a" or lingers else min(len(then), len(now))
        until_the_end = then.index("HANGUP") if "HANGUP" in then else len(then)

        assert answers(talk.now) == answers(talk.recorded())
        assert now[:both] == then[:both]
        assert both >= until_the_end, "only what comes after the end may be lost without linger"


async def test_a_fault_of_sockets_strikes_no_link_of_a_client_and_the_other_way_round() -> None:
    async with (
        asyncio.timeout(10),
        Simulator() as switch,
        OutboundServer.listening("127.0.0.1") as server,
        await RawClient.connect("127.0.0.1", switch.port) as link,
    ):
        await link.log_in("ClueCon")
        switch.call_in(f"socket-async-full-{server.port}")
        call = await server.next_call()
        await call.channel_data()
        switch.faults.drop("sockets", reset=True)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await call.frame()

        assert await link.ask("api echo here") == "here"
        switch.call_in(f"socket-async-full-{server.port}")
        other = await server.next_call()
        switch.faults.drop("commands")
        assert (await other.channel_data())["Socket-Mode"] == "async"
