"""Patterns for digits: what passes, what it becomes, and what would keep a switch busy."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.calls.encoding.digit_pattern import BadPattern, pattern_problem, switch_pattern

ALPHABET = "0123456789ABCD*#"


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("1234", "^(?:1234)$"),
        ("^1$", "^(?:1)$"),
        (r"\d{4}", "^(?:[0-9]{4})$"),
        (r"\*\d+#", "^(?:[*][0-9]+#)$"),
        (".?", "^(?:[0-9A-D*#]?)$"),
        ("[1-3A-C*]{2,4}", "^(?:[1-3A-C*]{2,4})$"),
        ("030|0(40|89)?1", "^(?:030|0(?:40|89)?1)$"),
    ],
)
def test_a_pattern_is_written_anew_and_anchored(pattern: str, written: str) -> None:
    assert switch_pattern(pattern) == written


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(1+)+",
        "(1|1)*",
        "(?=1)",
        r"1\1",
        "[^1]",
        "[9-1]",
        "[1-A]",
        "1{65}",
        "4{3,2}",
        "1?2?3?4?5?6?7?",
        "*1",
        "(1",
        "1)",
        "a",
        "1 2",
        "1'",
        "${x}",
        "1${x}",
        "1" * 129,
        "|".join("1" * 33),
        "(1|2)(1|2)(1|2)(1|2)(1|2)(1|2)(1|2)",
        "[",
        "[]",
        "{2}",
        "1{,2}",
        "1++",
    ],
)
def test_what_is_not_of_the_language_is_refused(pattern: str) -> None:
    assert pattern_problem(pattern)


@given(st.text(max_size=40))
def test_nothing_leaves_but_what_needs_no_quoting_and_compiles(pattern: str) -> None:
    try:
        written = switch_pattern(pattern)
    except BadPattern:
        return
    assert re.fullmatch(r"[][0-9A-D*#^$?:()|{},+-]+", written)
    assert "${" not in written
    assert re.compile(written).pattern == written


@given(st.text("0123456789ABCD*#.\\d[]()|?+{},-^$", max_size=30), st.text(ALPHABET, max_size=20))
def test_the_switch_takes_what_the_client_meant(pattern: str, entry: str) -> None:
    try:
        written = switch_pattern(pattern)
    except BadPattern:
        return
    meant = pattern.removeprefix("^").removesuffix("$").replace(".", "[0-9A-D*#]")
    assert bool(re.search(written, entry)) == bool(re.fullmatch(meant, entry))
