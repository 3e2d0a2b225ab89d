"""Ten filters of subscribers, said twice: to the service, and to an oracle that reads headers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.corpus_replay import Headers

from callcontrol.v1 import common_pb2
from callcontrol.v1.common_pb2 import StringMatch
from callcontrol.v1.event_service_pb2 import EventFilter, EventsRequest


@dataclass(frozen=True)
class Interest:
    """What a subscriber asks for, and the same said to the oracle."""

    name: str
    request: EventsRequest
    passes: Callable[[Headers], bool]


_ENDS: Final = ("CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE")
_LEG: Final = re.compile(r"loopback/.*-a")

_ALL: Final = (
    Interest("everything", EventsRequest(), lambda headers: True),
    Interest(
        "answers and ends",
        EventsRequest(filters=[EventFilter(names=_ENDS)]),
        lambda headers: headers["Event-Name"] in _ENDS,
    ),
    Interest(
        "conferences and registrations",
        EventsRequest(filters=[EventFilter(subclasses=["conference::*", "sofia::register"])]),
        lambda headers: (
            headers.get("Event-Subclass", "").startswith("conference::")
            or headers.get("Event-Subclass") == "sofia::register"
        ),
    ),
    Interest(
        "call states, with some headers",
        EventsRequest(
            filters=[EventFilter(names=["CHANNEL_CALLSTATE"])],
            header_names=["Channel-Call-State", "variable_sip_*"],
        ),
        lambda headers: headers["Event-Name"] == "CHANNEL_CALLSTATE",
    ),
    Interest(
        "all but channel states",
        EventsRequest(filters=[EventFilter(names=["CHANNEL_STATE"], invert=True)]),
        lambda headers: headers["Event-Name"] != "CHANNEL_STATE",
    ),
    Interest(
        "digits or jobs",
        EventsRequest(filters=[EventFilter(names=["DTMF"]), EventFilter(names=["BACKGROUND_JOB"])]),
        lambda headers: headers["Event-Name"] in {"DTMF", "BACKGROUND_JOB"},
    ),
    Interest(
        "ends in full",
        EventsRequest(
            filters=[EventFilter(names=["CHANNEL_HANGUP_COMPLETE"])], view=common_pb2.VIEW_FULL
        ),
        lambda headers: headers["Event-Name"] == "CHANNEL_HANGUP_COMPLETE",
    ),
    Interest(
        "a node's executions",
        EventsRequest(filters=[EventFilter(names=["CHANNEL_EXECUTE"], node_ids=["fs1"])]),
        lambda headers: headers["Event-Name"] == "CHANNEL_EXECUTE",
    ),
    Interest(
        "legs by the name of their channel",
        EventsRequest(
            filters=[EventFilter(headers={"Channel-Name": StringMatch(regex=r"^loopback/.*-a$")})]
        ),
        lambda headers: _LEG.fullmatch(headers.get("Channel-Name", "")) is not None,
    ),
    Interest(
        "answered executions",
        EventsRequest(
            filters=[
                EventFilter(
                    names=["CHANNEL_EXECUTE_COMPLETE"],
                    expression='headers["Answer-State"] == "answered"',
                )
            ]
        ),
        lambda headers: (
            headers["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE"
            and headers["Answer-State"] == "answered"
        ),
    ),
)

INTERESTS: Final[Mapping[str, Interest]] = {each.name: each for each in _ALL}
