"""What the tracker makes of single events and short series of them."""

import pytest
from tests.support.channels import NODE, START_US, Channel, Switch, apply_all

from callcontrol.calls.call import CallState, HangupSide, Party
from callcontrol.calls.payloads import (
    ApplicationStarted,
    CallBridged,
    CallCreated,
    CallEnded,
    CallStateChanged,
    CallUnbridged,
    DtmfReceived,
    NodeChanged,
    PlaybackStarted,
    PlaybackStopped,
    RecordingStarted,
    RecordingStopped,
)
from callcontrol.calls.picture.tracker import CallTracker, TrackerLimits
from callcontrol.errors import CallHasEnded, CallNotFound
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId, OperationId


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def switch():
    return Switch()


@pytest.fixture
def ann(switch: Switch):
    return switch.channel("ann")


@pytest.fixture
def ben(switch: Switch):
    return switch.channel("ben", "inbound")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tracker(clock: Clock):
    limits = TrackerLimits(ended_kept_s=60, max_ended=3, id_kept_s=600, max_ids=5)
    return CallTracker(limits, clock, lambda: START_US)


def state_of(tracker: CallTracker, channel: Channel) -> CallState:
    return tracker.require(channel.call_id).state


def answered(channel: Channel) -> list[SwitchEvent]:
    return [channel.event("CHANNEL_CREATE"), channel.event("CHANNEL_ANSWER")]


def test_a_call_lives_from_create_to_hangup_complete(tracker, ann):
    events = [
        ann.event("CHANNEL_CREATE"),
        ann.event("CHANNEL_PROGRESS"),
        ann.event("CHANNEL_PROGRESS_MEDIA"),
        ann.event("CHANNEL_ANSWER"),
        ann.event("CHANNEL_PARK"),
        ann.event("CHANNEL_UNPARK"),
        ann.call_state("HELD"),
        ann.call_state("ACTIVE"),
        ann.hangup(),
        ann.event("CHANNEL_HANGUP_COMPLETE"),
    ]
    states = []
    for event in apply_all(tracker, *events):
        assert isinstance(event.payload, CallCreated | CallStateChanged | CallEnded)
        states.append(event.payload.call.state.value)
    assert states[:4] == ["creating", "ringing", "early_media", "active"]
    assert states[4:] == ["parked", "active", "held", "active", "ending", "ended"]


def test_a_state_change_tells_the_state_before_it(tracker, ann):
    _, change = apply_all(tracker, *answered(ann))
    assert isinstance(change.payload, CallStateChanged)
    assert change.payload.previous_state is CallState.CREATING


def test_an_event_that_changes_nothing_has_no_payload_and_costs_no_new_picture(tracker, ann):
    apply_all(tracker, *answered(ann))
    before = tracker.get(ann.call_id)
    again = tracker.apply(NODE, ann.call_state("ACTIVE"))
    assert again.payload is None
    assert tracker.get(ann.call_id) is before


def test_creation_is_told_once(tracker, ann):
    create = ann.event("CHANNEL_CREATE")
    assert [type(event.payload) for event in apply_all(tracker, create, create)] == [
        CallCreated,
        type(None),
    ]


