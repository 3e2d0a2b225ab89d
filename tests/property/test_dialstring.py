"""What the encoder writes, a model of the switch's own parsing reads back: the same value, and
nothing beside it.

The model follows the description of `switch_separate_string`, brace matching and the comma split;
it shares no code with the encoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.switch_splitting import split

from callcontrol.calls.checks import originate_checks, violations_in
from callcontrol.calls.encoding import dialstring
from callcontrol.calls.placing.originate_command import originate_arguments
from callcontrol.calls.requests import (
    Endpoint,
    ExtensionDestination,
    GatewayEndpoint,
    LoopbackEndpoint,
    OriginateSpec,
    ParkDestination,
    SipEndpoint,
    UserEndpoint,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import InvalidRequest
from callcontrol.esl.commands import Api
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId

CALL = CallId("aaaaaaaa-0000-4000-8000-000000000001")
SETTINGS = ControlSettings()


def block(text: str, opening: str, closing: str) -> tuple[str, str]:
    """What is between the first bracket and the one that closes it, and what follows. Only the
    two brackets count; quotes and backslashes do not."""
    assert text.startswith(opening)
    depth = 0
    for place, character in enumerate(text):
        depth += (character == opening) - (character == closing)
        if depth == 0:
            return text[1:place], text[place + 1 :]
    raise AssertionError("the switch finds no end")


@dataclass
class Originated:
    """What the switch makes of the arguments of `originate`."""

    variables: dict[str, str]
    leg_variables: dict[str, str]
    endpoint: str
    words: list[str]


def variables_in(text: str) -> dict[str, str]:
    found = {}
    for entry in split(text, ",", 1_024):
        pair = split(entry, "=", 2)
        if len(pair) == 2:
            name, value = pair
            assert name not in found
            assert "[" not in name, "the switch takes it for an element of a list"
            assert not value.startswith("ARRAY::"), "the switch takes it for a list"
            assert "${" not in value, "the switch does not set it"
            found[name] = value
    return found


def originated(arguments: str) -> Originated:
    """The switch's way through the arguments of `originate`."""
    url, *words = split(arguments, " ", 10)
    assert ":_:" not in url
    variables, rest = block(url, "{", "}")
    leg_variables = ""
    if rest.startswith("["):
        leg_variables, rest = block(rest, "[", "]")
    return Originated(variables_in(variables), variables_in(leg_variables), rest, words)


hostile = st.text(
    alphabet=st.one_of(
        st.sampled_from(" ,'\"\\{}[]()<>|&^=:;$%_-+@/!*#ns\t\n\r\0"), st.characters()
    ),
    max_size=40,
)
"""Text made mostly of what the switch gives a meaning to."""

fragments = st.lists(
    st.sampled_from(
        [
            "}",
            "{",
            ",",
            "|",
            ":_:",
            "' ",
            "\\",
            "^^",
            "^^;",
            "\\s",
            "\\,",
            "=",
            "[",
            "]",
            " &system(id)",
            "sofia/gateway/x/900",
            "${system id}",
            "$${x}",
            "ARRAY::a|:b",
            "\n\napi system id",
            "undef",
            "-both",
            "x",
            " ",
            "'",
            '"',
        ]
    ),
    max_size=8,
).map("".join)
"""Text made of what breaks out where it can."""

values = hostile | fragments

BASE = OriginateSpec(
    endpoints=(LoopbackEndpoint(extension="answer", context="lab"),),
    destination=ParkDestination(),
)


def encoded(spec: OriginateSpec) -> Originated | None:
    """What the switch reads; None if the request was refused."""
    if violations_in(originate_checks(spec, SETTINGS)):
        return None
    arguments = originate_arguments(spec, CALL, SETTINGS)
    line = Api("originate", arguments).encode()
    assert line.count(b"\n") == 2
    assert line.endswith(b"\n\n")
    return originated(arguments)


def test_the_model_reads_the_counter_examples_as_the_switch_did() -> None:
    assert split("{n=it's}user/1 &park", " ", 10) == ["{n=it's}user/1 &park"]
    assert split("a 'b c' d\\se", " ", 10) == ["a", "b c", "d e"]
    assert split("U back\\slash", " ", 2) == ["U", "back lash"]
    url = split("{n='Doe, John'}user/1 &park", " ", 10)[0]
    assert variables_in(block(url, "{", "}")[0]) == {"n": "Doe"}


@given(value=values)
def test_a_value_arrives_as_it_was_or_is_refused(value: str) -> None:
    spec = replace(BASE, variables={"first": value, "second": "untouched"})
    read = encoded(spec)
    if read is None:
        return
    assert read.variables == {
        "first": value,
        "second": "untouched",
        "origination_uuid": CALL,
    }
    assert read.endpoint == "loopback/answer/lab"
    assert read.words == ["&park"]


