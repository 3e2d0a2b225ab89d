"""Filters against their meaning said plainly, on random events and on a recorded switch."""

import re
from collections.abc import Mapping

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.corpus_events import NODE, corpus_events

from callcontrol.events.event import Event, HeaderValue
from callcontrol.events.filter import EventFilter, Filters, compile_filters, may_match_node
from callcontrol.events.filter_cost import cost_of
from callcontrol.events.matchers import Matchers
from callcontrol.events.string_match import Comparison, StringMatch
from callcontrol.ids import NodeId
from callcontrol.rpc.event_expression import Expressions

PATTERNS = ["^sofia/", "[0-9]{3}", "answer|park", "^$", ".", "(?i)INTERNAL", "^1000$", "a.*e$"]
"""What both RE2 and `re` understand, and in the same way."""
LABELS = ["", "sales", "Sales", "support"]
WINDOW = 60

EVENTS = [
    event._replace(labels={"team": LABELS[index % 4], "desk": str(index % 3)} if index % 5 else {})
    for index, event in enumerate(corpus_events())
]
WITH_ARRAYS = [
    event for event in EVENTS if any(isinstance(v, list) for v in event.headers.values())
]


def test_the_recording_has_what_filters_are_tried_on() -> None:
    assert len(EVENTS) > 7_000
    assert len(WITH_ARRAYS) > 100


def text_holds(match: StringMatch, text: str) -> bool:
    """The meaning of a comparison."""
    wanted = match.text
    if match.how is Comparison.REGEX:
        return re.search(wanted, text, re.IGNORECASE if match.ignore_case else 0) is not None
    if match.ignore_case:
        text, wanted = ("".join(c.lower() if c.isascii() else c for c in t) for t in (text, wanted))
    match match.how:
        case Comparison.EXACT:
            return text == wanted
        case Comparison.PREFIX:
            return text[: len(wanted)] == wanted
        case Comparison.SUFFIX:
            return text[len(text) - len(wanted) :] == wanted if len(wanted) <= len(text) else False
        case _:
            return text.find(wanted) >= 0


def match_holds(match: StringMatch, value: HeaderValue | None) -> bool:
    """The meaning of a condition on one value."""
    if value is None:
        holds = False
    elif match.how is Comparison.PRESENT:
        holds = True
    elif isinstance(value, str):
        holds = text_holds(match, value)
    else:
        texts = [*value, "ARRAY::" + "|:".join(value)]
        holds = any(text_holds(match, text) for text in texts)
    return holds != match.invert


def all_hold(
    conditions: frozenset[tuple[str, StringMatch]], values: Mapping[str, HeaderValue]
) -> bool:
    return all(match_holds(match, values.get(name)) for name, match in conditions)


def passes(wanted: EventFilter, event: Event) -> bool:
    """The meaning of a filter."""
    holds = True
    if wanted.names:
        holds &= event.name in wanted.names
    if wanted.subclasses:
        holds &= event.name == "CUSTOM" and any(
            event.subclass == each or (each[-1] == "*" and event.subclass.startswith(each[:-1]))
             for each in wanted.subclasses
        )  # fmt: skip
    if wanted.call_ids:
        holds &= any(each in wanted.call_ids for each in (event.call_id, *event.peer_call_ids))
    if wanted.node_ids:
        holds &= event.position.node_id in wanted.node_ids
    holds &= all_hold(wanted.headers, event.headers) and all_hold(wanted.labels, event.labels)
    return holds != wanted.invert


def matches(filters: Filters, event: Event) -> bool:
    return not filters or any(passes(wanted, event) for wanted in filters)


@st.composite
def texts_of(draw: st.DrawFn, value: HeaderValue) -> str:
    """A text that a value may well be, begin with, end with, contain, or not."""
    text = value if isinstance(value, str) else draw(st.sampled_from(value))
    begin = draw(st.integers(0, len(text)))
    piece = text[begin : draw(st.integers(begin, len(text)))]
    return draw(st.sampled_from([text, text.upper(), piece, piece.lower(), text + "x", ""]))


