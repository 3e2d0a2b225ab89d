"""Raw dial strings: one leg, whatever stands in them."""

import pytest

from callcontrol.calls.placing.raw_dialling import raw_problem


@pytest.mark.parametrize(
    "text",
    [
        "x],sofia/gateway/y/900",
        "a]b|c",
        "[a=b]]x,y",
        "x[",
        "[a=b",
        "x,y",
        "x|y",
        "x[|y|]",
        "[a=b|c]x",
        "x[,y,]",
        "[a=b\\\\,y,c=d]x",
        "x[\\\\,y\\\\,]",
        "x:_:y",
        "{a=b}x",
        "<a=b>x",
        "^^^x^y",
        "''^^^^[execute_on_answer=hangup]",
        " x",
        "${x}",
        "",
    ],
)
def test_what_could_be_a_second_leg_is_refused(text: str) -> None:
    assert raw_problem(text) is not None


@pytest.mark.parametrize(
    "text",
    ["sofia/internal/x@y;a=b", "[a=b,c=d]user/1000", "[a=b][c=d]null/x", "sofia/internal/x@[::1]"],
)
def test_one_endpoint_with_its_variables_is_taken(text: str) -> None:
    assert raw_problem(text) is None
