"""What events mean that are not about the life of a leg, and which leg they are about."""

from collections.abc import Mapping

import pytest
from tests.support import transcripts
from tests.support.channels import NODE, Switch, apply_all, header_name

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.payloads import (
    CallEnded,
    DetectionReported,
    GatewayChanged,
    GatewayKind,
    MessageWaiting,
    OperationFinished,
    RegistrationChanged,
    RegistrationKind,
)
from callcontrol.calls.picture.tidings import MAX_REPLY
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import HeaderValue, SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.event import Event
from callcontrol.ids import CallId, JobId, OperationId

CONTACT = '"" <sip:1000@127.0.0.1:5071>'


class Office:
    """A switch, and a tracker of what it says."""

    def __init__(self) -> None:
        self.switch, self.tracker = Switch(), CallTracker()

    def told(self, name: str, body: str = "", **headers: str) -> Event:
        own = {header_name(key): value for key, value in headers.items()}
        fired = self.switch.event(name, own)
        return self.tracker.apply(NODE, SwitchEvent(fired.headers, body, fired.size))

    def custom(self, subclass: str, headers: Mapping[str, HeaderValue]) -> Event:
        fired = self.switch.event("CUSTOM", {"Event-Subclass": subclass, **headers})
        return self.tracker.apply(NODE, fired)

    def labelled(self, call_id: str) -> None:
        channel = self.switch.channel(call_id)
        labels = {"variable_uuid": call_id, "variable_cc_label_team": "blue"}
        self.tracker.apply(NODE, channel.event("CHANNEL_CREATE", **labels))


@pytest.fixture
def office() -> Office:
    return Office()


def recorded(name: str) -> list[RegistrationChanged]:
    """What a recording tells of registrations."""
    recording, tracker = transcripts.recording(name), CallTracker()
    stream = recording.stream(recording.connections[0], from_switch=True)
    events = [
        parse_event_json(frame.body, frame.size)
        for frame in FrameReader().feed(stream)
        if frame.content_type == "text/event-json"
    ]
    told = [tracker.apply(NODE, each) for each in events if isinstance(each, SwitchEvent)]
    return [each.payload for each in told if isinstance(each.payload, RegistrationChanged)]


def registration(kind: RegistrationKind, contact: str = CONTACT) -> RegistrationChanged:
    return RegistrationChanged(kind, "internal", "1000", "127.0.0.1", contact)


def test_a_telephone_that_registers_renews_leaves_and_is_flushed():
    other = '"" <sip:1000@127.0.0.1:5072>'
    assert recorded("custom-registration-json") == [
        registration(RegistrationKind.REGISTERED),
        registration(RegistrationKind.REGISTERED),
        registration(RegistrationKind.UNREGISTERED),
        registration(RegistrationKind.REGISTERED, other),
        registration(RegistrationKind.EXPIRED, other),
    ]


def test_a_registration_that_runs_out():
    assert recorded("custom-registration-expire-json")[-1] == registration(RegistrationKind.EXPIRED)


def test_a_registration_whose_connection_was_closed_has_no_contact(office: Office):
    gone = {"profile-name": "internal", "from-user": "1000", "from-host": "127.0.0.1"}
    event = office.custom("sofia::unregister", gone | {"reason": "socket-disconnection"})
    assert event.payload == registration(RegistrationKind.UNREGISTERED, "")


def test_a_gateway_tells_its_state_and_why(office: Office):
    failed = {"Gateway": "carrier", "State": "FAILED", "Ping-Status": "DOWN"}
    event = office.custom("sofia::gateway_state", failed | {"Status": "503", "Phrase": "Gone"})
    assert event.payload == GatewayChanged(
        GatewayKind.STATE, "carrier", "FAILED", False, 503, "Gone"
    )
    up = {"Gateway": "carrier", "State": "NOREG", "Ping-Status": "UP"}
    event = office.custom("sofia::gateway_state", up)
    assert event.payload == GatewayChanged(GatewayKind.STATE, "carrier", "NOREG", True)


def test_a_gateway_comes_and_goes(office: Office):
    named = {"Gateway": "carrier", "profile-name": "internal"}
    kinds = [office.custom(f"sofia::gateway_{what}", named).payload for what in ("add", "delete")]
    assert kinds == [
        GatewayChanged(GatewayKind.ADDED, "carrier"),
        GatewayChanged(GatewayKind.REMOVED, "carrier"),
    ]


