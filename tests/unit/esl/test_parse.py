"""Events are read whatever stands in them; one that cannot be read is told and no more."""

import pytest

from callcontrol.esl.messages import SwitchEvent, UnreadableEvent
from callcontrol.esl.parse import parse_event_json, parse_event_plain, parse_header_lines


def read_json(body: bytes) -> SwitchEvent:
    event = parse_event_json(body, len(body))
    assert isinstance(event, SwitchEvent)
    return event


def read_plain(body: bytes) -> SwitchEvent:
    event = parse_event_plain(body, len(body))
    assert isinstance(event, SwitchEvent)
    return event


def test_a_json_event_has_its_headers_and_its_body_apart() -> None:
    body = b'{"Event-Name":"BACKGROUND_JOB","Job-UUID":"j","Content-Length":"4","_body":"+OK\\n"}'
    event = read_json(body)
    assert event.headers == {"Event-Name": "BACKGROUND_JOB", "Job-UUID": "j"}
    assert (event.body, event.size) == ("+OK\n", len(body))


def test_an_array_variable_is_a_list() -> None:
    event = read_json(b'{"Event-Name":"CUSTOM","variable_a":["1","2"]}')
    assert event.headers["variable_a"] == ["1", "2"]
    assert event.text("variable_a") == "1"


def test_of_a_repeated_name_the_last_value_counts_in_both_forms() -> None:
    assert read_json(b'{"Hangup-Cause":"A","Hangup-Cause":"B"}').text("Hangup-Cause") == "B"
    assert read_plain(b"Hangup-Cause: A\nHangup-Cause: B\n\n").text("Hangup-Cause") == "B"


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert read_json(b'{"X":"caf\xe9","Y":"\xc3\xb1"}').headers == {"X": "caf\ufffd", "Y": "ñ"}
    assert read_plain(b"X: caf%E9\nY: %C3%B1\n\n").headers == {"X": "caf\ufffd", "Y": "ñ"}
    assert read_plain(b"X: a\nContent-Length: 2\n\n\xff!").body == "\ufffd!"


def test_values_the_switch_never_sends_become_text() -> None:
    event = read_json(b'{"a":1,"b":null,"c":true,"d":1.5,"e":[1,null],"f":"x"}')
    assert event.headers == {"a": "1", "b": "", "c": "true", "d": "1.5", "e": ["1", ""], "f": "x"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"7",
        b'{"a":{"b":"c"}}',
        b'{"a":[["b"]]}',
        b'{"a":"\\ud800"}',
        b'{"a":"b"}Content-Type: text/disconnect-notice',
        b"[" * 5_000,
        b"\xff\xfe",
    ],
)
def test_an_event_that_cannot_be_read_is_reported_with_its_size(body: bytes) -> None:
    event = parse_event_json(body, 17)
    assert isinstance(event, UnreadableEvent)
    assert event.size == 17


def test_a_plain_value_is_decoded_without_taking_plus_for_blank() -> None:
    assert read_plain(b"X: a+b%20c%2B\n\n").text("X") == "a+b c+"


def test_a_plain_array_is_a_list_and_an_empty_value_is_empty() -> None:
    event = read_plain(b"X: ARRAY%3A%3Aa%7C%3Ab\nY: _undef_\n\n")
    assert event.headers == {"X": ["a", "b"], "Y": ""}


def test_a_plain_body_is_not_decoded() -> None:
    event = read_plain(b"Event-Name: CUSTOM\nContent-Length: 8\n\n%20\n\n a:")
    assert event.body == "%20\n\n a:"
    assert event.headers == {"Event-Name": "CUSTOM"}


def test_a_plain_line_without_a_colon_is_passed_over() -> None:
    assert read_plain(b"X: 1\nbroken name\nY: 2\n\n").headers == {"X": "1", "Y": "2"}


def test_a_plain_event_without_any_header_is_unreadable() -> None:
    assert isinstance(parse_event_plain(b"\n", 1), UnreadableEvent)


def test_header_lines_keep_the_blanks_of_their_values() -> None:
    assert parse_header_lines(b"Reply-Text:   spaces  \nJob-UUID:x") == {
        "Reply-Text": "  spaces  ",
        "Job-UUID": "x",
    }
