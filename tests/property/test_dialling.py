"""What is written for several endpoints, a model of the switch's dialler reads back: the same legs
in the same order, each with its own variables, and nothing beside them.

The model follows switch_ivr_originate (switch_ivr_originate.c), switch_event_create_brackets
(switch_event.c) and switch_channel_expand_variables_check (switch_channel.c); it shares no code
with the encoder.
"""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from tests.property.test_dialstring import block, values
from tests.support.switch_splitting import split

from callcontrol.calls.encoding.dialling import (
    as_application_argument,
    as_argument,
    dial_string,
    leg_ids,
    leg_value_problem,
)
from callcontrol.calls.encoding.dialstring import originate_value_problem
from callcontrol.calls.placing.raw_dialling import raw_problem
from callcontrol.calls.requests import Endpoint, LoopbackEndpoint, RawEndpoint, Strategy
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import CallId

CALL = CallId("aaaaaaaa-0000-4000-8000-000000000001")
SETTINGS = ControlSettings()
QUOTED, UNQUOTED = "\x01", "\x02"


@dataclass
class Dialled:
    """One leg as the dialler sees it."""

    endpoint: str
    variables: dict[str, str]


def pairs_in(text: str, delimiter: str) -> dict[str, str]:
    assert not text.startswith("^^")
    found: dict[str, str] = {}
    for part in split(text, delimiter, 1_024):
        pair = split(part, "=", 2)
        if len(pair) == 2:
            put(found, *pair)
    return found


def put(variables: dict[str, str], name: str, value: str) -> None:
    """One that is set twice has both values, which nothing that is written once comes to."""
    variables[name] = f"{variables[name]} and {value}" if name in variables else value


def marked(group: str) -> str:
    """Commas within brackets, as the dialler marks them before it splits at the others."""
    out, end, quoted = list(group), -1, False
    for place, character in enumerate(group):
        if end < 0 and character == "[":
            inside, _ = block(group[place:], "[", "]")
            end, quoted = place + len(inside) + 1, False
        if character == "'":
            quoted = not quoted
        if place < end and character == "," and group[place - 1] != "\\":
            out[place] = QUOTED if quoted else UNQUOTED
        if place == end:
            end = -1
    return "".join(out)


def read(text: str) -> tuple[dict[str, str], list[list[Dialled]]]:
    """Shared variables, and groups of legs: a group rings at once, groups one by one."""
    assert ":_:" not in text
    assert not text.startswith("<")
    shared, rest = block(text, "{", "}")
    groups = []
    for group in split(rest, "|", 128):
        legs = []
        for written in split(marked(group), ",", 128):
            leg, variables = written, dict[str, str]()
            while leg.startswith("["):
                inside, leg = block(leg, "[", "]")
                for name, value in pairs_in(inside.replace(QUOTED, ","), UNQUOTED).items():
                    put(variables, name, value)
            legs.append(Dialled(leg, variables))
        groups.append(legs)
    return pairs_in(shared, ","), groups


def expanded(argument: str) -> str:
    """What the expansion of variables makes of the argument of an application."""
    assert "${" not in argument.replace("\\", "")
    if not any("\\" + escaped in argument for escaped in "\\nst'"):
        return argument
    out, place = "", 0
    while place < len(argument):
        two = argument[place : place + 2]
        if two in ("\\\\", "\\$"):
            out, place = out + two[1], place + 2
            if two == "\\$" and argument[place : place + 1] == "$":
                place += 1
        elif two == "\\'":
            place += 2
        elif two == "$$":
            out, place = out + "$", place + 2
        else:
            out, place = out + argument[place], place + 1
    return out


own = st.dictionaries(
    st.sampled_from(["first", "second", "third"]),
    values.filter(lambda value: leg_value_problem(value) is None),
    max_size=3,
)
shared = st.dictionaries(
    st.sampled_from(["first", "common"]),
    values.filter(lambda value: originate_value_problem(value) is None),
    max_size=2,
)
strategies = st.sampled_from(Strategy)


@given(legs=st.lists(own, min_size=2, max_size=4), everywhere=shared, strategy=strategies)
def test_each_leg_arrives_with_its_own_variables_and_no_other(
    legs: list[dict[str, str]], everywhere: dict[str, str], strategy: Strategy
) -> None:
    ids = leg_ids(CALL, len(legs))
    endpoints = [LoopbackEndpoint(extension="answer", variables=each) for each in legs]
    text = dial_string(endpoints, strategy, ids, everywhere, SETTINGS)
    wanted = [
        Dialled("loopback/answer/default", {**each, "origination_uuid": leg_id})
        for each, leg_id in zip(legs, ids, strict=True)
    ]
    groups = [wanted] if strategy is Strategy.SIMULTANEOUS else [[leg] for leg in wanted]

    assert split(f"{as_argument(text)} &park", " ", 10) == [text, "&park"]
    assert expanded(as_application_argument(text)) == text
    assert read(text) == ({**everywhere, "local_var_clobber": "true"}, groups)


@given(variables=shared)
def test_a_single_leg_has_all_its_variables_in_braces(variables: dict[str, str]) -> None:
    endpoint = LoopbackEndpoint(extension="answer", variables=variables, ring_timeout_s=2.5)
    text = dial_string([endpoint], Strategy.SEQUENTIAL, [CALL], {}, SETTINGS)

    assert expanded(as_application_argument(text)) == text
    assert read(text) == (
        {**variables, "origination_uuid": CALL},
        [[Dialled("loopback/answer/default", {"leg_timeout": "3"})]],
    )


@given(raw=values)
def test_a_raw_dial_string_is_one_argument_and_one_leg(raw: str) -> None:
    if raw_problem(raw) is not None:
        return
    text = dial_string([RawEndpoint(dial_string=raw)], Strategy.SEQUENTIAL, [CALL], {}, SETTINGS)
    assert split(f"{as_argument(text)} &park", " ", 10) == [text, "&park"]
    assert text.endswith(raw)


@given(raw=values, strategy=strategies)
def test_a_raw_dial_string_beside_others_takes_nothing_of_theirs(
    raw: str, strategy: Strategy
) -> None:
    if raw_problem(raw, beside_others=True) is not None:
        return
    endpoints: list[Endpoint] = [
        LoopbackEndpoint(extension="answer"),
        RawEndpoint(dial_string=raw),
        LoopbackEndpoint(extension="busy"),
    ]
    ids = leg_ids(CALL, 3)
    _, groups = read(dial_string(endpoints, strategy, ids, {}, SETTINGS))
    legs = [leg for group in groups for leg in group]

    assert [leg.variables["origination_uuid"] for leg in legs] == list(ids)
    assert [leg.endpoint for leg in legs] == [
        "loopback/answer/default",
        raw,
        "loopback/busy/default",
    ]


def test_the_ids_of_legs_follow_from_that_of_the_call() -> None:
    assert leg_ids(CALL, 3) == (
        CALL,
        "cf363a8c-9262-53fe-95d9-88619020c3e3",
        "1aca81e0-d182-5b5a-92a5-6f2016404eaf",
    )
    assert len(set(leg_ids(CALL, 64))) == 64
