"""Where a stream begins: StartPosition checked, and turned into a place in the log."""

from dataclasses import dataclass

from callcontrol.errors import NotImplementedYet, Violation
from callcontrol.events.catch_up import Start
from callcontrol.events.log import EventLog
from callcontrol.v1 import event_service_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A place to begin that was asked for."""

    token: str
    """The resume token of the last message that was read."""


def read_start(
    request: event_service_pb2.EventsRequest, bad: list[Violation]
) -> StartRequest | None:
    """Where the stream is to begin; None for now. Adds what is wrong with it to `bad`."""
    if not request.HasField("start"):
        return None
    start = request.start
    if start.WhichOneof("position") is None:
        bad.append(Violation("start", "must say where: a resume_token, a snapshot or a time"))
        return None
    if start.WhichOneof("position") != "resume_token":
        raise NotImplementedYet("beginning a stream elsewhere than after a token", "start")
    return StartRequest(token=start.resume_token)


def place_of(log: EventLog, asked: StartRequest | None) -> Start | None:
    """The place in the log, good until anything else happens; None for now.

    Raises ResumeTokenInvalid and ResumeTokenExpired.
    """
    return None if asked is None else log.start_after(asked.token)