@pytest.mark.parametrize(
    ("counts", "waiting"),
    [
        ("2/5", MessageWaiting("1000@example.org", True, 2, 5)),
        ("2/5 (1/3)", MessageWaiting("1000@example.org", True, 2, 5, 1, 3)),
        ("", MessageWaiting("1000@example.org", True)),
        ("many", MessageWaiting("1000@example.org", True)),
        ("9999999999/0", MessageWaiting("1000@example.org", True)),
    ],
)
@pytest.mark.parametrize("scheme", ["", "sip:", "sips:"])
def test_a_mailbox_tells_its_messages(
    office: Office, scheme: str, counts: str, waiting: MessageWaiting
):
    account = {"MWI_Message_Account": f"{scheme}1000@example.org"}
    event = office.told(
        "MESSAGE_WAITING", **account, MWI_Messages_Waiting="yes", MWI_Voice_Message=counts
    )
    assert event.payload == waiting


@pytest.mark.parametrize(
    ("words", "waiting"),
    [
        ("yes\r\nVoice-Message: 2/5 (1/3)\r\n", MessageWaiting("1000@a", True, 2, 5, 1, 3)),
        ("YES\nMessage-Account: sip:x\nvoice-message:2/5", MessageWaiting("1000@a", True, 2, 5)),
        ("no\r\nFax-Message: 2/5", MessageWaiting("1000@a", False)),
        ("yes\r\nVoice-Message: many", MessageWaiting("1000@a", True)),
        ("\r\nyes", MessageWaiting("1000@a", False)),
        ("", MessageWaiting("1000@a", False)),
    ],
)
def test_another_server_tells_of_a_mailbox_in_one_header(
    office: Office, words: str, waiting: MessageWaiting
):
    told = office.told("MESSAGE_WAITING", MWI_Message_Account="1000@a", MWI_Messages_Waiting=words)
    assert told.payload == waiting


def test_a_question_for_messages_is_no_answer(office: Office):
    assert office.told("MESSAGE_QUERY", Message_Account="sip:1000@example.org").payload is None
    assert office.told("MESSAGE_WAITING", MWI_Messages_Waiting="no").payload is None


@pytest.mark.parametrize(
    ("name", "headers", "body", "found"),
    [
        ("DETECTED_TONE", {"Detected_Tone": "busy"}, "", ("tone", "busy", "")),
        ("DETECTED_TONE", {"Detected_Fax_Tone": "true"}, "", ("tone", "fax", "")),
        ("DETECTED_SPEECH", {"Speech_Type": "begin-speaking"}, "", ("speech", "begin-speaking")),
        ("DETECTED_SPEECH", {"Speech_Type": "closed"}, "<x/>", ("speech", "closed", "<x/>")),
        ("TALK", {}, "", ("voice", "talk")),
        ("NOTALK", {}, "", ("voice", "notalk")),
    ],
)
def test_what_is_heard_on_a_leg_is_told_of_it(
    office: Office, name: str, headers: dict[str, str], body: str, found: tuple[str, ...]
):
    office.labelled("ann")
    event = office.told(name, body, Unique_ID="ann", **headers)
    assert event.payload == DetectionReported(*found)
    assert (event.call_id, event.labels) == ("ann", {"team": "blue"})


def test_a_beep_is_told_once_though_the_leg_repeats_it(office: Office):
    beep = {"Unique-ID": "ann", "Beep-Status": "DETECTED"}
    first = office.custom("avmd::beep", beep)
    again = dict(first.headers) | {"Channel-State": "CS_EXECUTE"}
    second = office.tracker.apply(NODE, SwitchEvent(again))
    assert (first.payload, second.payload) == (DetectionReported("machine", "beep"), None)
    assert first.position == second.position
    assert first.event_id != second.event_id


def test_a_search_for_a_beep_that_finds_none_says_so(office: Office):
    ended = {"Unique-ID": "ann", "Beep-Status": "NOTDETECTED"}
    assert office.custom("avmd::stop", ended).payload == DetectionReported("machine", "none")
    assert office.custom("avmd::stop", ended | {"Beep-Status": "DETECTED"}).payload is None
    assert office.custom("avmd::start", {"Unique-ID": "ann"}).payload is None


@pytest.mark.parametrize(
    ("output", "succeeded"),
    [("+OK x\n", True), ("3 total.\n", True), ("-ERR no\n", False), ("-USAGE: a b\n", False)],
)
def test_a_job_tells_its_end(office: Office, output: str, succeeded: bool):
    event = office.told("BACKGROUND_JOB", output, Job_UUID="job-1", Job_Command="show")
    assert event.payload == OperationFinished(OperationId("job-1"), succeeded, output)


