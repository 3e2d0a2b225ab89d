"""The table from failures to what clients are told."""

import grpc
import pytest

from callcontrol import errors
from callcontrol.errors import CallControlError, Violation
from callcontrol.ids import CallId, NodeId, OperationId
from callcontrol.rpc.failure import Failure, Reason
from callcontrol.rpc.refusal import encode_failure
from callcontrol.rpc.status import failure_of, out_of_time, rules, unexpected

NODE, CALL = NodeId("east"), CallId("7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b01")

SAMPLES: list[CallControlError] = [
    errors.InvalidRequest([Violation("call_id", "must be an id")]),
    errors.InvalidFilter([Violation("filters", "may be at most 16")]),
    errors.NotImplementedYet("playing speech", "sources[0].speech"),
    errors.CallNotFound(CALL),
    errors.CallHasEnded(CALL, "NORMAL_CLEARING"),
    errors.CallStateConflict(CALL, "ringing", "an answered call"),
    errors.CallIdTaken(CALL),
    errors.NodeNotFound(NODE),
    errors.NodeUnavailable(NODE, "secret: refused by 10.0.0.1", 2.5),
    errors.NodeDraining(NODE),
    errors.NodeFull(NODE, 500),
    errors.NodePaused(NODE),
    errors.NodeRateLimited(NODE, 30),
    errors.ConferenceNotFound("room"),
    errors.ConferenceConflict("room", "locked"),
    errors.MemberNotFound("room", "7"),
    errors.OperationNotFound("playback", OperationId("o-1")),
    errors.TooManyCalls(12, 10),
    errors.CommandNotAllowed("command", "fsctl", "raw_apis"),
    errors.SubscriptionNotFound("s-1"),
    errors.SubscriptionEnded("s-1"),
    errors.CommandQueueFull(NODE, 1000, 0.5),
    errors.OutcomeUnknown(NODE, "secret: reset by 10.0.0.1"),
    errors.SwitchRefused(NODE, "-ERR NO_ROUTE\n"),
    errors.ResumeTokenExpired("not everything that came after it is held any more"),
    errors.ResumeTokenInvalid(),
    errors.SlowConsumer(17),
    errors.TooManySubscriptions(1000, "one peer"),
    errors.TooManyWorkers(500),
    errors.FiltersCostTooMuch(700, 50_000, "this replica"),
    errors.AnswerTooLarge(5_000_000, 4_194_304),
    errors.RequestIdReused("r-1"),
    errors.ShuttingDown(),
]


def subclasses(kind: type[CallControlError]) -> set[type[CallControlError]]:
    direct = {each for each in kind.__subclasses__() if each.__module__.startswith("callcontrol")}
    return direct | {each for child in direct for each in subclasses(child)}


def test_every_expected_failure_has_a_rule_of_its_own():
    assert subclasses(CallControlError) == set(rules())


def test_every_rule_has_a_sample_here():
    assert {type(sample) for sample in SAMPLES} == set(rules())


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_every_reason_is_one_of_the_api_and_no_two_classes_share_code_and_reason(error):
    code, reason = rules()[type(error)]
    assert f"ERROR_REASON_{reason}" in dict(Reason.items())
    assert code is not grpc.StatusCode.OK
    assert [*rules().values()].count((code, reason)) == 1


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_what_an_exception_says_is_not_what_clients_read(error):
    told = repr(encode_failure(failure_of(error)))
    assert "secret" not in told
    assert "10.0.0.1" not in told


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_unavailable_is_kept_for_what_was_never_sent_and_tells_when_to_retry(error):
    failure = failure_of(error)
    if failure.code is grpc.StatusCode.UNAVAILABLE:
        assert not failure.is_definite
        assert failure.retry_in_s is not None
    if failure.retry_in_s is not None:
        assert not failure.is_definite


def test_a_class_that_nobody_gave_a_rule_is_told_as_its_parent():
    class Wrapped(errors.CallNotFound):
        """A kind of CallNotFound."""

    assert failure_of(Wrapped(CALL)).reason_name == "CALL_NOT_FOUND"


def test_the_words_of_a_switch_are_cut_and_cleaned():
    failure = failure_of(errors.SwitchRefused(NODE, "-ERR \x1b[31m" + "x" * 1000))
    reply = failure.metadata["switch_reply"]
    assert len(reply) <= 256
    assert reply.isprintable()


def test_facts_that_are_not_known_are_left_out():
    assert "cause" not in failure_of(errors.CallHasEnded(CALL)).metadata
    assert "node_id" not in failure_of(errors.OutcomeUnknown(NodeId(""), "x")).metadata


def test_a_fault_of_ours_is_told_by_its_id_alone():
    failure = unexpected("5f0c")
    assert failure.code is grpc.StatusCode.INTERNAL
    assert failure.metadata == {"error_id": "5f0c"}


def test_time_that_ran_out_tells_what_was_reached():
    late = out_of_time({"call_id": CALL, "call_state": "RINGING"})
    assert (late.code, late.reason_name) == (grpc.StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
    assert late.metadata["call_state"] == "RINGING"
    assert late.is_definite
    assert not out_of_time({}, nothing_was_sent=True).is_definite


def test_a_violation_of_the_whole_request_is_told_without_a_field():
    failure = failure_of(errors.InvalidRequest([Violation("", "must change something")]))
    assert failure.message == "the request is malformed: must change something"


def test_a_command_whose_argument_alone_is_not_listed_is_told_so():
    refusal = errors.CommandNotAllowed("api command", "show", "raw_apis", is_listed=True)
    assert failure_of(refusal).message.endswith("(raw_apis) with this argument")


def test_a_thousand_violations_fit_into_the_trailers_of_any_client():
    bad = [Violation(f"variables[name_{n}]", "must begin with a letter or _") for n in range(1000)]
    status = encode_failure(failure_of(errors.InvalidRequest(bad)))
    assert len(status.SerializeToString()) < 5_000
    assert "more" in repr(status.details[1])


def test_long_facts_are_cut():
    failure = Failure(
        code=grpc.StatusCode.NOT_FOUND,
        reason=Reason.ERROR_REASON_CALL_NOT_FOUND,
        message="m" * 5_000,
        metadata={"call_id": "c" * 5_000},
    )
    assert len(encode_failure(failure).SerializeToString()) < 1_000
