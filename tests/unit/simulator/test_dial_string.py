"""How originate reads its argument; the cases were run through the switch's own parser."""

import pytest

from callcontrol.simulator.dial_string import (
    Malformed,
    Target,
    read_targets,
    split_blank,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("'sofia/internal/two words@x' &park", ["sofia/internal/two words@x", "&park"]),
        (r"one\stwo three", ["one two", "three"]),
        (r"it\'s fine", ["it's", "fine"]),
        ("{n=it's}user/1 &park", ["{n=it's}user/1 &park"]),
        ("^^;a b;c", ["a b", "c"]),
        (r"back\\slash x", [r"back\slash", "x"]),
    ],
)
def test_blanks_separate_unless_quoted(text: str, parts: list[str]) -> None:
    assert split_blank(text) == parts


def test_the_last_of_a_limited_number_of_arguments_is_the_rest() -> None:
    assert split_blank("id name two words here", 3) == ["id", "name", "two words here"]


def test_a_value_that_was_encoded_for_all_layers_arrives_as_it_was() -> None:
    # O'Neil, Bob through the three layers of quoting
    encoded = r"{n=O\\\\\\\'Neil\\,\\\\sBob}null/x"
    (argument,) = split_blank(encoded)

    assert read_targets(argument)[0] == {"n": "O'Neil, Bob"}


def test_a_comma_without_escape_begins_the_next_variable() -> None:
    assert read_targets("{a=1,b=2}null/x")[0] == {"a": "1", "b": "2"}


def test_another_separator_can_be_chosen() -> None:
    assert read_targets("{^^;a=1,2;b=3}null/x")[0] == {"a": "1,2", "b": "3"}


def test_a_value_that_would_be_expanded_is_not_set() -> None:
    assert read_targets("{a=${system},b=2}null/x")[0] == {"b": "2"}


def test_commas_ring_at_once_and_pipes_one_after_the_other() -> None:
    _, groups = read_targets("[leg_timeout=2]null/a,null/b|null/c")

    assert groups == [
        [Target("null", "a", {"leg_timeout": "2"}), Target("null", "b")],
        [Target("null", "c")],
    ]


def test_braces_count_and_have_no_escape() -> None:
    variables, groups = read_targets("{a={x}}null/y")

    assert variables == {"a": "{x}"}
    assert groups == [[Target("null", "y")]]


@pytest.mark.parametrize("url", ["{a=b", "[a=b}loopback/x", "<a=b", "{a=b}"])
def test_a_block_without_end_and_a_missing_leg_are_malformed(url: str) -> None:
    with pytest.raises(Malformed):
        read_targets(url)
