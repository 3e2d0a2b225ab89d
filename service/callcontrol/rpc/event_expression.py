"""Expressions in filters of events: CEL over `event`, the API's message Event, and `headers`.

An event is put before the runtime once, however many expressions are asked about it, and only with
what they speak of: its headers are a hundred, and the runtime copies each that it is given.
"""

from collections.abc import Callable, Mapping
from typing import Final
from weakref import WeakValueDictionary

from google.protobuf.message import DecodeError

from callcontrol.events.event import Event, spelled
from callcontrol.events.filter_cost import COST_LIMIT
from callcontrol.rpc.cel import Compiled, Language
from callcontrol.rpc.cel_text import BadExpression, Tokens, keys_used
from callcontrol.rpc.convert_event import basic_event
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

_EVENT: Final = event_pb2.Event.DESCRIPTOR.full_name
_LANGUAGE: Final = Language(
    {"event": _EVENT, "headers": "map<string,string>"},
    _EVENT,
    (
        call_pb2.Call.State.DESCRIPTOR,
        call_pb2.Call.Direction.DESCRIPTOR,
        common_pb2.HangupSide.DESCRIPTOR,
        event_pb2.RegistrationChanged.Kind.DESCRIPTOR,
        event_pb2.GatewayChanged.Kind.DESCRIPTOR,
    ),
)
_NOT_IN_EVENT: Final = frozenset({"headers", "array_headers", "body"})

_EVENT_COST: Final = 200
"""Of the message, in tenths of a microsecond, as every cost."""
_HEADER_COST: Final = 3
_ALL_HEADERS_COST: Final = 400
"""Of a hundred and forty; and of each use of all of them together."""


class Expression:
    """A condition on events (`events.filter.Predicate`). There is one of each text at a time."""

    __slots__ = ("__weakref__", "_ask", "compiled", "cost", "keys", "speaks_of_event")

    def __init__(self, compiled: Compiled, ask: Callable[["Expression", Event], bool]) -> None:
        self.compiled, self._ask = compiled, ask
        words = [token.text for token in compiled.tokens if token.kind == "word"]
        self.speaks_of_event = "event" in words
        self.keys = keys_used(compiled.tokens, "headers")
        """The headers that it may look at; None for all."""
        self.cost = compiled.cost + _EVENT_COST * self.speaks_of_event
        if self.keys is None:
            self.cost += _ALL_HEADERS_COST * words.count("headers")
        else:
            self.cost += _HEADER_COST * len(self.keys)

    def __call__(self, event: Event) -> bool:
        """Whether it holds; False where it fails, as where it asks for a header that is missing."""
        return self._ask(self, event)


class Expressions:
    """Compiles expressions, once each, and asks them. `on_failure` hears of each that fails."""

    def __init__(self, on_failure: Callable[[], None] = lambda: None) -> None:
        self._on_failure = on_failure
        self._known: WeakValueDictionary[tuple[str, ...], Expression] = WeakValueDictionary()
        self._keys: frozenset[str] | None = frozenset()
        """The headers that any of them looks at; None for all."""
        self._speak_of_event = False
        self._looked_for = 0
        """How many they were when that was found out."""
        self._event: Event | None = None
        self._activation: object = None

    def compile(self, text: str) -> Expression:
        """The expression; the same one for texts that differ in nothing but spaces.

        Raises BadExpression and MissingExtra.
        """
        compiled = _LANGUAGE.compile(text, COST_LIMIT)
        _refuse_missing_fields(compiled.tokens)
        words = tuple(token.text for token in compiled.tokens)
        expression = self._known.get(words)
        if expression is None:
            expression = self._known[words] = Expression(compiled, self._ask)
            self._look_at(list(self._known.values()))
        return expression

    def _look_at(self, expressions: list[Expression]) -> None:
        self._looked_for = len(expressions)
        self._speak_of_event = any(each.speaks_of_event for each in expressions)
        keys: set[str] = set()
        for each in expressions:
            if each.keys is None:
                self._keys = None
                break
            keys |= each.keys
        else:
            self._keys = frozenset(keys)
        self._event = None

    def _ask(self, expression: Expression, event: Event) -> bool:
        try:
            if event is not self._event:
                if self._looked_for != len(self._known):  # some are gone, and what they looked at
                    self._look_at(list(self._known.values()))
                self._activation = _LANGUAGE.activation(self._values(event))
                self._event = event
            found = expression.compiled.program.eval(self._activation).value()
        except (RuntimeError, TypeError, ValueError, DecodeError):
            found = None  # out of steps; a text that is no Unicode; an event damaged on disk
        if found is not True and found is not False:
            self._on_failure()
            return False
        return found

    def _values(self, event: Event) -> Mapping[str, object]:
        headers, keys = event.headers, self._keys
        if keys is None:
            chosen = {name: spelled(value) for name, value in headers.items()}
        else:
            chosen = {name: spelled(headers[name]) for name in keys if name in headers}
        if not self._speak_of_event:
            return {"headers": chosen}
        return {"headers": chosen, "event": message_of(event)}


def message_of(event: Event) -> event_pb2.Event:
    """The event as expressions see it: without its headers and its body."""
    if isinstance(event.payload, event_pb2.Event):
        return event.payload  # a sample, which came as a message
    return basic_event(event)


def _refuse_missing_fields(tokens: Tokens) -> None:
    for event, dot, field in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if event.text == "event" and dot.text == "." and field.text in _NOT_IN_EVENT:
            problem = f"at character {field.place}: `event` comes without its {field.text} here"
            raise BadExpression(problem + ("" if field.text == "body" else ': say headers["name"]'))