def test_of_a_long_answer_the_beginning_is_told(office: Office):
    event = office.told("BACKGROUND_JOB", "x" * 100_000, Job_UUID="job-1")
    assert isinstance(event.payload, OperationFinished)
    assert len(event.payload.reply) == MAX_REPLY
    assert len(event.body) == 100_000


def test_a_job_is_about_the_leg_that_it_made_or_that_asked_for_it(office: Office):
    office.labelled("ann")
    made = office.told("BACKGROUND_JOB", "+OK ann\n", Job_UUID="1", Job_Command="originate")
    asked = office.told("BACKGROUND_JOB", "+OK\n", Job_UUID="2", Job_Owner_UUID="ann")
    assert (made.call_id, made.labels) == (asked.call_id, asked.labels) == ("ann", {"team": "blue"})
    others = office.told("BACKGROUND_JOB", "+OK ann\n", Job_UUID="3", Job_Command="eval")
    assert others.call_id is None


def test_the_job_of_a_call_that_never_came_to_be_is_its_end(office: Office):
    call = Call(
        call_id=CallId("ann"), node_id=NODE, state=CallState.CREATING, labels={"team": "blue"}
    )
    office.tracker.expected.expect(JobId("job-1"), call, may_exist=False)
    event = office.told("BACKGROUND_JOB", "-ERR NO_ROUTE\n", Job_UUID="job-1")
    assert isinstance(event.payload, CallEnded)
    assert event.labels == {"team": "blue"}


@pytest.mark.parametrize(
    ("subclass", "header", "others"),
    [
        (
            "loopback::bowout",
            "Resigning-UUID",
            {"Resigning-Peer-UUID": "bob", "Acquired-UUID": "carl"},
        ),
        ("callcenter::info", "CC-Member-Session-UUID", {"CC-Agent-UUID": "bob"}),
        ("fifo::info", "caller-uuid", {}),
        ("sofia::notify_refer", "UniqueID", {}),
        ("conference::maintenance", "Peer-UUID", {}),
    ],
)
def test_a_leg_that_is_named_elsewhere_is_found(
    office: Office, subclass: str, header: str, others: dict[str, str]
):
    office.labelled("ann")
    event = office.custom(subclass, {header: "ann", **others})
    assert (event.call_id, event.labels) == ("ann", {"team": "blue"})
    assert event.peer_call_ids == tuple(others.values())


def test_a_task_of_the_scheduler_is_about_the_leg_that_it_is_grouped_under(office: Office):
    office.labelled("ann")
    own = office.told("ADD_SCHEDULE", Task_Group="ann")
    others = office.told("RE_SCHEDULE", Task_Group="core")
    assert (own.call_id, own.labels) == ("ann", {"team": "blue"})
    assert others.call_id is None


def test_a_leg_that_is_named_as_usual_is_the_one(office: Office):
    event = office.custom("callcenter::info", {"Unique-ID": "x", "CC-Member-Session-UUID": "ann"})
    assert (event.call_id, event.peer_call_ids) == ("x", ())


def test_labels_are_on_events_before_the_call_came_to_be_and_after_its_end(office: Office):
    call = Call(
        call_id=CallId("ann"), node_id=NODE, state=CallState.CREATING, labels={"team": "blue"}
    )
    office.tracker.expected.expect(JobId("job-1"), call, may_exist=False)
    early = office.told("CHANNEL_STATE", Unique_ID="ann")
    theirs = office.told(
        "CODEC", Unique_ID="bob", variable_uuid="bob", variable_cc_label_team="red"
    )
    assert (early.labels, theirs.labels) == ({"team": "blue"}, {"team": "red"})
    office.labelled("ann")
    channel = office.switch.channel("ann")
    channel.variables["variable_cc_label_team"] = "blue"
    late = apply_all(
        office.tracker,
        channel.event("CHANNEL_HANGUP_COMPLETE"),
        channel.event("CHANNEL_STATE"),
        channel.event("CHANNEL_DESTROY"),
    )
    assert [event.labels for event in late] == [{"team": "blue"}] * 3


def test_a_leg_that_took_another_id_keeps_its_labels(office: Office):
    office.labelled("ann")
    renamed = office.told("CHANNEL_UUID", Unique_ID="bob", Old_Unique_ID="ann")
    digit = office.told("DTMF", Unique_ID="bob", DTMF_Digit="5")
    assert renamed.labels == digit.labels == {"team": "blue"}
