"""Transfer: what is sent for each destination and leg, and when a leg has arrived."""

import asyncio

import pytest
from tests.support.call_node import A, B, Desk

from callcontrol.calls.call import CallState
from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.requests import (
    Application,
    ApplicationsDestination,
    ConferenceDestination,
    Destination,
    ExtensionDestination,
    Leg,
    ParkDestination,
    WorkerDestination,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    CommandNotAllowed,
    InvalidRequest,
)

HALL = ExtensionDestination(extension="9000", context="lab")
TO_A_WORKER = (
    "unset:callcontrol_worker|unset:callcontrol_onward|set:callcontrol_application=ivr|park"
)
IMPATIENT = ControlSettings(confirm_timeout_s=0.01)


@pytest.mark.parametrize(
    ("leg", "destination", "command"),
    [
        (Leg.A, HALL, f"uuid_transfer {A} 9000 XML lab"),
        (Leg.B, HALL, f"uuid_transfer {A} -bleg 9000 XML lab"),
        (Leg.BOTH, HALL, f"uuid_transfer {A} -both 9000 XML lab"),
        (Leg.A, ParkDestination(), f"uuid_transfer {A} park inline"),
        (
            Leg.A,
            WorkerDestination(application="ivr"),
            f"uuid_transfer {A} m:|:{TO_A_WORKER} inline",
        ),
        (Leg.B, ParkDestination(), f"uuid_transfer {A} -bleg park inline"),
        (Leg.BOTH, ParkDestination(), f"uuid_transfer {A} -both park inline"),
        (
            Leg.A,
            ConferenceDestination(name="room", flags=("mute",), pin="12"),
            f"uuid_transfer {A} conference:room@default+12+flags{{mute}} inline",
        ),
    ],
)
async def test_each_destination_has_its_command(
    leg: Leg, destination: Destination, command: str
) -> None:
    desk = Desk(IMPATIENT)
    desk.bridged(A, B)
    assert not (await desk.control.transfer(A, leg, destination)).confirmed
    assert desk.node.sent == [command]


async def test_the_event_of_what_ran_before_is_no_proof() -> None:
    desk = Desk(IMPATIENT)
    desk.parked(A)

    def leaves(_: str) -> str:
        desk.happen("CHANNEL_UNPARK", A, Caller_Destination_Number="9000")
        desk.happen("CHANNEL_EXECUTE_COMPLETE", A, Caller_Destination_Number="9000")
        return "+OK\n"

    desk.node.answers["uuid_transfer"] = leaves
    assert not (await desk.control.transfer(A, Leg.A, HALL)).confirmed


async def test_both_must_arrive() -> None:
    desk = Desk()
    desk.bridged(A, B)
    async with asyncio.TaskGroup() as tasks:
        going = tasks.create_task(desk.control.transfer(A, Leg.BOTH, HALL))
        await desk.node.arrivals.get()
        desk.happen("CHANNEL_EXECUTE", A, Caller_Destination_Number="9000")
        desk.happen("CHANNEL_EXECUTE", A, Caller_Destination_Number="9000")
        await asyncio.sleep(0)
        assert not going.done()
        desk.happen("CHANNEL_EXECUTE", B, Caller_Destination_Number="9000")
    assert going.result().confirmed


async def test_the_partner_may_go_while_the_named_leg_ends() -> None:
    desk = Desk()
    desk.bridged(A, B)

    def goes(_: str) -> str:
        desk.end(A)
        desk.happen("CHANNEL_EXECUTE", B, Caller_Destination_Number="9000")
        return "+OK\n"

    desk.node.answers["uuid_transfer"] = goes
    outcome = await desk.control.transfer(A, Leg.B, HALL)
    assert outcome.confirmed
    assert outcome.call.state is CallState.ENDED


async def test_an_end_on_the_way_is_told() -> None:
    desk = Desk()
    desk.parked(A)

    def gone(_: str) -> str:
        desk.hang_up(A, Caller_Destination_Number="old")
        return "+OK\n"

    desk.node.answers["uuid_transfer"] = gone
    with pytest.raises(CallHasEnded):
        await desk.control.transfer(A, Leg.A, HALL)