@st.composite
def string_matches(draw: st.DrawFn, value: HeaderValue) -> StringMatch:
    """A condition, likely one that is close to a value."""
    how = draw(st.sampled_from(Comparison))
    text = "" if how is Comparison.PRESENT else draw(texts_of(value))
    if how is Comparison.REGEX:
        text = draw(st.sampled_from(PATTERNS))
    return StringMatch(
        how=how,
        text=text,
        ignore_case=how is not Comparison.PRESENT and draw(st.booleans()),
        invert=draw(st.integers(0, 3)) == 0,
    )


@st.composite
def named(draw: st.DrawFn, values: Mapping[str, HeaderValue]) -> tuple[str, StringMatch]:
    """A condition on a header or label that an event has, mostly."""
    name = draw(st.sampled_from([*values, "absent"]))
    return name, draw(string_matches(values.get(name, "")))


@st.composite
def close_filters(draw: st.DrawFn) -> EventFilter:
    """A filter that some event of the recording may well pass."""
    event = draw(st.sampled_from(draw(st.sampled_from([EVENTS, WITH_ARRAYS]))))

    def maybe(value: str | None) -> frozenset[str]:
        wanted = bool(value) and draw(st.integers(0, 2)) == 0
        return frozenset({value}) if wanted and value else frozenset()

    subclass = event.subclass and draw(st.sampled_from([event.subclass, event.subclass[:4] + "*"]))
    return EventFilter(
        names=maybe(event.name) | maybe("CUSTOM"),
        subclasses=maybe(subclass),
        call_ids=frozenset({event.call_id})
        if event.call_id and draw(st.booleans())
        else frozenset(),
        node_ids=draw(st.frozensets(st.sampled_from([NODE, NodeId("other")]), max_size=1)),
        headers=draw(st.frozensets(named(event.headers), max_size=2)),
        labels=draw(st.frozensets(named(event.labels), max_size=1))
        if event.labels
        else frozenset(),
        invert=draw(st.integers(0, 4)) == 0,
    )


def on(how: Comparison, text: str = "", **facts: bool) -> StringMatch:
    return StringMatch(how=how, text=text, **facts)


USUAL = [
    EventFilter(headers=frozenset({("Channel-Name", on(Comparison.PREFIX, "sofia/"))})),
    EventFilter(headers=frozenset({("Channel-Name", on(Comparison.REGEX, "^loopback/.*-b$"))})),
    EventFilter(headers=frozenset({("Answer-State", on(Comparison.EXACT, "ringing"))})),
    EventFilter(
        names=frozenset({"CHANNEL_HANGUP_COMPLETE"}),
        headers=frozenset({("Hangup-Cause", on(Comparison.EXACT, "NORMAL_CLEARING", invert=True))}),
    ),
    EventFilter(headers=frozenset({("variable_DP_MATCH", on(Comparison.CONTAINS, "|:"))})),
    EventFilter(headers=frozenset({("Unique-ID", on(Comparison.PRESENT, invert=True))})),
    EventFilter(labels=frozenset({("team", on(Comparison.EXACT, "sales", ignore_case=True))})),
    EventFilter(
        subclasses=frozenset({"conference::*"}),
        headers=frozenset({("Action", on(Comparison.SUFFIX, "-member"))}),
    ),
    EventFilter(labels=frozenset({("desk", on(Comparison.EXACT, "1"))}), invert=True),
]
"""One of each kind that people ask for."""

some_filters = st.frozensets(close_filters(), max_size=3)
windows = st.integers(0, len(EVENTS) - WINDOW).map(lambda begin: EVENTS[begin : begin + WINDOW])


@settings(deadline=None)
@given(st.lists(some_filters, min_size=1, max_size=6), windows)
def test_the_index_and_the_matchers_find_what_looking_at_everything_finds(
    subscribed: list[Filters], published: list[Event]
) -> None:
    matchers = Matchers()
    acquired = [(filters, matchers.acquire(filters)) for filters in subscribed]
    for number, event in enumerate(published, start=1):
        matchers.publish(event, number, first_number=1)
    for filters, matcher in acquired:
        expected = [n for n, event in enumerate(published, start=1) if matches(filters, event)]
        assert list(matcher.numbers) == expected
        assert not expected or may_match_node(filters, NODE)
    for _, matcher in acquired:
        matchers.release(matcher)
    assert matchers._topics.is_empty


