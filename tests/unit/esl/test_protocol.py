"""Replies find their commands, and everything else is passed on."""

import pytest

from callcontrol.esl.commands import Api, Auth, Exit
from callcontrol.esl.errors import ProtocolError, UnencodableValue
from callcontrol.esl.messages import (
    ApiResponse,
    AuthRequest,
    DisconnectNotice,
    LogLine,
    Reply,
    RudeRejection,
    SwitchEvent,
    UnknownFrame,
    UnreadableEvent,
)
from callcontrol.esl.protocol import Answered, Connection
from callcontrol.esl.serialize import (
    api_frame,
    auth_request,
    connect_frame,
    disconnect_notice,
    encode_event_json,
    encode_event_plain,
    event_frame,
    linger_notice,
    reply_frame,
    rude_rejection,
)

EVENT = event_frame(encode_event_json([("Event-Name", "HEARTBEAT")]), "json")


def test_the_greeting_and_the_login_are_like_any_other_frames() -> None:
    connection: Connection[str] = Connection()
    assert connection.receive_data(auth_request()) == [AuthRequest()]
    assert connection.send(Auth("secret"), "login") == b"auth secret\n\n"
    assert connection.receive_data(reply_frame("+OK accepted")) == [
        Answered(
            "login",
            Reply("+OK accepted", {"Content-Type": "command/reply", "Reply-Text": "+OK accepted"}),
        )
    ]


def test_replies_answer_commands_in_order_with_events_between() -> None:
    connection: Connection[int] = Connection()
    for number in range(3):
        connection.send(Api("status"), number)
    received = connection.receive_data(
        api_frame("a") + EVENT + api_frame("b") + EVENT + api_frame("c")
    )
    assert [m.answer for m in received if isinstance(m, Answered)] == [
        ApiResponse(b"a"),
        ApiResponse(b"b"),
        ApiResponse(b"c"),
    ]
    assert [m.waiter for m in received if isinstance(m, Answered)] == [0, 1, 2]
    assert [type(m) for m in received] == [Answered, SwitchEvent, Answered, SwitchEvent, Answered]


def test_an_api_that_is_not_permitted_is_answered_by_a_reply_and_keeps_the_order() -> None:
    connection: Connection[str] = Connection()
    connection.send(Api("status"), "first")
    connection.send(Api("version"), "second")
    received = connection.receive_data(reply_frame("-ERR permission denied") + api_frame("1.10"))
    assert [m.waiter for m in received if isinstance(m, Answered)] == ["first", "second"]
    first = received[0]
    assert isinstance(first, Answered)
    assert isinstance(first.answer, Reply)
    assert not first.answer.ok


def test_a_command_that_cannot_be_encoded_takes_no_slot() -> None:
    connection: Connection[str] = Connection()
    with pytest.raises(UnencodableValue):
        connection.send(Api("status", "a\nb"), "nobody")
    assert connection.pending == 0


def test_the_oldest_waiter_is_the_one_whose_reply_is_next() -> None:
    connection: Connection[str] = Connection()
    connection.send(Api("a"), "first")
    connection.send(Api("b"), "second")
    assert connection.oldest_waiter == "first"
    connection.receive_data(api_frame("x"))
    assert connection.oldest_waiter == "second"
    connection.receive_data(api_frame("x"))
    assert connection.oldest_waiter is None


def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    connection: Connection[str] = Connection()
    with pytest.raises(ProtocolError):
        connection.receive_data(reply_frame("+OK"))
    with pytest.raises(ProtocolError):
        connection.receive_data(EVENT)


def test_what_came_before_a_fault_is_delivered_first() -> None:
    connection: Connection[str] = Connection()
    connection.send(Exit(), "only")
    received = connection.receive_data(
        EVENT + reply_frame("+OK bye") + reply_frame("+OK bye") + EVENT
    )
    assert [type(m) for m in received] == [SwitchEvent, Answered]
    assert connection.failure is not None
    with pytest.raises(ProtocolError):
        connection.receive_data(b"")


def test_bytes_that_are_no_frames_end_the_connection_and_leave_the_waiters() -> None:
    connection: Connection[str] = Connection()
    connection.send(Api("a"), "first")
    with pytest.raises(ProtocolError):
        connection.receive_data(b"HTTP/1.1 400 Bad Request\r\nServer: x\n\n")
    assert connection.abandon() == ["first"]


def test_abandoning_returns_everyone_who_waits_oldest_first() -> None:
    connection: Connection[int] = Connection()
    for number in range(3):
        connection.send(Api("a"), number)
    connection.receive_data(api_frame("x"))
    assert connection.abandon() == [1, 2]
    assert (connection.pending, connection.abandon()) == (0, [])


def test_the_end_between_frames_is_no_error_and_within_one_is() -> None:
    connection: Connection[str] = Connection()
    connection.receive_data(EVENT)
    connection.receive_eof()
    connection.receive_data(EVENT[:-1])
    with pytest.raises(ProtocolError, match="into a frame"):
        connection.receive_eof()


def test_an_event_that_cannot_be_read_does_not_hurt_the_next_one() -> None:
    connection: Connection[str] = Connection()
    broken = event_frame(b'{"Event-Name":', "json")
    unreadable, event = connection.receive_data(broken + EVENT)
    assert isinstance(unreadable, UnreadableEvent)
    assert unreadable.size == len(broken)
    assert isinstance(event, SwitchEvent)


def test_every_kind_of_frame_has_its_value() -> None:
    log = (
        b"Content-Type: log/data\nContent-Length: 5\nLog-Level: 3\nText-Channel: 3\n"
        b"Log-File: mod_commands.c\nLog-Func: f\nLog-Line: 7200\nUser-Data: \n\nhello"
    )
    plain = event_frame(encode_event_plain([("Event-Name", "TRAP")]), "plain")
    xml = event_frame(b"<event/>", "xml")
    stream = log + plain + xml + rude_rejection() + linger_notice("u", "sofia/x", 5)
    received = Connection[str]().receive_data(stream + disconnect_notice(call_id="u"))
    line, event, unknown, rejection, lingering, end = received
    assert isinstance(line, LogLine)
    assert (line.level, line.text, line.headers["Log-Line"]) == (3, "hello", "7200")
    assert isinstance(event, SwitchEvent)
    assert isinstance(unknown, UnknownFrame)
    assert unknown.frame.body == b"<event/>"
    assert rejection == RudeRejection("Access Denied, go away.\n")
    assert isinstance(lingering, DisconnectNotice)
    assert lingering.lingering
    assert isinstance(end, DisconnectNotice)
    assert not end.lingering
    assert end.text.startswith("Disconnected, goodbye.")
    assert end.headers["Controlled-Session-UUID"] == "u"


def test_a_log_line_without_a_level_is_passed_on_as_it_is() -> None:
    (line,) = Connection[str]().receive_data(b"Content-Type: log/data\nContent-Length: 1\n\nx")
    assert isinstance(line, UnknownFrame)


def test_the_answer_to_connect_is_decoded() -> None:
    connection: Connection[str] = Connection()
    connection.send(Api("x"), "connect")
    frame = connect_frame(
        [("Event-Name", "CHANNEL_DATA"), ("Channel-Name", "a@b")], "async", "full"
    )
    (answered,) = connection.receive_data(frame)
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, Reply)
    assert answered.answer.text == "+OK"
    assert answered.answer.headers["Channel-Name"] == "a@b"
    assert answered.answer.headers["Control"] == "full"
