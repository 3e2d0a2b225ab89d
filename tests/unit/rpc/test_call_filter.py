"""Filters of calls: what they pick, what they refuse, and what they cost."""

import itertools

import pytest

from callcontrol.calls.call import Call, CallState, Direction, Party
from callcontrol.errors import InvalidRequest, NotImplementedYet
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc import cel
from callcontrol.rpc.call_filter import CelFilter, compile_filter


def call(number: int = 0, **variables: str) -> Call:
    return Call(
        call_id=CallId(f"call-{number}"),
        node_id=NodeId("fs1"),
        state=CallState.PARKED,
        direction=Direction.INBOUND,
        caller=Party(number=f"+49{number}"),
        labels={"team": "sales"},
        variables=variables,
    )


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("true", True),
        ('call.labels["team"] == "sales"', True),
        ('call.labels.team == "sales"', True),
        ('call.labels["other"] == "sales"', False),
        ('"other" in call.labels', False),
        ("call.state == STATE_PARKED", True),
        ("call.state == callcontrol.v1.Call.State.STATE_ACTIVE", False),
        ("call.direction == DIRECTION_INBOUND && !has(call.answer_time)", True),
        ('call.variables["agent"].startsWith("Acme")', True),
        ('call.caller.number.matches("^[+]49[0-9]$")', True),
        ('call.call_id in ["call-0", "call-1"]', True),
        ("1 / 0 == 1", False),
    ],
)
def test_an_expression_over_what_is_known_of_a_call(expression: str, *, holds: bool) -> None:
    assert compile_filter(expression).holds_for(call(agent="Acme 1.0")) == holds


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("call.nope", "at character 5: undefined field"),
        ('call.state == "x"', "at character 12"),
        ("", "at character 1"),
        ("call.call_id", "of type STRING"),
        ("dyn(true)", "of type"),
        ("call.labels.exists(k, true)", "`exists` does at character 13"),
        ("[1] . map (x, x) == []", "`map`"),
        ("true // no\n", "line breaks"),
        ("[" * 40 + "]" * 40 + " == []", "nested too deeply"),
        ("true || " * 300 + "true", "at most 2048 bytes"),
        ("call.call_id.matches(call.node_id)", "and no other way"),
        (r"'x'.matches(r'\pL{900}')", "too large"),
        ("call.create_time.getHours('/dev/stdin') > 1", "at character 26"),
        ('call.caller.number.matches("(")', "missing )"),
    ],
)
def test_an_expression_that_is_refused_says_where_and_why(expression: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compile_filter(expression)
    (violation,) = refused.value.violations

    assert violation.field == "filter"
    assert words in violation.problem


async def test_calls_are_picked_in_order_and_no_more_than_asked_for() -> None:
    chosen = compile_filter('call.call_id != "call-1"')
    calls = [call(number) for number in range(5)]

    assert [each.call_id for each in await chosen.pick(calls)] == [
        "call-0",
        "call-2",
        "call-3",
        "call-4",
    ]
    assert len(await chosen.pick(calls, limit=2)) == 2


class Costly:
    """An expression that is true, or has no more steps to spend."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def eval(self, activation: object) -> "Costly":
        if self.error is not None:
            raise self.error
        return self

    def value(self) -> object:
        return True


async def test_a_filter_that_takes_too_long_in_all_is_refused() -> None:
    ticks = itertools.count(step=1)
    slow = CelFilter(Costly(), clock=lambda: float(next(ticks)))
    with pytest.raises(InvalidRequest, match="too long"):
        await slow.pick(call(number) for number in range(100))


def test_an_evaluation_that_costs_too_much_holds_for_no_call() -> None:
    assert not CelFilter(Costly(RuntimeError("Iteration budget exceeded"))).holds_for(call())


def test_without_the_extra_it_is_said_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "find_spec", lambda _: None)
    with pytest.raises(NotImplementedYet, match="extra `cel`"):
        compile_filter("true")
