"""How long sounds last, and which digits a string has."""

from math import inf

import pytest

from callcontrol.simulator.media import Digit, duration_s, parse_digits


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("tone_stream://%(1000,500,440)", 1.5),
        ("tone_stream://%(200,50,440);loops=4", 1.0),
        ("tone_stream://%(1000,500,440);loops=-1", inf),
        ("tone_stream://%(60000,0,440", 60.0),
        ("silence_stream://1500", 1.5),
        ("silence_stream://2000,1400", 2.0),
        ("silence_stream://-1", inf),
        ("file_string://known.wav!silence_stream://500", 3.0),
        ("known.wav", 2.5),
        ("local_stream://moh", None),
        ("/nonexistent/x.wav", None),
        ("say:hello", None),
    ],
)
def test_a_sound_lasts(path: str, seconds: float | None) -> None:
    assert duration_s(path, {"known.wav": 2.5}) == seconds


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("12#", [Digit("1", 2000, "APP"), Digit("2", 2000, "APP"), Digit("#", 2000, "APP")]),
        ("9@250", [Digit("9", 2000, "APP")]),
        ("1@100+2", [Digit("1", 800, "APP"), Digit("2", 2000, "APP")]),
        ("aD*", [Digit("A", 2000, "APP"), Digit("D", 2000, "APP"), Digit("*", 2000, "APP")]),
        ("1w2W3", [Digit("1", 2000, "APP"), Digit("2", 2000, "APP"), Digit("3", 2000, "APP")]),
        ("xyz", []),
    ],
)
def test_digits(text: str, digits: list[Digit]) -> None:
    assert parse_digits(text, "APP") == digits
