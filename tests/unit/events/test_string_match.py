"""Conditions on one text: what they hold for, and which patterns are taken."""

import pytest

from callcontrol.events.event import HeaderValue
from callcontrol.events.filter import EventFilter
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.events.string_match import Comparison, StringMatch, compile_match, pattern_problem


def holds(how: Comparison, text: str, value: HeaderValue | None, **facts: bool) -> bool:
    return compile_match(StringMatch(how=how, text=text, **facts))(value)


@pytest.mark.parametrize(
    ("how", "text", "value", "expected"),
    [
        (Comparison.EXACT, "public", "public", True),
        (Comparison.EXACT, "public", "Public", False),
        (Comparison.EXACT, "", "", True),
        (Comparison.PREFIX, "sofia/", "sofia/internal/1000", True),
        (Comparison.SUFFIX, "-b", "loopback/9-b", True),
        (Comparison.CONTAINS, "back/9", "loopback/9-b", True),
        (Comparison.REGEX, "^loop.*b$", "loopback/9-b", True),
        (Comparison.REGEX, "back", "loopback/9-b", True),
        (Comparison.REGEX, "^back", "loopback/9-b", False),
        (Comparison.PRESENT, "", "", True),
    ],
)
def test_a_text_is_compared_as_asked(how, text, value, expected):
    assert holds(how, text, value) is expected
    assert holds(how, text, value, invert=True) is not expected


@pytest.mark.parametrize("how", Comparison)
def test_a_text_that_is_missing_meets_no_condition_but_one_turned_round(how):
    assert holds(how, "", None) is False
    assert holds(how, "", None, invert=True) is True


def test_case_is_ignored_of_ascii_letters_only():
    assert holds(Comparison.EXACT, "Käse", "kÄSE", ignore_case=True) is False
    assert holds(Comparison.EXACT, "Käse", "kÄSE".replace("Ä", "ä"), ignore_case=True)
    assert holds(Comparison.PREFIX, "SOFIA/", "sofia/internal", ignore_case=True)
    assert holds(Comparison.REGEX, "SOFIA", "a sofia", ignore_case=True)


def test_of_an_array_any_element_may_be_it_or_all_in_the_spelling_of_the_switch():
    assert holds(Comparison.EXACT, "b", ["a", "b"])
    assert holds(Comparison.EXACT, "ARRAY::a|:b", ["a", "b"])
    assert not holds(Comparison.EXACT, "a|:b", ["a", "b"])
    assert not holds(Comparison.EXACT, "b", ["a", "b"], invert=True)


def test_a_long_text_is_searched_like_a_short_one():
    assert holds(Comparison.REGEX, "needle$", "hay" * 1_000 + "needle")
    assert not holds(Comparison.REGEX, "needle$", "hay" * 1_000)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing )"),
        (r"(a)\1", "invalid escape sequence"),
        ("(?=a)", "invalid perl operator"),
        ("a{1001}", "invalid repetition size"),
        (r"\pL{900}", "too large"),
        (".{90}", "steps; at most 500"),
        ("é" * 257, "512 bytes"),
    ],
)
def test_a_pattern_that_is_none_or_too_large_is_refused_with_the_reason(pattern, words):
    problem = pattern_problem(pattern)
    assert problem is not None
    assert words in problem


def test_a_pattern_that_keeps_other_engines_busy_for_ever_is_taken_and_answers_at_once():
    assert pattern_problem("(a+)+$") is None
    assert not holds(Comparison.REGEX, "^(a+)+$", "a" * 100_000 + "b")


def test_a_filter_costs_what_is_asked_of_it_and_a_pattern_costs_most():
    exact = StringMatch(how=Comparison.EXACT, text="a")
    pattern = StringMatch(how=Comparison.REGEX, text="^a.*b$")
    free, cheap, dear = (
        cost_of([each])
        for each in (
            EventFilter(),
            EventFilter(headers=frozenset({("X", exact)})),
            EventFilter(headers=frozenset({("X", pattern)})),
        )
    )
    assert cost_of([]) == 0
    assert free < cheap < 10 < dear < COST_LIMIT / 16
