"""An Originate that may be a repeat: where it looks, what it finds, and when it dials."""

import asyncio
import json
from dataclasses import replace

import pytest
from tests.support.call_node import CORE, A, B, Desk
from tests.unit.calls.test_originate import SPEC, Placing
from tests.unit.calls.test_originate_legs import job_ends

from callcontrol.calls.outcome import Disposition
from callcontrol.calls.requests import OriginateSpec, WaitUntil
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallIdTaken,
    NodeUnavailable,
    OutcomeUnknown,
    RequestIdReused,
)
from callcontrol.ids import NodeId

REPEAT = replace(SPEC, call_id_is_derived=True, request_id="r-1", fingerprint="f" * 32)
CHOSEN = replace(REPEAT, call_id_is_derived=False)
MINE = {"variable_uuid": A, "variable_cc_request": REPEAT.fingerprint}
QUICK = ControlSettings(first_sign_timeout_s=0.0)


def originates(desk: Desk) -> int:
    return sum(line.startswith("originate ") for node in desk.nodes for line in node.sent)


def dump(fingerprint: str = REPEAT.fingerprint, state: str = "ringing") -> str:
    return json.dumps(
        {
            "Event-Name": "CHANNEL_DATA",
            "Core-UUID": CORE,
            "Event-Sequence": "7",
            "Unique-ID": A,
            "Channel-State": "CS_CONSUME_MEDIA",
            "Answer-State": state,
            "Call-Direction": "outbound",
            "variable_uuid": A,
            "variable_cc_request": fingerprint,
        }
    )


async def test_the_first_one_asks_every_node_and_dials_with_the_fingerprint() -> None:
    desk = Desk(nodes=2)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, REPEAT)
        await placing.sent()
        command = await placing.sent()
        desk.active(A)
    assert [node.sent[0] for node in desk.nodes] == [f"uuid_exists {A}"] * 2
    assert f"cc_request={REPEAT.fingerprint}" in command
    assert not placing.outcome.replayed


async def test_a_call_on_another_node_is_found_and_followed() -> None:
    desk = Desk(nodes=2)
    desk.nodes[1].answers |= {"uuid_exists": "true", "uuid_dump": dump()}
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, REPEAT)
        await desk.nodes[1].arrivals.get()
        await desk.nodes[1].arrivals.get()
        for _ in range(5):
            await asyncio.sleep(0)
        desk.happen("CHANNEL_ANSWER", A, 1, Answer_State="answered")
    assert placing.outcome.replayed
    assert placing.outcome.disposition is Disposition.ANSWERED
    assert placing.outcome.call.node_id == "fs2"
    assert originates(desk) == 0


async def test_a_node_that_cannot_be_asked_is_passed_over() -> None:
    desk = Desk(nodes=2)
    desk.nodes[1].answers["uuid_exists"] = NodeUnavailable(NodeId("fs2"), "down", 1.0)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, replace(REPEAT, wait_until=WaitUntil.ACCEPTED))
    assert not placing.outcome.replayed
    assert originates(desk) == 1


@pytest.mark.parametrize("spec", [REPEAT, CHOSEN])
async def test_a_call_that_is_known_is_followed_without_asking(spec: OriginateSpec) -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    desk.happen("CHANNEL_ANSWER", A, **MINE)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, spec)
    assert placing.outcome.replayed
    assert desk.node.sent == []


async def test_a_call_that_ended_lately_tells_how_it_came_out() -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    desk.end(A, "USER_BUSY", **MINE)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, REPEAT)
    assert placing.outcome.disposition is Disposition.BUSY
    assert placing.outcome.replayed


async def test_a_call_of_another_request_is_told_apart() -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    desk.happen("CHANNEL_ANSWER", A, variable_uuid=A, variable_cc_request="other")
    with pytest.raises(RequestIdReused):
        await desk.control.originate(REPEAT)
    assert desk.node.sent == []


async def test_a_call_of_no_request_has_its_id() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["uuid_getvar"] = "_undef_"
    with pytest.raises(CallIdTaken):
        await desk.control.originate(CHOSEN)
    assert originates(desk) == 0


async def test_a_call_that_ended_so_long_ago_that_nothing_is_known_is_not_dialled_again() -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    desk.end(A)
    desk.tracker.legs.unbury(A)
    desk.tracker.legs.rename(A, B)  # only the former id is remembered then
    with pytest.raises(CallHasEnded):
        await desk.control.originate(REPEAT)
    assert desk.node.sent == []


async def test_who_was_cut_off_finds_the_call_that_is_under_way() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        first = Placing(desk, tasks, REPEAT)
        await first.sent()
        await first.sent()
        first.task.cancel()
        await asyncio.wait([first.task])
        second = Placing(desk, tasks, REPEAT)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not second.task.done()
        desk.active(A)
    assert second.outcome.replayed
    assert originates(desk) == 1


async def test_a_command_that_was_lost_on_its_way_is_sent_by_a_repeat() -> None:
    desk = Desk(QUICK)
    desk.node.answers |= {
        "originate": OutcomeUnknown(NodeId("fs1"), "the link was lost"),
        "uuid_exists": "false",
    }
    with pytest.raises(OutcomeUnknown):
        await desk.control.originate(REPEAT)
    desk.lose_node()
    desk.node.answers["originate"] = "+OK\n"
    outcome = await desk.control.originate(replace(REPEAT, wait_until=WaitUntil.ACCEPTED))
    assert not outcome.replayed
    assert originates(desk) == 2


async def test_a_quicker_replica_is_not_outdone() -> None:
    desk = Desk()
    asked = iter(["false", "true", "true"])
    desk.node.answers |= {"uuid_exists": lambda _: next(asked), "uuid_dump": dump(state="answered")}
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, REPEAT)
        await placing.sent()
        await placing.sent()
        job_ends(desk, "-ERR DESTINATION_OUT_OF_ORDER\n")
    assert placing.outcome.replayed
    assert placing.outcome.disposition is Disposition.ANSWERED


async def test_an_interrupted_repeat_follows_on_when_the_node_is_back() -> None:
    desk = Desk(QUICK)
    desk.ringing(A, "outbound")
    desk.happen("CHANNEL_PROGRESS", A, **MINE)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, REPEAT)
        for _ in range(5):
            await asyncio.sleep(0)
        desk.lose_node()
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert placing.outcome.disposition is Disposition.ANSWERED
