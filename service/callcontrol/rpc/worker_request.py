"""What a worker says on its stream: each message checked, and turned into values."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from callcontrol.calls.encoding.grammar import call_id_problem, worker_word_problem
from callcontrol.calls.offers.ports import LostWorkerPolicy, Registration
from callcontrol.calls.requests import Destination
from callcontrol.errors import InvalidRequest, Violation
from callcontrol.ids import CallId
from callcontrol.rpc.convert_event import Projection
from callcontrol.rpc.convert_request import read_destination
from callcontrol.rpc.event_filter import Problem, list_violations
from callcontrol.rpc.event_request import heartbeat_s, projection_of, view_violations
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_handling_service_pb2
from callcontrol.v1.call_handling_service_pb2 import (
    HandleCallsRequest,
    RegisterWorker,
    ReleaseCall,
)

MAX_APPLICATIONS: Final = 64
MAX_EVENT_NAMES: Final = 64
MAX_ID_LENGTH: Final = 64
MAX_TOKEN_LENGTH: Final = 64 * 1024
"""What a request may have in all is more; a token of a thousand nodes has half of this."""

_PREFIX: Final = "register_worker."
_POLICIES: Final[dict[int, LostWorkerPolicy | None]] = {
    call_handling_service_pb2.LOST_WORKER_POLICY_UNSPECIFIED: None,
    call_handling_service_pb2.LOST_WORKER_POLICY_OFFER_AGAIN: LostWorkerPolicy.OFFER_AGAIN,
    call_handling_service_pb2.LOST_WORKER_POLICY_CONTINUE_DIALPLAN: (
        LostWorkerPolicy.CONTINUE_DIALPLAN
    ),
    call_handling_service_pb2.LOST_WORKER_POLICY_HANGUP: LostWorkerPolicy.HANGUP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """A worker's stream as it will be served, after limits and defaults."""

    registration: Registration
    event_names: frozenset[str]
    """Names of events that it wants of its calls; empty for all."""
    projection: Projection
    heartbeat_s: float
    resume_token: str


def decode(raw: bytes) -> HandleCallsRequest:
    """A message of a worker. Raises InvalidRequest when the bytes are none."""
    try:
        return HandleCallsRequest.FromString(raw)
    except DecodeError as error:
        name = HandleCallsRequest.DESCRIPTOR.full_name
        raise InvalidRequest([Violation("", f"must be an encoded {name}")]) from error


def read_registration(
    message: HandleCallsRequest, max_calls: int, event_name_problem: Problem
) -> WorkerRequest:
    """Who comes, with at most `max_calls` calls. Raises InvalidRequest with every violation."""
    if message.WhichOneof("message") != "register_worker":
        raise InvalidRequest([Violation("register_worker", "must be the first message")])
    asked = message.register_worker
    problems = Problems()
    for violation in _violations(asked, max_calls, event_name_problem):
        problems.add(violation.field, violation.problem)
    policy = problems.choice(
        f"{_PREFIX}lost_worker_policy",
        asked.lost_worker_policy,
        _POLICIES,
        call_handling_service_pb2.LostWorkerPolicy,
    )
    problems.check()
    return WorkerRequest(
        registration=Registration(
            worker_name=asked.worker_name,
            applications=frozenset(asked.applications),
            max_calls=asked.max_calls,
            lost_policy=policy,
            resume_call_ids=tuple(dict.fromkeys(map(CallId, asked.resume_call_ids))),
        ),
        event_names=frozenset(asked.event_names),
        projection=projection_of(asked),
        heartbeat_s=heartbeat_s(asked),
        resume_token=asked.resume_token,
    )


def _violations(
    asked: RegisterWorker, max_calls: int, event_name_problem: Problem
) -> list[Violation]:
    bad: list[Violation] = []
    if problem := worker_word_problem(asked.worker_name):
        bad.append(Violation(f"{_PREFIX}worker_name", problem))
    applications = f"{_PREFIX}applications"
    if not 1 <= len(asked.applications) <= MAX_APPLICATIONS:
        bad.append(Violation(applications, f"must be 1 to {MAX_APPLICATIONS}"))
    bad += list_violations(applications, asked.applications[:MAX_APPLICATIONS], worker_word_problem)
    if not 1 <= asked.max_calls <= max_calls:
        bad.append(Violation(f"{_PREFIX}max_calls", f"must be 1 to {max_calls}"))
    names = f"{_PREFIX}event_names"
    if len(asked.event_names) > MAX_EVENT_NAMES:
        bad.append(Violation(names, f"may be at most {MAX_EVENT_NAMES}"))
    bad += list_violations(names, asked.event_names[:MAX_EVENT_NAMES], event_name_problem)
    resumed = f"{_PREFIX}resume_call_ids"
    if len(asked.resume_call_ids) > max_calls:
        bad.append(Violation(resumed, f"may be at most {max_calls}"))
    bad += list_violations(resumed, asked.resume_call_ids[:max_calls], call_id_problem)
    if len(asked.resume_token) > MAX_TOKEN_LENGTH:
        problem = f"may have at most {MAX_TOKEN_LENGTH} characters"
        bad.append(Violation(f"{_PREFIX}resume_token", problem))
    return bad + view_violations(asked, _PREFIX)


def require_offer_id(field: str, offer_id: str) -> None:
    """Raise InvalidRequest for what was never given out as the id of an offer."""
    if offer_id and len(offer_id) <= MAX_ID_LENGTH and offer_id.isascii():
        return
    raise InvalidRequest([Violation(f"{field}.offer_id", "must be that of an offer")])


def released_call(release: ReleaseCall) -> CallId:
    """Which call is released. Raises InvalidRequest."""
    if problem := call_id_problem(release.call_id):
        raise InvalidRequest([Violation("release.call_id", problem)])
    return CallId(release.call_id)


def read_destination_of(release: ReleaseCall) -> Destination | None:
    """Where it goes; None for on with the dialplan. Raises InvalidRequest, with paths that begin
    as those of the desk do.
    """
    if not release.HasField("destination"):
        return None
    problems = Problems()
    destination = read_destination(release.destination, problems)
    problems.check()
    return destination