@given(value=values)
def test_what_the_check_lets_pass_is_written_and_what_it_refuses_is_not(value: str) -> None:
    refused = dialstring.originate_value_problem(value) is not None
    try:
        dialstring.variable_block({"name": value})
    except UnencodableValue:
        assert refused
    else:
        assert not refused


@given(
    printable=st.text(
        alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="{}"),
        min_size=1,
    )
)
def test_all_printable_text_without_braces_can_be_carried(printable: str) -> None:
    assume(":_:" not in printable)
    assume(not printable.startswith("ARRAY::"))
    assert encoded(replace(BASE, variables={"v": printable})) is not None


@given(variables=st.dictionaries(values, values, max_size=5))
def test_no_name_or_value_adds_a_variable_a_leg_or_an_argument(
    variables: Mapping[str, str],
) -> None:
    read = encoded(replace(BASE, variables=variables))
    if read is not None:
        assert read.variables == {**variables, "origination_uuid": CALL}
        assert read.endpoint == "loopback/answer/lab"
        assert read.words == ["&park"]


@given(labels=st.dictionaries(values | st.from_regex(r"[A-Za-z_.-]{1,8}", fullmatch=True), values))
def test_labels_arrive_as_they_were(labels: Mapping[str, str]) -> None:
    read = encoded(replace(BASE, labels=labels))
    if read is not None:
        expected = {f"cc_label_{name}": value for name, value in labels.items()}
        assert read.variables == {**expected, "origination_uuid": CALL}


@given(number=values, name=values)
def test_a_caller_adds_nothing_but_itself(number: str, name: str) -> None:
    read = encoded(replace(BASE, caller_number=number, caller_name=name))
    if read is not None:
        assert read.variables.get("origination_caller_id_number", "") == number
        assert read.variables.get("origination_caller_id_name", "") == name
        assert len(read.variables) == 1 + bool(number) + bool(name)


@given(text=values, other=values)
@pytest.mark.parametrize("kind", ["user", "gateway", "sip", "loopback"])
def test_no_part_of_an_endpoint_leaves_its_place(kind: str, text: str, other: str) -> None:
    endpoints: dict[str, Endpoint] = {
        "user": UserEndpoint(user=text, domain=other),
        "gateway": GatewayEndpoint(gateway=text, number=other),
        "sip": SipEndpoint(profile=text, address=other),
        "loopback": LoopbackEndpoint(extension=text, context=other, ring_timeout_s=1),
    }
    read = encoded(replace(BASE, endpoints=(endpoints[kind],)))
    if read is None:
        return
    assert not set(" ,|'\"\\{}[]<>^?;&()") & set(read.endpoint)
    assert read.endpoint.count("/") == (3 if kind == "gateway" else 2 - (kind == "user"))
    assert read.variables == {"origination_uuid": CALL}
    assert read.leg_variables in ({}, {"leg_timeout": "1"})
    assert read.words == ["&park"]


@given(extension=values, context=values)
def test_no_part_of_a_destination_leaves_its_place(extension: str, context: str) -> None:
    destination = ExtensionDestination(extension=extension, context=context)
    read = encoded(replace(BASE, destination=destination))
    if read is not None:
        assert read.words == [extension, "XML", context or "default"]
        assert not extension.startswith(("&", "-"))
        assert extension.lower() != "undef"


@given(value=values)
def test_a_value_at_the_end_of_a_line_arrives_as_it_was_or_is_refused(value: str) -> None:
    try:
        arguments = f"{CALL} name {dialstring.rest_of_line(value)}".rstrip(" ")
    except UnencodableValue:
        assert dialstring.set_value_problem(value) is not None
        return
    line = Api("uuid_setvar", arguments).encode()
    assert line.count(b"\n") == 2
    # the switch cuts blanks at the end of the line before it looks inside
    assert split(arguments, " ", 3) == [CALL, "name", value][: 3 if value else 2]


@given(value=values)
def test_a_quoted_argument_stays_one(value: str) -> None:
    try:
        arguments = f"{CALL} {dialstring.quoted(value)} end"
    except UnencodableValue:
        return
    assert split(arguments, " ", 4) == [CALL, value, "end"]


@given(words=st.lists(values, min_size=1, max_size=3))
def test_words_are_plain_or_refused(words: list[str]) -> None:
    try:
        line = dialstring.arguments(words)
    except UnencodableValue:
        return
    assert split(line, " ", 10) == words


def test_the_documented_example_is_written_as_documented() -> None:
    written = dialstring.variable_block({"n": "O'Neil, Bob"})
    assert written == r"{n=O\\\\\\\'Neil\\,\\\\sBob}"


def test_a_refusal_is_an_invalid_request_with_the_name_of_the_field() -> None:
    found = violations_in(originate_checks(replace(BASE, variables={"v": "}"}), SETTINGS))
    assert [violation.field for violation in found] == ["variables[v]"]
    assert InvalidRequest(found).violations == tuple(found)
