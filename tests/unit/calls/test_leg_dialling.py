"""DialAndBridge and AttendedTransfer: what a leg is told, and how its dialling comes out."""

import asyncio
import json
import re

import pytest
from tests.support.call_node import A, B, Desk

from callcontrol.calls.outcome import Disposition
from callcontrol.calls.placing.dial_and_bridge import attended_transfer, dial_and_bridge
from callcontrol.calls.placing.leg_dialling import LegDialOutcome, LegDialSpec
from callcontrol.calls.requests import LoopbackEndpoint, RawEndpoint, WaitUntil
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallControlError,
    CallHasEnded,
    CallStateConflict,
    CommandNotAllowed,
    NodeUnavailable,
    OutcomeUnknown,
)
from callcontrol.ids import CallId, NodeId

IMPATIENT = ControlSettings(confirm_timeout_s=0.01)
FAR_END = LoopbackEndpoint(extension="1000", context="default")


def spec(wait_until: WaitUntil = WaitUntil.ANSWERED, endpoints: int = 1) -> LegDialSpec:
    return LegDialSpec(call_id=A, endpoints=(FAR_END,) * endpoints, wait_until=wait_until)


class Dialling:
    """A leg that was told to dial, and the ids in what it was told."""

    def __init__(self, desk: Desk, message: str) -> None:
        self.desk = desk
        self.operation_id = re.findall(r"Event-UUID: (\S+)", message)[0]
        self.legs = [
            CallId(found) for found in re.findall(r"origination_uuid=([0-9a-f-]+)", message)
        ]

    def begins(self) -> None:
        self.desk.happen(
            "CHANNEL_EXECUTE", A, Application="bridge", Application_UUID=self.operation_id
        )

    def fails(self, cause: str, name: str = "CHANNEL_EXECUTE_COMPLETE") -> None:
        self.desk.happen(
            name,
            A,
            Application="bridge",
            Application_UUID=self.operation_id,
            Hangup_Cause=cause,
            variable_originate_disposition=cause,
        )


async def outcome_of(desk: Desk, wanted: LegDialSpec) -> LegDialOutcome | CallControlError:
    try:
        return await dial_and_bridge(desk.control.commander, wanted)
    except CallControlError as error:
        return error


async def told(desk: Desk) -> Dialling:
    while True:
        message = await desk.node.arrivals.get()
        if message.startswith("sendmsg"):
            return Dialling(desk, message)


async def test_a_leg_is_told_what_becomes_of_it_and_whom_to_dial() -> None:
    desk = Desk(IMPATIENT)
    desk.active(A)
    outcome = await dial_and_bridge(
        desk.control.commander, spec(WaitUntil.ACCEPTED, endpoints=2), continue_after=True
    )

    assert desk.node.sent[:2] == [
        f"uuid_setvar {A} hangup_after_bridge false",
        f"uuid_setvar {A} continue_on_fail true",
    ]
    assert "execute-app-name: bridge" in desk.node.sent[2]
    assert Dialling(desk, desk.node.sent[2]).legs == [leg.call_id for leg in outcome.legs]
    assert not outcome.confirmed


async def test_it_is_answered_when_the_two_are_bridged() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        leg = await told(desk)
        leg.begins()
        desk.active(leg.legs[0])
        assert not dialling.done()
        desk.bridge(A, leg.legs[0])
    outcome = dialling.result()

    assert isinstance(outcome, LegDialOutcome)
    assert outcome.disposition is Disposition.ANSWERED
    assert outcome.operation_id == leg.operation_id


async def test_a_bridge_that_is_told_before_the_answer_is_one_of_an_answered_leg() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        leg = await told(desk)
        leg.begins()
        desk.happen("CHANNEL_CREATE", leg.legs[0])
        desk.bridge(A, leg.legs[0])
        await asyncio.sleep(0)
        desk.happen("CHANNEL_ANSWER", leg.legs[0])
    outcome = dialling.result()

    assert isinstance(outcome, LegDialOutcome)
    assert outcome.disposition is Disposition.ANSWERED
    assert outcome.legs[0].disposition is Disposition.ANSWERED


