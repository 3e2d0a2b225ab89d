"""CEL expressions as texts: what they use and repeat, found before anything compiles or runs them.

The runtime bounds nesting and steps, and its patterns are RE2's. Three things it leaves unbounded,
and they are refused here: macros that repeat work, patterns that are made only as it runs, and
patterns of any size, each of which is compiled anew for every evaluation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callcontrol.events.string_match import pattern_problem, pattern_steps

MAX_LENGTH: Final = 2_048
"""Bytes of an expression."""

MAX_PATTERNS: Final = 16
"""In an expression: to look at a hostile one takes some milliseconds."""

_LITERAL: Final = (
    r"(?:[bB]?[rR]|[rR][bB])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^']*'|\"[^\"]*\")"
    r"|[bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
)
_TOKEN: Final = re.compile(
    rf"(?P<comment>//.*)|(?P<literal>{_LITERAL})|(?P<word>[A-Za-z_]\w*|`[^`]*`)|(?P<number>\d[\w.]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|\S)"
)
_QUOTES: Final = frozenset({"'", '"'})
_REPEATING: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_PATTERN_COST: Final = 50
_STEP_COST: Final = 5
"""In tenths of a microsecond, as every cost."""
_BEFORE_AN_OPERAND: Final = frozenset({"", "(", "[", "{", ",", "&&", "||", "!", "?", ":"})


class BadExpression(Exception):
    """An expression that cannot be used; its text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression, and the place where it begins, from 1."""

    kind: str
    text: str
    place: int


NOTHING: Final = Token("sign", "", 0)
Tokens = Sequence[Token]


def tokens_of(expression: str) -> list[Token]:
    """Its tokens, comments left out.

    Raises BadExpression for what is too long, not in one line, without an end, or repeats.
    """
    if len(expression.encode(errors="surrogatepass")) > MAX_LENGTH:
        raise BadExpression(f"may have at most {MAX_LENGTH} bytes")
    if not expression.isprintable():
        raise BadExpression("may have no line breaks and no control characters")
    found: list[Token] = []
    for match in _TOKEN.finditer(expression):
        token = Token(match.lastgroup or "", match[0], match.start() + 1)
        if token.text in _QUOTES:  # to look for the end of each would take quadratic time
            raise BadExpression(f"has no end to the text that begins at character {token.place}")
        if token.kind != "comment":
            found.append(token)
    for before, token, after in _with_neighbours(found):
        if before.text == "." and token.text in _REPEATING and after.text == "(":
            place = token.place
            raise BadExpression(f"may not repeat, as `{token.text}` does at character {place}")
    return found


def pattern_cost(tokens: Tokens) -> int:
    """What its patterns cost. Raises BadExpression for one that is no literal, or too large."""
    cost = patterns = 0
    for at, token in enumerate(tokens):
        if token.text != "matches" or _at(tokens, at + 1).text != "(":
            continue
        patterns += 1
        if patterns > MAX_PATTERNS:
            raise BadExpression(f"may hold at most {MAX_PATTERNS} patterns")
        pattern = _at(tokens, at + 2)
        if _at(tokens, at - 1).text != "." or pattern.kind != "literal":
            problem = f'at character {token.place}: say text.matches("pattern"), and no other way'
            raise BadExpression(problem)
        if _at(tokens, at + 3).text != ")":
            raise BadExpression(f"at character {pattern.place}: a pattern must be one literal")
        text = literal_text(pattern)
        if refused := pattern_problem(text):
            raise BadExpression(f"at character {pattern.place}: {refused}")
        cost += _PATTERN_COST + _STEP_COST * pattern_steps(text)
    return cost


def literal_text(token: Token) -> str:
    """What a literal stands for. Raises BadExpression for bytes, and for escapes in it."""
    prefix = token.text[: len(token.text) - len(token.text.lstrip("bBrR"))].lower()
    text = token.text[len(prefix) :]
    quotes = 3 if text[:3] in {"'''", '"""'} and len(text) >= 6 else 1
    text = text[quotes:-quotes]
    if "b" in prefix or ("\\" in text and "r" not in prefix):
        problem = f'at character {token.place}: write it as r"...", without escapes'
        raise BadExpression(problem)
    return text


def keys_used(tokens: Tokens, variable: str) -> frozenset[str] | None:
    """The keys under which an expression looks into a map; None where it may want any.

    Sure of `map["key"]`, `map.key` and `"key" in map`; anything else may want any.
    """
    keys = set()
    for at, token in enumerate(tokens):
        if token.text != variable or token.kind != "word":
            continue
        key = _key_after(tokens, at) or _key_before(tokens, at)
        if key is None or _at(tokens, at - 1).text == ".":
            return None
        keys.add(key)
    return frozenset(keys)


def _key_after(tokens: Tokens, at: int) -> str | None:
    first, second, third = (_at(tokens, at + step) for step in (1, 2, 3))
    if first.text == "[" and second.kind == "literal" and third.text == "]":
        return _plain(second)
    if first.text == "." and second.kind == "word" and third.text != "(":
        return second.text if second.text.isidentifier() else None
    return None


def _key_before(tokens: Tokens, at: int) -> str | None:
    before, literal, operator = (_at(tokens, at - step) for step in (3, 2, 1))
    if operator.text != "in" or literal.kind != "literal":
        return None
    if before.text not in _BEFORE_AN_OPERAND or _at(tokens, at + 1).text in {".", "["}:
        return None
    return _plain(literal)


def _plain(literal: Token) -> str | None:
    try:
        return literal_text(literal)
    except BadExpression:
        return None


def _at(tokens: Tokens, at: int) -> Token:
    return tokens[at] if 0 <= at < len(tokens) else NOTHING


def _with_neighbours(tokens: Tokens) -> list[tuple[Token, Token, Token]]:
    return list(zip([NOTHING, *tokens], tokens, [*tokens[1:], NOTHING], strict=False))
