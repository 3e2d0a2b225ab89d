"""Whatever a client of the switch writes into an event that it fires can be applied and told."""

import json
from typing import Final

from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st
from tests.support.channels import CORE, NODE

from callcontrol.calls.picture import fields
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.wanted_events import EVENT_NAMES
from callcontrol.rpc import convert
from callcontrol.rpc.convert_event import Projection, encode_entry
from callcontrol.v1.event_service_pb2 import EventsResponse

HEADERS: Final = sorted(
    value for name, value in vars(fields).items() if name.isupper() and "-" in value
)
SUBCLASSES: Final = [
    fields.CONFERENCE_SUBCLASS,
    "avmd::beep",
    "avmd::stop",
    "callcenter::info",
    "fifo::info",
    "loopback::bowout",
    "sofia::expire",
    "sofia::gateway_add",
    "sofia::gateway_delete",
    "sofia::gateway_state",
    "sofia::notify_refer",
    "sofia::register",
    "sofia::unregister",
    "vmd::beep",
]

numbers = st.one_of(
    st.sampled_from([31, 32, 58, 63, 64, 200]).map(lambda bits: str((1 << bits) - 1)),
    st.integers().map(str),
)
texts = st.one_of(
    numbers,
    st.text(max_size=20),
    st.sampled_from(["ann", "ben", "UP", "ACTIVE", "answered", "hangup", "add-member", "yes"]),
)
values = st.one_of(texts, st.lists(texts, max_size=2), st.none(), st.booleans())
forged = st.fixed_dictionaries(
    {
        "Event-Name": st.sampled_from(sorted(EVENT_NAMES)),
        "Core-UUID": st.just(CORE),
        "Event-Sequence": st.one_of(st.just("7"), numbers),
        "Event-Date-Timestamp": st.one_of(st.just("1700000000000000"), numbers),
    },
    optional={
        "Unique-ID": st.sampled_from(["ann", "ben"]),
        "Event-Subclass": st.sampled_from(SUBCLASSES),
        "_body": st.one_of(texts, st.just("+OK ann\n"), st.just("-ERR USER_BUSY\n")),
        **{name: values for name in HEADERS if not name.startswith(("Event-", "Core-", "Unique-"))},
    },
)


WHOLE: Final = Projection(is_full=True)


@given(st.lists(forged, max_size=4))
def test_every_forged_event_is_applied_and_told(events: list[dict[str, object]]) -> None:
    tracker, log = CallTracker(), EventLog()
    for each in events:
        read = parse_event_json(json.dumps(each).encode("utf-8", "replace"), 1)
        assert isinstance(read, SwitchEvent)
        number = log.append(tracker.apply(NODE, read))
        (entry,) = log.entries(number, 1)
        (told,) = EventsResponse.FromString(encode_entry(entry, WHOLE)).events
        assert MessageToJson(told)
        assert set(told.headers) == set(read.headers)

    for call in tracker.calls():
        assert MessageToJson(convert.call(call, with_variables=True))


def test_the_headers_that_events_are_read_by_are_among_them() -> None:
    assert {"Session-Count", "Channel-Read-Codec-Rate", "Caller-Channel-Created-Time"} < set(
        HEADERS
    )
