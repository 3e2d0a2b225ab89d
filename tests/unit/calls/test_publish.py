"""Firing an event: what is sent, and what proves it."""

import asyncio

import pytest
from tests.support.call_node import FIRST, A, Desk, until

from callcontrol.calls.commands.publish import PublishOutcome, PublishSpec, publish_event
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import CommandNotAllowed, InvalidRequest, NodeUnavailable, SwitchRefused
from callcontrol.freeswitch.wanted_events import read_wanted_events
from callcontrol.ids import NodeId

UUID = "11111111-2222-4333-8444-555555555555"
SPEC = PublishSpec(node_id=FIRST, subclass="shop::order", headers={"Order": "17"}, body=b"sold")
LISTED = ControlSettings(confirm_timeout_s=60, publish_subclasses=("shop::*",))
IMPATIENT = ControlSettings(confirm_timeout_s=0.01, publish_subclasses=("shop::*",))


def desk_of(settings: ControlSettings = LISTED) -> Desk:
    desk = Desk(settings)
    desk.node.answers["sendevent"] = f"+OK {UUID}"
    return desk


def comes_back(desk: Desk, uuid: str = UUID, subclass: str = "shop::order") -> str:
    told = {"Event_Subclass": subclass, "Event_UUID": uuid}
    return desk.happen("CUSTOM", A, 0, **told).event_id


async def published(desk: Desk) -> PublishOutcome:
    return await publish_event(desk.control.commander, SPEC)


async def test_one_command_is_sent_with_all_that_was_asked_for() -> None:
    desk = desk_of(IMPATIENT)
    await published(desk)
    assert desk.node.sent == [
        "sendevent CUSTOM | Event-Subclass: shop::order | Order: 17 | Content-Length: 4 |  | sold"
    ]


async def test_the_event_that_comes_back_proves_it() -> None:
    desk = desk_of()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(published(desk))
        await until(lambda: bool(desk.node.sent))
        comes_back(desk, uuid="another")
        comes_back(desk, subclass="shop::other")
        event_id = comes_back(desk)
    outcome = asked.result()
    assert (outcome.confirmed, outcome.event_uuid, outcome.event_id) == (True, UUID, event_id)


async def test_one_that_comes_back_before_the_reply_does_too() -> None:
    desk = desk_of()
    reply = desk.node.answers["sendevent"] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(published(desk))
        await until(lambda: bool(desk.node.sent))
        comes_back(desk)
        reply.set_result(f"+OK {UUID}")
    assert asked.result().confirmed


async def test_one_that_does_not_come_back_is_not_proven() -> None:
    outcome = await published(desk_of(IMPATIENT))
    assert (outcome.confirmed, outcome.event_uuid, outcome.event_id) == (False, UUID, None)


async def test_one_that_cannot_come_back_is_not_waited_for() -> None:
    settings = ControlSettings(
        confirm_timeout_s=60,
        publish_subclasses=("shop::*",),
        events=read_wanted_events(["HEARTBEAT"]),
    )
    assert not (await published(desk_of(settings))).confirmed


async def test_losing_the_event_link_leaves_it_unproven_as_the_switch_had_said_yes() -> None:
    desk = desk_of()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(published(desk))
        await until(lambda: bool(desk.node.sent))
        desk.lose_node()
    assert not asked.result().confirmed


async def test_a_refusal_is_told() -> None:
    desk = desk_of()
    desk.node.answers["sendevent"] = "-ERR command not found"
    with pytest.raises(SwitchRefused):
        await published(desk)


async def test_nothing_is_sent_to_a_node_that_is_away() -> None:
    desk = desk_of()
    desk.node.reachable = False
    with pytest.raises(NodeUnavailable):
        await published(desk)


async def test_without_a_list_nothing_may_be_fired() -> None:
    with pytest.raises(CommandNotAllowed):
        await published(desk_of(ControlSettings()))


@pytest.mark.parametrize(
    "spec",
    [
        PublishSpec(node_id=NodeId(""), subclass="shop::order"),
        PublishSpec(node_id=FIRST, subclass="callcontrol::canary"),
        PublishSpec(node_id=FIRST, subclass="shop::order", headers={"Unique-ID": "x"}),
        PublishSpec(node_id=FIRST, subclass="shop::order", headers={"A": "1", "a": "2"}),
        PublishSpec(
            node_id=FIRST, subclass="shop::order", headers={f"H{n}": "1" for n in range(65)}
        ),
        PublishSpec(node_id=FIRST, subclass="shop::order", headers={"A": "\ud800"}),
        PublishSpec(
            node_id=FIRST, subclass="shop::order", headers={"A": "reload mod_event_socket"}
        ),
    ],
)
async def test_what_cannot_be_carried_is_refused(spec: PublishSpec) -> None:
    desk = desk_of()
    with pytest.raises(InvalidRequest):
        await publish_event(desk.control.commander, spec)
    assert desk.node.sent == []
