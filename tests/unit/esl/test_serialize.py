"""What the switch's side writes has the letters that a switch writes."""

import pytest

from callcontrol.esl.messages import HeaderValue
from callcontrol.esl.serialize import (
    MAX_REPLY_TEXT,
    api_frame,
    encode_event_json,
    encode_event_plain,
    encode_value_plain,
    reply_frame,
)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a b", "a%20b"),
        ("+1:2;3", "%2B1%3A2%3B3"),
        ("!$'()*,-./_~09azAZ", "!$'()*,-./_~09azAZ"),
        ('"#&<=>?@[\\]^`{|}\x7f', "%22%23%26%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D%7F"),
        ("ñ", "%C3%B1"),
        ("\udce9", "%E9"),
        ("\n", "%0A"),
        ("%41", "%41"),
        ("%4a", "%254a"),
        ("100%", "100%25"),
        ("%%41", "%25%41"),
        ("", "_undef_"),
        (["a", "b c"], "ARRAY%3A%3Aa%7C%3Ab%20c"),
        (["a"], "a"),
    ],
)
def test_a_plain_value_is_encoded_so(value: HeaderValue, encoded: str) -> None:
    assert encode_value_plain(value) == encoded


def test_a_plain_event_has_the_length_of_its_body_last() -> None:
    assert encode_event_plain([("A", "1"), ("A", "2")]) == b"A: 1\nA: 2\n\n"
    assert encode_event_plain([("A", "1")], "é") == b"A: 1\nContent-Length: 2\n\n\xc3\xa9"


def test_a_json_event_has_only_strings_and_arrays_of_strings() -> None:
    headers: list[tuple[str, HeaderValue]] = [("A", 'x"\\\n\x01/'), ("A", ["1", "2"]), ("B", ["1"])]
    written = rb'{"A":"x\"\\\n\u0001/","A":["1","2"],"B":"1","Content-Length":"2","_body":"'
    assert encode_event_json(headers, "é") == written + b'\xc3\xa9"}'


def test_an_empty_body_is_told_in_json_and_not_in_plain() -> None:
    assert encode_event_json([], "") == b'{"Content-Length":"0","_body":""}'
    assert encode_event_plain([], "") == b"\n"


def test_bytes_that_are_not_utf_8_can_be_written() -> None:
    assert encode_event_json([("A", "caf\udce9")]) == b'{"A":"caf\xe9"}'


def test_a_reply_text_is_cut_where_a_switch_cuts_it() -> None:
    assert len(reply_frame("x" * 600)) == len(reply_frame("")) + MAX_REPLY_TEXT


def test_an_api_that_prints_nothing_is_answered_by_an_error() -> None:
    assert api_frame("").endswith(b"\n\n-ERR no reply\n")