def test_the_answer_state_of_any_lifecycle_event_makes_up_for_a_missed_answer(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    tracker.apply(NODE, ann.event("CHANNEL_PARK", Answer_State="answered"))
    assert state_of(tracker, ann) is CallState.PARKED


def test_a_call_whose_answer_was_missed_was_answered_all_the_same(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    ann.headers["Caller-Channel-Answered-Time"] = str(START_US + 1)
    tracker.apply(NODE, ann.hangup())
    assert tracker.require(CallId("ann")).answered


def test_a_leg_parked_before_its_answer_is_parked_once_it_is_answered(tracker, ann):
    apply_all(
        tracker,
        ann.event("CHANNEL_CREATE"),
        ann.event("CHANNEL_PROGRESS_MEDIA"),
        ann.event("CHANNEL_PARK"),
    )
    assert state_of(tracker, ann) is CallState.EARLY_MEDIA
    tracker.apply(NODE, ann.event("CHANNEL_ANSWER"))
    assert state_of(tracker, ann) is CallState.PARKED


def test_a_hold_that_arrives_after_the_later_unhold_changes_nothing(tracker, ann):
    apply_all(tracker, *answered(ann))
    hold, unhold = ann.event("CHANNEL_HOLD"), ann.event("CHANNEL_UNHOLD")
    apply_all(tracker, unhold, hold)
    assert state_of(tracker, ann) is CallState.ACTIVE


def test_nothing_brings_an_ended_call_back(tracker, ann):
    late = [
        ann.event("CHANNEL_CREATE"),
        ann.event("CHANNEL_ANSWER"),
        ann.event("CHANNEL_PARK"),
        ann.event("CHANNEL_HOLD"),
    ]
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_HANGUP_COMPLETE"))
    assert [event.payload for event in apply_all(tracker, *late)] == [None] * 4
    assert state_of(tracker, ann) is CallState.ENDED
    assert tracker.calls() == []


def test_a_leg_whose_create_was_missed_is_told_of_before_its_first_change(tracker, ann):
    told: list[Event] = []
    tracker.publish = told.append
    changed = tracker.apply(NODE, ann.event("CHANNEL_ANSWER"))
    (created,) = told
    assert isinstance(created.payload, CallCreated)
    assert created.synthetic
    assert created.position == changed.position
    assert created.payload.call.state is changed.payload.previous_state is CallState.CREATING
    assert tracker.announced_calls() == tracker.calls() != []


@pytest.mark.parametrize("name", ["CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_BRIDGE"])
def test_a_leg_first_heard_of_in_the_middle_of_its_life_is_as_far_as_the_event_says(
    tracker, ann, name
):
    tracker.apply(NODE, ann.event(name, Answer_State="answered"))
    assert state_of(tracker, ann) is CallState.ACTIVE


def test_the_end_of_a_leg_first_heard_of_by_what_it_ran_is_told_as_a_change(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_EXECUTE_COMPLETE", Answer_State="hangup"))
    changed = tracker.apply(NODE, ann.event("CHANNEL_HANGUP", Answer_State="hangup"))
    assert isinstance(changed.payload, CallStateChanged)
    assert state_of(tracker, ann) is CallState.ENDING


def test_a_leg_may_be_answered_before_its_create_comes_which_tells_nothing_then(tracker, ann):
    told: list[Event] = []
    tracker.publish = told.append
    create, answer = ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_ANSWER")
    _, late = apply_all(tracker, answer, create)
    assert late.payload is None
    assert len(told) == 1


def test_of_a_leg_that_was_never_told_of_only_the_end_is_told(tracker, ann):
    told: list[Event] = []
    tracker.publish = told.append
    ended = tracker.apply(NODE, ann.event("CHANNEL_HANGUP_COMPLETE"))
    assert isinstance(ended.payload, CallEnded)
    assert told == []


def test_a_leg_that_got_another_id_is_told_of_under_that(tracker, ann, ben):
    told: list[Event] = []
    tracker.publish = told.append
    apply_all(
        tracker,
        ann.event("CHANNEL_CREATE"),
        ben.event("CHANNEL_UUID", Old_Unique_ID="ann"),
        ben.event("CHANNEL_ANSWER"),
    )
    assert [event.call_id for event in told] == ["ben"]


def test_the_end_is_told_once_by_whichever_event_comes_first(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    destroy, complete = ann.event("CHANNEL_DESTROY"), ann.event("CHANNEL_HANGUP_COMPLETE")
    first, second = apply_all(tracker, destroy, complete)
    assert isinstance(first.payload, CallEnded)
    assert second.payload is None


def test_a_destroy_long_after_the_end_is_not_a_second_end(tracker, ann, clock):
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_HANGUP_COMPLETE"))
    clock.now_s = 500.0
    assert tracker.apply(NODE, ann.event("CHANNEL_DESTROY")).payload is None
    assert tracker.get(ann.call_id) is None
    assert tracker.calls() == []


def test_an_ended_call_can_be_read_for_a_minute(tracker, ann, clock):
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_HANGUP_COMPLETE"))
    clock.now_s = 60.0
    assert tracker.require(ann.call_id).state is CallState.ENDED
    clock.now_s = 60.1
    with pytest.raises(CallNotFound):
        tracker.require(ann.call_id)


def test_ended_calls_are_bounded_in_number(tracker, switch):
    calls = [switch.channel(f"call-{number}") for number in range(10)]
    for channel in calls:
        apply_all(tracker, channel.event("CHANNEL_CREATE"), channel.event("CHANNEL_DESTROY"))
    assert [tracker.get(channel.call_id) is not None for channel in calls] == [False] * 7 + [
        True
    ] * 3
    assert tracker.legs.ended_count == 3
    assert [tracker.legs.has_ended(channel.call_id) for channel in calls].count(True) == 5


def test_only_the_newest_ended_calls_keep_their_variables(switch):
    tracker = CallTracker(TrackerLimits(max_with_variables=1))
    calls = [switch.channel("ann"), switch.channel("ben")]
    for channel in calls:
        apply_all(tracker, channel.event("CHANNEL_CREATE"), channel.event("CHANNEL_DESTROY"))
    apply_all(tracker, *(channel.event("CHANNEL_DESTROY") for channel in calls))
    assert [dict(tracker.require(each.call_id).variables) for each in calls] == [
        {},
        {"uuid": "ben"},
    ]


def test_a_call_that_hangs_up_takes_no_more_commands(tracker, ann):
    apply_all(tracker, *answered(ann), ann.hangup("USER_BUSY"))
    assert tracker.require(ann.call_id).state is CallState.ENDING
    with pytest.raises(CallHasEnded) as problem:
        tracker.require(ann.call_id, alive=True)
    assert problem.value.cause == "USER_BUSY"


def test_the_end_tells_cause_side_codes_and_durations(tracker, ann):
    apply_all(tracker, *answered(ann))
    ann.headers |= {
        "Hangup-Cause": "USER_BUSY",
        "Caller-Channel-Answered-Time": str(START_US + 2_000_000),
        "Caller-Channel-Hangup-Time": str(START_US + 5_000_000),
    }
    ann.variables |= {
        "variable_hangup_cause_q850": "17",
        "variable_sip_term_status": "486",
        "variable_sip_hangup_disposition": "recv_refuse",
    }
    ended = tracker.apply(NODE, ann.event("CHANNEL_HANGUP_COMPLETE")).payload
    assert isinstance(ended, CallEnded)
    assert (ended.total_us, ended.billable_us) == (5_000_000, 3_000_000)
    assert ended.cause is not None
    assert (ended.cause.name, ended.cause.q850_code, ended.cause.sip_code) == ("USER_BUSY", 17, 486)
    assert ended.cause.side is HangupSide.REMOTE


def test_a_call_that_was_not_answered_has_nothing_to_bill(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    ended = tracker.apply(NODE, ann.event("CHANNEL_DESTROY")).payload
    assert isinstance(ended, CallEnded)
    assert ended.billable_us == 0
    assert ended.total_us > 0


def test_a_channel_that_never_became_a_call_is_not_told(tracker, ann):
    destroy = ann.event("CHANNEL_DESTROY", Channel_State="CS_NONE", Channel_Name="N/A")
    assert tracker.apply(NODE, destroy).payload is None
    assert tracker.get(ann.call_id) is None


def test_a_bridge_is_told_for_one_leg_and_changes_both(tracker, switch, ann, ben):
    apply_all(tracker, *answered(ann), *answered(ben))
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    bridge = tracker.apply(NODE, ann.event("CHANNEL_BRIDGE", **pair))
    assert bridge.payload == CallBridged(ann.call_id, ben.call_id)
    assert bridge.peer_call_ids == ("ben",)
    assert tracker.require(ann.call_id).bridged_call_id == "ben"
    assert tracker.require(ben.call_id).bridged_call_id == "ann"

    unbridge = tracker.apply(NODE, ann.event("CHANNEL_UNBRIDGE", **pair))
    assert unbridge.payload == CallUnbridged(ann.call_id, ben.call_id)
    assert unbridge.peer_call_ids == ("ben",)
    assert tracker.require(ben.call_id).bridged_call_id is None


def test_the_end_of_a_leg_frees_its_partner_and_concerns_it(tracker, ann, ben):
    apply_all(tracker, *answered(ann), *answered(ben))
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    tracker.apply(NODE, ann.event("CHANNEL_BRIDGE", **pair))
    ended = tracker.apply(NODE, ben.event("CHANNEL_HANGUP_COMPLETE"))
    assert ended.peer_call_ids == ("ann",)
    assert tracker.require(ann.call_id).bridged_call_id is None


def test_a_leg_that_finds_another_partner_leaves_the_former_one(tracker, switch, ann, ben):
    cid = switch.channel("cid")
    apply_all(tracker, *answered(ann), *answered(ben), *answered(cid))
    old = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    new = {"Bridge_A_Unique_ID": "ben", "Bridge_B_Unique_ID": "cid"}
    tracker.apply(NODE, ann.event("CHANNEL_BRIDGE", **old))
    tracker.apply(NODE, ben.event("CHANNEL_BRIDGE", **new))
    tracker.apply(NODE, ann.event("CHANNEL_UNBRIDGE", **old))
    bridged = [tracker.require(leg.call_id).bridged_call_id for leg in (ann, ben, cid)]
    assert bridged == [None, "cid", "ben"]


def test_an_event_concerns_the_partner_that_it_names(tracker, ann):
    apply_all(tracker, *answered(ann))
    event = tracker.apply(NODE, ann.event("CHANNEL_EXECUTE", Other_Leg_Unique_ID="ben"))
    assert event.peer_call_ids == ("ben",)


def test_a_leg_can_be_given_another_id_before_it_is_created(tracker, switch, ann):
    codec = tracker.apply(NODE, switch.channel("former").event("CODEC"))
    rename = tracker.apply(NODE, ann.event("CHANNEL_UUID", Old_Unique_ID="former"))
    create = tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    assert codec.payload is None
    assert (rename.call_id, rename.peer_call_ids) == ("ann", ("former",))
    assert isinstance(create.payload, CallCreated)
    assert [call.call_id for call in tracker.calls()] == ["ann"]


def test_a_known_leg_keeps_everything_but_its_id_when_it_is_renamed(tracker, switch, ann, ben):
    former = switch.channel("former")
    apply_all(tracker, *answered(former), *answered(ben))
    pair = {"Bridge_A_Unique_ID": "former", "Bridge_B_Unique_ID": "ben"}
    tracker.apply(NODE, former.event("CHANNEL_BRIDGE", **pair))
    tracker.apply(NODE, ann.event("CHANNEL_UUID", Old_Unique_ID="former"))
    tracker.apply(NODE, former.event("CHANNEL_EXECUTE"))
    assert state_of(tracker, ann) is CallState.ACTIVE
    assert tracker.require(ben.call_id).bridged_call_id == "ann"
    assert tracker.get(former.call_id) is None
    assert tracker.count(NODE) == 2


def test_a_clients_custom_event_makes_no_call(tracker, switch):
    forged = switch.event("CUSTOM", {"Unique-ID": "ghost", "Event-Subclass": "lab::probe"})
    event = tracker.apply(NODE, forged)
    assert (event.call_id, event.subclass) == ("ghost", "lab::probe")
    assert tracker.calls() == []


def test_an_event_without_a_name_or_number_is_custom_and_keeps_the_node_s_process(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    nameless = SwitchEvent({"Unique-ID": "ann", "Event-Subclass": "lab::to-call"})
    first, second = apply_all(tracker, nameless, nameless)
    assert (first.name, first.subclass) == ("CUSTOM", "lab::to-call")
    assert first.position.core_uuid == "core-1"
    assert first.event_id != second.event_id


def test_numbers_that_a_client_forged_are_nought(tracker, switch):
    for forged in ("-5", "1e9", "nine", str(1 << 63), "9" * 5_000, ["1", "2"]):
        event = switch.event("CUSTOM", {"Event-Date-Timestamp": forged})
        assert tracker.apply(NODE, event).position.time_us == 0


def test_the_calling_party_stays_the_calling_party_when_the_switch_swaps_them(tracker, ann):
    ann.headers |= {
        "Caller-Caller-ID-Number": "1000",
        "Caller-Orig-Caller-ID-Number": "1000",
        "Caller-Callee-ID-Number": "2000",
        "Caller-Callee-ID-Name": "Two Thousand",
        "Caller-Destination-Number": "2000",
    }
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    ann.headers |= {
        "Caller-Caller-ID-Number": "2000",
        "Caller-Caller-ID-Name": "Two Thousand",
        "Caller-Callee-ID-Number": "1000",
        "Caller-Callee-ID-Name": "",
    }
    tracker.apply(NODE, ann.event("CHANNEL_ANSWER"))
    call = tracker.require(ann.call_id)
    assert call.caller == Party(number="1000")
    assert call.callee == Party(number="2000", name="Two Thousand")


def test_labels_come_from_variables_and_are_on_each_event_of_the_call(tracker, ann):
    ann.variables |= {"variable_cc_label_team.a": "sales", "variable_cc_label_x": ["1", "2"]}
    create = tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    digit = tracker.apply(NODE, ann.event("DTMF"))
    assert create.labels == digit.labels == {"team.a": "sales", "x": "ARRAY::1|:2"}
    assert tracker.require(ann.call_id).labels == digit.labels


def test_variables_are_those_of_the_last_event_that_carried_any(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    ann.variables["variable_tune"] = "brahms"
    apply_all(tracker, ann.event("CHANNEL_EXECUTE"), ann.call_state("RINGING"))
    assert dict(tracker.require(ann.call_id).variables) == {"uuid": "ann", "tune": "brahms"}


def test_headers_are_handed_on_and_not_copied(tracker, ann):
    event = ann.event("CHANNEL_CREATE")
    assert tracker.apply(NODE, event).headers is event.headers


def test_a_playback_that_the_end_of_the_leg_cuts_off_is_not_complete(tracker, ann):
    apply_all(tracker, *answered(ann), ann.hangup())
    stopped = tracker.apply(NODE, ann.event("PLAYBACK_STOP", Playback_Status="done"))
    assert isinstance(stopped.payload, PlaybackStopped)
    assert not stopped.payload.completed


def test_a_playback_belongs_to_the_innermost_application_that_plays(tracker, ann):
    path = {"Playback_File_Path": "a.wav"}
    outer = {"Application": "playback", "Application_UUID": "outer"}
    inner = {"Application": "playback", "Application_UUID": "inner"}
    payloads = [
        event.payload
        for event in apply_all(
            tracker,
            *answered(ann),
            ann.event("CHANNEL_EXECUTE", Application="park", Application_UUID="park"),
            ann.event("CHANNEL_EXECUTE", **outer),
            ann.event("PLAYBACK_START", **path),
            ann.event("CHANNEL_EXECUTE", **inner),
            ann.event("PLAYBACK_START", **path),
            ann.event("PLAYBACK_STOP", Playback_Status="break", **path),
            ann.event("CHANNEL_EXECUTE_COMPLETE", **inner),
            ann.event("PLAYBACK_STOP", Playback_Status="done", **path),
        )
    ]
    assert payloads[3] == ApplicationStarted("playback", "", OperationId("outer"))
    assert payloads[4] == PlaybackStarted(OperationId("outer"), "a.wav")
    assert payloads[6] == PlaybackStarted(OperationId("inner"), "a.wav")
    assert payloads[7] == PlaybackStopped(OperationId("inner"), "a.wav", completed=False)
    assert payloads[9] == PlaybackStopped(OperationId("outer"), "a.wav", completed=True)


def test_a_recording_is_found_again_after_its_application_has_returned(tracker, ann):
    record = {"Application": "record_session", "Application_UUID": "rec"}
    path = {"Record_File_Path": "/tmp/a.wav"}
    ann.variables["variable_record_ms"] = "2500"
    events = apply_all(
        tracker,
        *answered(ann),
        ann.event("CHANNEL_EXECUTE", **record),
        ann.event("RECORD_START", **path),
        ann.event("CHANNEL_EXECUTE_COMPLETE", **record),
        ann.event("RECORD_STOP", Record_Completion_Cause="success-maxtime", **path),
    )
    assert events[3].payload == RecordingStarted(OperationId("rec"), "/tmp/a.wav")
    assert events[5].payload == RecordingStopped(
        OperationId("rec"), "/tmp/a.wav", 2_500_000, "success-maxtime"
    )


def test_a_digit_is_told_with_its_length_in_time(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    digit = ann.event("DTMF", DTMF_Digit="5", DTMF_Duration="2080", DTMF_Source="RTP")
    assert tracker.apply(NODE, digit).payload == DtmfReceived("5", 260_000, "RTP")


def test_a_call_knows_its_conference_while_it_is_in_it(tracker, ann):
    member = {"Event_Subclass": "conference::maintenance", "Conference_Name": "room"}
    apply_all(tracker, *answered(ann), ann.event("CUSTOM", Action="add-member", **member))
    assert tracker.require(ann.call_id).conference_name == "room"
    tracker.apply(NODE, ann.event("CUSTOM", Action="del-member", **member))
    assert tracker.require(ann.call_id).conference_name == ""


def test_a_heartbeat_tells_the_load_of_its_node(tracker, switch):
    event = tracker.apply(NODE, switch.event("HEARTBEAT", {"Session-Count": "7"}))
    assert isinstance(event.payload, NodeChanged)
    assert event.payload.session_count == 7


def test_calls_are_listed_oldest_first_and_counted_by_node(tracker, switch, ann, ben):
    west = NodeId("west")
    ben.headers["Caller-Channel-Created-Time"] = str(START_US - 1)
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    tracker.apply(NODE, ben.event("CHANNEL_CREATE"))
    tracker.apply(west, switch.channel("cid").event("CHANNEL_CREATE"))
    assert [call.call_id for call in tracker.calls()] == ["ben", "ann", "cid"]
    assert [call.call_id for call in tracker.calls(west)] == ["cid"]
    assert (tracker.count(NODE), tracker.count(west)) == (2, 1)


def test_a_standby_may_take_over_a_call_under_the_same_id(tracker, ann):
    west = NodeId("west")
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    tracker.apply(west, Switch("core-2").channel("ann").event("CHANNEL_CREATE"))
    assert tracker.require(CallId("ann")).node_id == west
    assert (tracker.count(NODE), tracker.count(west)) == (0, 1)
