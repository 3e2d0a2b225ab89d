"""The simulator brings calls to servers as FreeSWITCH did when it was recorded."""

import asyncio

import pytest
from tests.support.outbound_replay import Play, Said, sure

TIME_SCALE = 0.2
RECORDED = [
    "outbound-answered-before-socket",
    "outbound-async",
    "outbound-async-full",
    "outbound-async-full-json",
    "outbound-caller-hangs-up-async",
    "outbound-caller-hangs-up-linger",
    "outbound-caller-hangs-up-linger-3",
    "outbound-caller-hangs-up-no-linger",
    "outbound-caller-hangs-up-nolinger",
    "outbound-caller-hangs-up-sync",
    "outbound-first-command-not-connect",
    "outbound-full",
    "outbound-sync",
]
"""Those in which one server speaks with the switch, alone, in frames that are whole."""


def events(said: list[Said]) -> list[str]:
    return [each.words for each in sure(said) if each.is_event]


@pytest.mark.parametrize("name", RECORDED)
async def test_what_a_switch_says_to_a_server_is_what_was_recorded(name: str) -> None:
    play = Play(name)
    async with asyncio.timeout(30):
        await play.run(TIME_SCALE)
    then, now = events(play.then), events(play.now)
    answers = [[each for each in said if not each.is_event] for said in (play.then, play.now)]

    assert answers[1] == answers[0]
    if any(each.words.startswith("linger") for each in play.then):
        assert now == then
        return
    both = min(len(then), len(now))
    until_the_end = then.index("HANGUP") if "HANGUP" in then else len(then)
    assert now[:both] == then[:both]
    assert both >= until_the_end, "only what comes after the end may be lost without linger"
