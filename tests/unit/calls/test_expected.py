"""Calls that were asked for and fail before the switch makes a channel for them."""

from dataclasses import replace

import pytest
from tests.support.channels import CORE, NODE, Switch

from callcontrol.calls.call import Call, CallState, Direction, HangupCause
from callcontrol.calls.payloads import CallEnded, OperationFinished
from callcontrol.calls.picture.expected import AMBIGUOUS_CAUSE, MAX_EXPECTED, OVERDUE_S, Doubt
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CallStateConflict
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event
from callcontrol.ids import CallId, JobId, NodeId, OperationId

JOB = JobId("job-1")
ASKED = Call(
    call_id=CallId("ann"), node_id=NODE, direction=Direction.OUTBOUND, labels={"tenant": "acme"}
)


class Office:
    """A tracker, and a switch that answers jobs."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.tracker, self.switch = CallTracker(clock=lambda: self.now_s), Switch()

    def result(self, text: str, job_id: JobId = JOB) -> Event:
        fired = self.switch.event("BACKGROUND_JOB", {"Job-UUID": job_id})
        return self.tracker.apply(NODE, SwitchEvent(fired.headers, text, fired.size))


@pytest.fixture
def office():
    return Office()


def test_the_result_of_the_job_is_the_end_of_a_call_that_never_began(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    event = office.result("-ERR INVALID_GATEWAY\n")
    assert isinstance(event.payload, CallEnded)
    assert event.call_id == "ann"
    assert event.labels == {"tenant": "acme"}
    assert event.payload.cause == HangupCause(name="INVALID_GATEWAY")
    assert event.payload.call.state is CallState.ENDED
    assert office.tracker.require(CallId("ann")).hangup_cause == event.payload.cause
    assert office.tracker.count(NODE) == 0


def test_the_end_of_what_never_was_a_channel_is_not_yet_the_end_of_the_call(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    never_made = {"Unique-ID": "ann", "Channel-State": "CS_NONE"}
    assert office.tracker.apply(NODE, office.switch.event("CHANNEL_DESTROY", never_made)).call_id
    assert office.tracker.require(CallId("ann")) == ASKED
    assert isinstance(office.result("-ERR INVALID_GATEWAY\n").payload, CallEnded)


def test_it_is_told_once(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    office.result("-ERR INVALID_GATEWAY\n")
    assert isinstance(office.result("-ERR INVALID_GATEWAY\n").payload, OperationFinished)


def test_a_call_that_was_seen_ends_by_its_own_events(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    office.tracker.apply(NODE, office.switch.channel("ann").event("CHANNEL_CREATE"))
    assert isinstance(office.result("-ERR USER_BUSY\n").payload, OperationFinished)
    assert office.tracker.require(CallId("ann")).state is CallState.CREATING


def test_a_call_that_was_made_is_no_longer_expected(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    assert isinstance(office.result("+OK ann\n").payload, OperationFinished)
    assert len(office.tracker.expected) == 0


def test_a_cause_that_may_mean_a_call_of_that_id_lives_ends_nothing(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=True)
    assert isinstance(office.result(f"-ERR {AMBIGUOUS_CAUSE}\n").payload, OperationFinished)
    assert office.tracker.get(CallId("ann")) == ASKED
    assert office.tracker.expected.doubts(NODE) == [Doubt(ASKED, AMBIGUOUS_CAUSE)]
    assert office.tracker.expected.take_new_doubts() == {NODE}
    assert not office.tracker.expected.new_doubts


def test_a_call_is_known_from_the_moment_it_was_asked_for(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    assert office.tracker.require(CallId("ann")) == ASKED
    assert office.tracker.seen(CallId("ann")) is None
    with pytest.raises(CallStateConflict):
        office.tracker.require(CallId("ann"), alive=True)
    office.tracker.apply(NODE, office.switch.channel("ann").event("CHANNEL_CREATE"))
    assert office.tracker.require(CallId("ann"), alive=True).position is not None


def test_a_call_that_is_over_and_forgotten_is_not_expected_again(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    office.tracker.apply(NODE, office.switch.channel("ann").event("CHANNEL_DESTROY"))
    office.now_s += 600
    assert office.tracker.get(CallId("ann")) is None


def test_a_job_whose_result_does_not_come_is_a_doubt_in_the_end(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    office.now_s += OVERDUE_S - 1
    assert office.tracker.expected.doubts(NODE) == []
    office.now_s += 1
    assert office.tracker.expected.doubts(NODE) == [Doubt(ASKED, "")]
    assert office.tracker.expected.doubts(NodeId("west")) == []


def test_jobs_of_others_mean_nothing(office):
    office.tracker.expected.expect(JOB, ASKED, may_exist=False)
    event = office.result("-ERR USER_BUSY\n", JobId("theirs"))
    assert event.call_id is None
    assert event.payload == OperationFinished(OperationId("theirs"), False, "-ERR USER_BUSY\n")
    assert event.position.core_uuid == CORE


def test_what_is_expected_is_bounded(office):
    for number in range(MAX_EXPECTED + 10):
        call = replace(ASKED, call_id=CallId(str(number)))
        office.tracker.expected.expect(JobId(str(number)), call, may_exist=False)
    assert len(office.tracker.expected) == MAX_EXPECTED
