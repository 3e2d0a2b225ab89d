"""What this layer reads in events."""

import pytest

from callcontrol.esl.messages import HeaderValue, SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.fields import Load, Place
from callcontrol.ids import CoreUuid, NodeId


def event(**headers: HeaderValue) -> SwitchEvent:
    return SwitchEvent({name.replace("_", "-"): value for name, value in headers.items()})


def test_a_heartbeat_as_recorded_from_a_switch() -> None:
    heartbeat = event(
        Event_Name="HEARTBEAT",
        FreeSWITCH_Version="1.10.12-release",
        Uptime_msec="7531",
        Session_Count="2",
        Max_Sessions="1000",
        Session_Per_Sec="30",
        Session_Per_Sec_Last="1",
        Idle_CPU="99.800000",
    )
    assert fields.load(heartbeat) == Load(
        version="1.10.12-release",
        uptime_us=7_531_000,
        session_count=2,
        max_sessions=1000,
        sessions_per_second=1,
        idle_cpu_percent=99.8,
    )


@pytest.mark.parametrize("text", ["", "-1", "1.5.2", "nan", "1e9", "٣", "9" * 5_000, "."])
def test_figures_that_are_no_numbers_are_zero(text: str) -> None:
    found = fields.load(event(Session_Count=text, Idle_CPU=text))
    assert (found.session_count, found.idle_cpu_percent) == (0, 0.0)


def test_forged_figures_fit_the_fields_that_they_are_told_in() -> None:
    found = fields.load(event(Session_Count="9" * 17, Uptime_msec="9" * 17))
    assert found.session_count == 2**31 - 1
    assert 0 < found.uptime_us < 10**16


def test_the_last_event_seen_is_a_place_in_the_stream_of_its_switch_process() -> None:
    seen = event(Core_UUID="c", Event_Sequence="486", Event_Date_Timestamp="1795397666431638")
    assert fields.place(NodeId("fs1"), seen) == Place(
        node_id=NodeId("fs1"),
        core_uuid=CoreUuid("c"),
        sequence=486,
        time_us=1_795_397_666_431_638,
    )


def test_only_events_of_our_subclass_are_canaries() -> None:
    assert fields.canary_id(event(Event_Subclass="callcontrol::canary", Canary_ID="x-1")) == "x-1"
    assert fields.canary_id(event(Event_Subclass="callcontrol::canary")) == ""
    assert fields.canary_id(event(Event_Subclass="sofia::register", Canary_ID="x-1")) is None
