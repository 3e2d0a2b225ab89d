"""Expressions over events: what they hold for, what they cost, and what becomes of failures."""

from typing import Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.corpus_events import corpus_events

from callcontrol.calls.call import CallState
from callcontrol.calls.payloads import CallStateChanged
from callcontrol.events.event import Event, HeaderValue
from callcontrol.events.filter import EventFilter, compile_filters
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.rpc import event_expression
from callcontrol.rpc.cel import MissingExtra
from callcontrol.rpc.cel_text import BadExpression
from callcontrol.rpc.event_expression import Expressions

PARKED = next(
    event
    for event in corpus_events()
    if isinstance(event.payload, CallStateChanged) and event.payload.call.state is CallState.PARKED
)


class Failures:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("true", True),
        ('event.name == "CHANNEL_PARK"', True),
        ('headers["Event-Name"] == event.name', True),
        ('headers["Unique-ID"] == event.call_id', True),
        ("event.call_state_changed.call.state == STATE_PARKED", True),
        ("event.call_state_changed.call.state == Call.State.STATE_HELD", False),
        ("has(event.call_state_changed) && !has(event.call_ended)", True),
        ('headers["Channel-Name"].startsWith("loopback/")', True),
        ('headers["Channel-Name"].matches("^loopback/[a-z0-9]+-[ab]$")', True),
        ('"variable_nope" in headers', False),
        ('!("variable_nope" in headers) && size(headers) > 50', True),
        ('event.labels["team"] == "sales"', True),
        ('event.position.node_id == "corpus" && event.position.sequence > 0u', True),
        ("event.receive_time > timestamp('2020-01-01T00:00:00Z')", True),
    ],
)
def test_an_expression_over_an_event_and_its_headers(expression: str, *, holds: bool) -> None:
    failures = Failures()
    event = PARKED._replace(labels={"team": "sales"})
    assert Expressions(failures).compile(expression)(event) is holds
    assert failures.count == 0


@pytest.mark.parametrize(
    "expression", ['headers["nope"] == "x"', 'event.labels.nope == "x"', "1 / 0 == 1"]
)
def test_one_that_fails_counts_as_false_and_is_counted(expression: str) -> None:
    failures = Failures()
    failing = Expressions(failures).compile(expression)
    assert failing(PARKED) is False
    assert compile_filters(frozenset({EventFilter(expression=failing, invert=True)}))(PARKED)
    assert failures.count == 2


def test_a_text_that_is_no_unicode_breaks_nothing() -> None:
    failures = Failures()
    odd = PARKED._replace(labels={"team": "\ud800"}, headers={"X": "\ud800"})
    assert (
        Expressions(failures).compile('event.labels.team == "x" && headers.X == "x"')(odd) is False
    )
    assert failures.count == 1


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("event.nope", "at character 6: undefined field"),
        ("headers['a']", "of type STRING"),
        ("call.state == 1", "at character 5"),
        ('event.headers["a"] == "b"', 'say headers["name"]'),
        ("size(event.body) > 1", "without its body"),
        ("event.labels.exists(k, true)", "`exists`"),
        ("event.position.time.getHours('/dev/stdin') > 1", "at character 29"),
        ("headers['a'].matches(headers['b'])", "no other way"),
    ],
)
def test_an_expression_that_is_refused_says_where_and_why(expression: str, words: str) -> None:
    with pytest.raises(BadExpression) as refused:
        Expressions().compile(expression)
    assert words in str(refused.value)


def test_texts_that_differ_in_spaces_only_are_one_expression() -> None:
    expressions = Expressions()
    first = expressions.compile("event.name=='A'")
    assert expressions.compile("event.name  ==  'A'") is first
    assert expressions.compile("event.name == ' A'") is not first


def test_an_event_is_put_before_the_runtime_once_for_all_expressions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Event] = []

    def counted(event: Event) -> object:
        made.append(event)
        return original(event)

    original = event_expression.message_of
    monkeypatch.setattr(event_expression, "message_of", counted)
    expressions = Expressions()
    asked = [
        expressions.compile(f"event.name != 'X{n}' && headers['a{n}'] == ''") for n in range(5)
    ]
    for event in corpus_events()[:10]:
        for each in asked:
            each(event)
    assert made == list(corpus_events()[:10])


def test_what_an_expression_looked_at_is_looked_at_no_more_when_it_is_gone() -> None:
    class NotAll(dict[str, HeaderValue]):
        def items(self) -> Never:
            raise AssertionError("all headers were asked for")

    expressions = Expressions()
    kept = expressions.compile("headers['Event-Name'] == 'CHANNEL_PARK'")
    gone = expressions.compile("size(headers) > 1")
    assert gone(PARKED)
    del gone
    assert kept(PARKED._replace(headers=NotAll(PARKED.headers)))


def test_one_that_is_compiled_later_sees_what_it_needs_of_an_event_that_was_there_before() -> None:
    expressions = Expressions()
    early = expressions.compile("headers['Event-Name'] == 'CHANNEL_PARK'")
    assert early(PARKED)
    late = expressions.compile("headers['Unique-ID'] == event.call_id")
    assert late(PARKED)


def test_the_cost_grows_with_what_is_looked_at_and_a_hostile_one_is_over_the_limit() -> None:
    expressions = Expressions()
    costs = [
        cost_of([EventFilter(expression=expressions.compile(text))])
        for text in (
            "true",
            "headers['a'] == 'b'",
            "event.name == 'a' && headers['a'] == 'b'",
            "headers['a'].matches('^(a|b|c)+$') && event.name == 'a'",
            "size(headers) > 1",
            " && ".join(["headers == headers"] * 90),
        )
    ]
    assert costs == sorted(costs)
    assert costs[-2] < COST_LIMIT < costs[-1]


def test_without_the_extra_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcontrol.rpc.cel.find_spec", lambda _: None)
    with pytest.raises(MissingExtra):
        Expressions().compile("true")


HEADERS = ["Unique-ID", "Event-Name", "Answer-State", "variable_DP_MATCH", "Other-Leg-Unique-ID"]
names = st.sampled_from([*HEADERS, "absent"])
conditions = st.one_of(
    st.builds("'{}' in headers".format, names),
    st.builds("headers['{}'] == headers['{}']".format, names, names),
    st.builds("headers['{}'].contains(event.name)".format, names),
    st.builds("has(headers.absent) || 'headers' == '{}'".format, names),
    st.builds("headers[true ? '{}' : 'absent'] != ''".format, names),
    st.builds("size(headers) > {}".format, st.integers(20, 120)),
)


@settings(deadline=None)
@given(
    st.lists(conditions, min_size=1, max_size=4),
    st.sampled_from([" && ", " || "]),
    st.sampled_from(corpus_events()),
)
def test_to_give_only_the_headers_that_are_looked_at_changes_no_outcome(
    parts: list[str], operator: str, event: Event
) -> None:
    text = operator.join(f"({part})" for part in parts)
    alone = Expressions().compile(text)
    beside_all = Expressions()
    kept = beside_all.compile("headers == headers")
    assert alone(event) is beside_all.compile(text)(event)
    assert kept(event)