async def test_what_seems_to_be_parked_is_parked_all_the_same() -> None:
    desk = Desk(IMPATIENT)
    desk.parked(A)
    assert not (await desk.control.transfer(A, Leg.A, ParkDestination())).confirmed

    def parks(_: str) -> str:
        desk.happen("CHANNEL_UNPARK", A)
        desk.happen("CHANNEL_PARK", A)
        return "+OK\n"

    desk.node.answers["uuid_transfer"] = parks
    assert (await desk.control.transfer(A, Leg.A, ParkDestination())).confirmed
    assert desk.node.sent == [f"uuid_transfer {A} park inline"] * 2


@pytest.mark.parametrize("leg", [Leg.B, Leg.BOTH])
async def test_a_partner_that_is_not_there_cannot_go(leg: Leg) -> None:
    desk = Desk()
    desk.parked(A)
    with pytest.raises(CallStateConflict):
        await desk.control.transfer(A, leg, HALL)
    assert desk.node.sent == []


@pytest.mark.parametrize(
    ("destination", "field"),
    [
        (ExtensionDestination(extension="-both"), "extension.extension"),
        (ExtensionDestination(extension="&park"), "extension.extension"),
        (ExtensionDestination(extension="UNDEF"), "extension.extension"),
        (ExtensionDestination(extension="a:b"), "extension.extension"),
        (ExtensionDestination(extension="1", dialplan="inline"), "extension.dialplan"),
        (ExtensionDestination(extension="1", dialplan="LUA"), "extension.dialplan"),
        (ExtensionDestination(extension="1", context="a b"), "extension.context"),
        (ConferenceDestination(name="a@b"), "conference.name"),
        (WorkerDestination(application="a|park"), "worker.name"),
        (WorkerDestination(application="${x}"), "worker.name"),
        (WorkerDestination(application=""), "worker.name"),
        (ConferenceDestination(name="room", profile="a+b"), "conference.profile"),
        (ConferenceDestination(name="room", flags=("mute}",)), "conference.flags[0]"),
        (ConferenceDestination(name="room", pin="1)"), "conference.pin"),
    ],
)
async def test_a_destination_that_is_more_than_that_is_refused(
    destination: Destination, field: str
) -> None:
    desk = Desk()
    desk.parked(A)
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.transfer(A, Leg.A, destination)
    assert [violation.field for violation in invalid.value.violations] == [f"destination.{field}"]
    assert desk.node.sent == []


async def test_a_park_with_a_time_sets_it_on_the_way() -> None:
    desk = Desk(IMPATIENT)
    desk.active(A)
    await desk.control.transfer(A, Leg.A, ParkDestination(timeout_s=2.5))
    way = "set:park_timeout=4:ALLOTTED_TIMEOUT,park"
    assert desk.node.sent == [f"uuid_transfer {A} {way} inline"]


LISTED = ControlSettings(
    confirm_timeout_s=0.01, raw_applications=(read_permission("set a=.*"), read_permission("park"))
)


async def test_applications_are_proven_by_the_first_of_them() -> None:
    desk = Desk(LISTED)
    desk.active(A)

    def runs(_: str) -> str:
        desk.happen(
            "CHANNEL_EXECUTE", A, Application="set", Application_Data="a=b c", Application_UUID=B
        )
        return "+OK\n"

    desk.node.answers["uuid_transfer"] = runs
    wanted = ApplicationsDestination(
        applications=(Application("SET", "a=b c"), Application("park"))
    )
    assert (await desk.control.transfer(A, Leg.A, wanted)).confirmed
    assert desk.node.sent == [rf"uuid_transfer {A} m:|:SET:a=b\sc|park inline"]


async def test_one_application_that_is_not_allowed_keeps_all_from_being_sent() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    wanted = ApplicationsDestination(applications=(Application("park"), Application("set", "b=1")))
    with pytest.raises(CommandNotAllowed):
        await desk.control.transfer(A, Leg.A, wanted)
    assert desk.node.sent == []