@pytest.mark.parametrize("name", ["CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP"])
async def test_a_far_end_that_is_busy_is_an_outcome_also_when_the_leg_ends_with_it(
    name: str,
) -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        leg = await told(desk)
        leg.begins()
        desk.ringing(leg.legs[0], "outbound")
        desk.end(leg.legs[0], "USER_BUSY")
        leg.fails("USER_BUSY", name)
    outcome = dialling.result()

    assert isinstance(outcome, LegDialOutcome)
    assert outcome.disposition is Disposition.BUSY
    assert outcome.cause is not None
    assert outcome.cause.name == "USER_BUSY"
    assert outcome.legs[0].disposition is Disposition.BUSY


async def test_a_leg_that_ends_while_it_dials_is_over() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        leg = await told(desk)
        leg.begins()
        desk.hang_up(A, variable_originate_disposition="failure")

    assert isinstance(dialling.result(), CallHasEnded)


async def test_what_was_dialled_before_does_not_count() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        await told(desk)
        desk.hang_up(A, variable_originate_disposition="USER_BUSY")

    assert isinstance(dialling.result(), CallHasEnded)


async def test_ringing_is_enough_where_that_is_waited_for() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec(WaitUntil.RINGING)))
        leg = await told(desk)
        desk.ringing(leg.legs[0], "outbound")
    outcome = dialling.result()

    assert isinstance(outcome, LegDialOutcome)
    assert outcome.confirmed
    assert outcome.disposition is None


async def test_a_node_that_is_lost_leaves_the_outcome_unknown() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(outcome_of(desk, spec()))
        await told(desk)
        desk.lose_node()

    assert isinstance(dialling.result(), OutcomeUnknown)


async def test_after_the_first_variable_nothing_is_said_to_be_unsent() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["sendmsg"] = NodeUnavailable(NodeId("fs1"), "gone", 1.0)

    assert isinstance(await outcome_of(desk, spec()), OutcomeUnknown)


async def test_raw_dial_strings_need_the_operators_list() -> None:
    desk = Desk()
    desk.active(A)
    raw = LegDialSpec(call_id=A, endpoints=(RawEndpoint(dial_string="loopback/1000"),))

    assert isinstance(await outcome_of(desk, raw), CommandNotAllowed)
    assert desk.node.sent == []


async def test_nothing_is_sent_to_a_leg_that_cannot_dial() -> None:
    desk = Desk()
    desk.bridged(A, B)
    assert isinstance(await outcome_of(desk, spec()), CallStateConflict)
    other = Desk()
    other.ringing(A, "outbound")
    assert isinstance(await outcome_of(other, spec()), CallStateConflict)

    assert desk.node.sent == other.node.sent == []


def dump(age_us: int) -> str:
    headers = {
        "Unique-ID": A,
        "Event-Date-Timestamp": str(1_000_000_000 + age_us),
        "Caller-Channel-Bridged-Time": "1000000000",
    }
    return json.dumps(headers)


@pytest.mark.parametrize("age_us", [499_000, 500_000, 10_000_000])
async def test_a_leg_consults_once_its_bridge_has_settled(age_us: int) -> None:
    desk = Desk(IMPATIENT)
    desk.bridged(A, B)
    desk.node.answers["uuid_dump"] = dump(age_us)
    outcome = await attended_transfer(desk.control.commander, spec(WaitUntil.ACCEPTED))

    assert desk.node.sent[0] == f"uuid_dump {A} json"
    assert "execute-app-name: att_xfer" in desk.node.sent[1]
    assert len(outcome.legs) == 1


async def test_a_leg_without_a_partner_consults_nobody() -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(CallStateConflict):
        await attended_transfer(desk.control.commander, spec())

    assert desk.node.sent == []
