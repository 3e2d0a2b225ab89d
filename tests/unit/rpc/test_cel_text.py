"""Expressions as texts: what they look at, and what is refused before anything runs."""

import pytest

from callcontrol.rpc.cel_text import BadExpression, keys_used, pattern_cost, tokens_of


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ('headers["A-B"] == "x"', {"A-B"}),
        ("headers['a'] == headers.b", {"a", "b"}),
        ("has(headers.a) && headers.a.startsWith('x')", {"a"}),
        ("'a' in headers", {"a"}),
        ("!('a' in headers) || 'b' in headers", {"a", "b"}),
        ("true ? 'a' in headers : \"b\" in headers", {"a", "b"}),
        ("headers[r'a\\b'] == ''", {"a\\b"}),
        ("event.name == 'headers'", set()),
        ("\"headers['a']\" == 'it\\'s headers'", set()),
        ("'''headers''' == 'x'", set()),
    ],
)
def test_it_is_known_which_keys_of_a_map_are_looked_at(expression: str, keys: set[str]) -> None:
    assert keys_used(tokens_of(expression), "headers") == frozenset(keys)


@pytest.mark.parametrize(
    "expression",
    [
        "size(headers) > 1",
        "headers == headers",
        "headers[event.name] == ''",
        "headers['a' + 'b'] == ''",
        "headers['a\\x62'] == ''",
        "headers.size() > 1",
        "'a' + 'b' in headers",
        "event.name in headers",
        "headers.`a-b` == ''",
        ".headers['a'] == ''",
        "dyn(headers).a == 'b'",
        "headers[''] == 'b'",
    ],
)
def test_what_is_not_sure_to_look_at_certain_keys_may_look_at_any(expression: str) -> None:
    assert keys_used(tokens_of(expression), "headers") is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("x.matches(y)", "no other way"),
        ("matches(x, 'y')", "no other way"),
        ("x . matches ('a' + y)", "one literal"),
        ("x.matches(r'[\\pL]{300}')", "too large"),
        ("x.matches('\\\\d+')", "without escapes"),
        ("x.matches(b'a')", "without escapes"),
        ("x.matches('''[''')", "missing ]"),
    ],
)
def test_a_pattern_that_is_not_known_or_too_large_is_refused(expression: str, words: str) -> None:
    with pytest.raises(BadExpression, match="character") as refused:
        pattern_cost(tokens_of(expression))
    assert words in str(refused.value)


def test_a_pattern_costs_by_its_size_as_it_is_compiled_for_each_evaluation() -> None:
    none, small, large = (
        pattern_cost(tokens_of(text))
        for text in ("x == 'matches('", "x.matches('^a$')", "x.matches('.{10}')")
    )
    assert none == 0
    assert 50 < small < large


def test_an_expression_has_a_bounded_number_of_patterns() -> None:
    assert pattern_cost(tokens_of(" || ".join(["x.matches('a')"] * 16)))
    with pytest.raises(BadExpression, match="at most 16 patterns"):
        pattern_cost(tokens_of(" || ".join(["x.matches('a')"] * 17)))


def test_a_text_without_an_end_is_found_at_its_first_quote() -> None:
    with pytest.raises(BadExpression, match="begins at character 6"):
        tokens_of("x == " + "'\\" * 1_000)
    assert [token.text for token in tokens_of("'a' == '' // it's a comment")] == ["'a'", "==", "''"]


@pytest.mark.parametrize("macro", ["all", "exists", "exists_one", "existsOne", "map", "filter"])
def test_what_repeats_is_refused_where_it_is_called_and_nowhere_else(macro: str) -> None:
    with pytest.raises(BadExpression, match=f"`{macro}` does at character 4"):
        tokens_of(f"x. {macro} (y, true)")
    assert tokens_of(f"x.{macro} == '.{macro}(' && {macro}(x)")