def test_usual_filters_find_on_the_whole_recording_what_looking_at_everything_finds() -> None:
    matchers = Matchers()
    acquired = [(each, matchers.acquire([each])) for each in USUAL]
    for number, event in enumerate(EVENTS, start=1):
        matchers.publish(event, number, first_number=1)
    found = {each: list(matcher.numbers) for each, matcher in acquired}
    assert found == {
        each: [number for number, event in enumerate(EVENTS, start=1) if passes(each, event)]
        for each in USUAL
    }
    assert all(found.values())


@settings(deadline=None)
@given(st.data())
def test_a_condition_means_the_same_of_a_text_an_array_and_nothing(data: st.DataObject) -> None:
    values = ["", "Answer", "ÄPFEL äpfel", "ARRAY::a|:b", ["a", "B"], ["", "ANSWER"], [], None]
    value = data.draw(st.sampled_from(values))
    wanted = data.draw(string_matches(data.draw(st.sampled_from(["Answer", "ÄPFEL", "a|:b", "ß"]))))
    event = EVENTS[0]._replace(headers={} if value is None else {"X": value})
    accepts = compile_filters(frozenset({EventFilter(headers=frozenset({("X", wanted)}))}))
    assert accepts(event) == match_holds(wanted, event.headers.get("X"))


def test_every_recorded_event_is_found_by_each_of_its_headers_and_by_no_other_value() -> None:
    for event in (*EVENTS[::700], *WITH_ARRAYS[::100]):
        for name, value in event.headers.items():
            text = value if isinstance(value, str) else value[0]
            exact = StringMatch(how=Comparison.EXACT, text=text)
            matcher = (matchers := Matchers()).acquire(
                [EventFilter(headers=frozenset({(name, exact)}))]
            )
            other = event._replace(headers={**event.headers, name: text + "!"})
            for number, each in enumerate((event, other), start=1):
                matchers.publish(each, number, first_number=1)
            assert list(matcher.numbers) == [1]


@given(st.lists(close_filters(), max_size=4))
def test_filters_in_another_order_are_one_matcher(filters: list[EventFilter]) -> None:
    matchers = Matchers()
    assert matchers.acquire(filters) is matchers.acquire([*reversed(filters), *filters[:1]])
    assert cost_of(frozenset(filters)) == cost_of(frozenset(reversed(filters)))


CEL: dict[Comparison, str] = {
    Comparison.EXACT: 'headers["{}"] == "{}"',
    Comparison.PREFIX: 'headers["{}"].startsWith("{}")',
    Comparison.SUFFIX: 'headers["{}"].endsWith("{}")',
    Comparison.CONTAINS: 'headers["{}"].contains("{}")',
    Comparison.REGEX: 'headers["{}"].matches("{}")',
    Comparison.PRESENT: '"{}" in headers',
}
EXPRESSIONS = Expressions()


@settings(deadline=None)
@given(st.sampled_from(EVENTS), st.data())
def test_an_expression_and_the_condition_it_spells_out_pass_the_same_events(
    origin: Event, data: st.DataObject
) -> None:
    plain = [name for name, value in origin.headers.items() if isinstance(value, str)]
    name = data.draw(st.sampled_from(plain))
    wanted = data.draw(string_matches(origin.headers[name]))
    assume(not wanted.ignore_case and wanted.text.isprintable() and not {*'"\\'} & {*wanted.text})
    text = CEL[wanted.how].format(name, wanted.text)
    spelled_out = EXPRESSIONS.compile(f"!({text})" if wanted.invert else text)
    condition = compile_filters(frozenset({EventFilter(headers=frozenset({(name, wanted)}))}))
    window = data.draw(windows)
    for event in (origin, *(each for each in window if isinstance(each.headers.get(name), str))):
        assert spelled_out(event) == condition(event)
