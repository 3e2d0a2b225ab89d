"""Filters as clients write them: what they become, and what is refused."""

from typing import Any

import pytest

from callcontrol.errors import InvalidFilter
from callcontrol.events.filter import EventFilter
from callcontrol.events.string_match import Comparison, StringMatch
from callcontrol.rpc.event_filter import FilterReader
from callcontrol.v1 import common_pb2
from callcontrol.v1.event_service_pb2 import EventFilter as Filter


def match(**facts: Any) -> common_pb2.StringMatch:  # Any: fields of StringMatch
    return common_pb2.StringMatch(**facts)


def read(*filters: Filter) -> tuple[EventFilter, ...]:
    return FilterReader().read(filters)


def refusals(*filters: Filter) -> dict[str, str]:
    """What is wrong with each field."""
    with pytest.raises(InvalidFilter) as refused:
        read(*filters)
    return {each.field: each.problem for each in refused.value.violations}


def test_headers_and_labels_become_conditions_on_their_names():
    wanted = Filter(
        headers={"Channel-Name": match(prefix="sofia/", ignore_case=True)},
        labels={"team": match(exact="sales", invert=True)},
    )
    (found,) = read(wanted)
    sofia = StringMatch(how=Comparison.PREFIX, text="sofia/", ignore_case=True)
    not_sales = StringMatch(how=Comparison.EXACT, text="sales", invert=True)
    assert found.headers == {("Channel-Name", sofia)}
    assert found.labels == {("team", not_sales)}


@pytest.mark.parametrize("how", ["exact", "prefix", "suffix", "contains", "regex"])
def test_each_comparison_keeps_its_text(how):
    ((_, found),) = read(Filter(headers={"X": match(**{how: "a"})}))[0].headers
    assert (found.how.value, found.text) == (how, "a")


def test_two_ways_to_say_that_a_header_is_missing_are_one_condition():
    absent = read(Filter(headers={"X": match(present=False, ignore_case=True)}))
    assert absent == read(Filter(headers={"X": match(present=True, invert=True)}))
    assert absent != read(Filter(headers={"X": match(present=True)}))
    assert read(Filter(headers={"X": match(present=False, invert=True)})) == read(
        Filter(headers={"X": match(present=True)})
    )


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        (Filter(headers={"X": match()}), "filters[0].headers[X]", "how to compare"),
        (Filter(headers={"X*": match(exact="a")}), "filters[0].headers[X*]", "name of a header"),
        (Filter(headers={"": match(exact="a")}), "filters[0].headers[]", "name of a header"),
        (Filter(labels={"a b": match(exact="a")}), "filters[0].labels[a b]", "label name"),
        (Filter(labels={"a": match(regex="(")}), "filters[0].labels[a]", "missing )"),
        (Filter(headers={"X": match(regex=r"\pL{900}")}), "filters[0].headers[X]", "too large"),
        (Filter(headers={"X": match(suffix="a" * 1_025)}), "filters[0].headers[X]", "1024"),
    ],
)
def test_a_condition_that_cannot_be_used_is_named_with_the_reason(wanted, field, words):
    problems = refusals(wanted)
    assert list(problems) == [field]
    assert words in problems[field]


def test_everything_wrong_with_all_filters_is_told_at_once():
    bad = Filter(names=["no name"], headers={"X": match(), "Y": match(regex="(")})
    assert len(refusals(bad, bad)) == 6


def test_headers_and_labels_count_as_conditions():
    many = Filter(headers={f"X{n}": match(exact="a") for n in range(33)})
    assert "66" in refusals(many, many)["filters"]


def test_patterns_are_bounded_over_all_filters_together_before_any_is_looked_at():
    many = Filter(headers={f"X{n}": match(regex="(") for n in range(17)})
    assert "17" in refusals(many)["filters"]
    assert len(refusals(Filter(headers={"X": match(regex="(")}))) == 1


def test_filters_that_cost_too_much_together_are_refused_with_what_they_cost():
    dear = Filter(headers={f"X{n}": match(regex="a{490}") for n in range(8)})
    assert read(dear)
    assert "at most 1000" in refusals(dear, dear)["filters"]


def test_no_expression_is_compiled_after_one_that_is_bad_or_too_much():
    bad, dear = Filter(expression="event.nope"), Filter(expression="!" * 1_000 + "true")
    full = Filter(expression="headers == headers")
    assert list(refusals(bad, bad)) == ["filters[0].expression"]
    assert "at most 1000; this costs 1051" in refusals(dear, bad)["filters[0].expression"]
    assert "at most 1000 together" in refusals(full, full, bad)["filters"]


def test_names_and_subclasses_that_never_come_are_refused_as_told():
    reader = FilterReader(
        name_problem=lambda name: "is not asked for" if name == "API" else None,
        subclass_problem=lambda subclass: "neither" if subclass.startswith("sofia") else None,
    )
    assert reader.read([Filter(names=["CUSTOM"], subclasses=["conference::*"])])
    with pytest.raises(InvalidFilter) as refused:
        reader.read([Filter(names=["API"]), Filter(subclasses=["sofia::*"])])
    assert [each.field for each in refused.value.violations] == [
        "filters[0].names[0]",
        "filters[1].subclasses[0]",
    ]
