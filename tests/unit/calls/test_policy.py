"""Raw access: what a list admits, and what no list can."""

import pytest

from callcontrol.calls.encoding.policy import (
    api_argument_problem,
    application_argument_problem,
    argument_problem,
    commands_in,
    read_permission,
    require_api,
    require_application,
)
from callcontrol.errors import CommandNotAllowed

LIST = [
    read_permission(text)
    for text in (
        "status",
        "sofia status.*",
        "show (calls|channels)( as json)?",
        "BGAPI .*",
        "expand .*",
        "xml_wrap .*",
        "sched_api .*",
        "cond .*",
        "eval .*",
    )
]


@pytest.mark.parametrize(
    ("command", "argument"),
    [
        ("status", ""),
        ("STATUS", ""),
        ("sofia", "status"),
        ("sofia", "status profile internal"),
        ("show", "calls as json"),
        ("bgapi", "status"),
        ("bgapi", "uuid:x sofia status"),
        ("bgapi", "bgapi xml_wrap encoded expand sofia status"),
        ("xml_wrap", "show calls"),
        ("expand", "uuid:x show calls"),
        ("sched_api", "+10 none status"),
        ("sched_api", "@10 mygroup sofia status profile x&"),
        ("cond", "1 == 1 ? a : b"),
        ("eval", "hello"),
    ],
)
def test_what_the_list_has_may_be_sent(command: str, argument: str):
    require_api(LIST, command, argument)


@pytest.mark.parametrize(
    ("command", "argument"),
    [
        ("status", "x"),
        ("sofia", "profile internal stop"),
        ("sofia", "xstatus"),
        ("show", "calls as json and more"),
        ("system", "id"),
        ("bgapi", "system id"),
        ("bgapi", "SYSTEM id"),
        ("bgapi", "uuid:x system id"),
        ("bgapi", "UUID:status system id"),
        ("bgapi", ""),
        ("expand", "system id"),
        ("expand", "uuid:x system id"),
        ("expand", r"sofia status \$"),
        ("xml_wrap", "system id"),
        ("xml_wrap", "encoded system id"),
        ("xml_wrap", "Encoded bgapi expand system id"),
        ("sched_api", "+10 none system id"),
        ("sched_api", "+10 none system id&"),
        ("sched_api", "+10  status x system id"),
        ("sched_api", "soon none status"),
        ("sched_api", "+10 none sched_api +10 none system id"),
        ("cond", r"1 == 1 ? \$ : b"),
        ("eval", "$x"),
        ("json", '{"command":"fsapi"}'),
        ("alias", "add status system"),
        ("coalesce", "%n"),
    ],
)
def test_what_the_list_has_not_may_not_be_sent_however_deep_it_hides(command: str, argument: str):
    with pytest.raises(CommandNotAllowed) as refused:
        require_api(LIST, command, argument)
    assert refused.value.setting == "raw_apis"


@pytest.mark.parametrize(("name", "is_listed"), [("answer", True), ("bridge", False)])
def test_a_refusal_knows_whether_only_the_argument_does_not_fit(name: str, *, is_listed: bool):
    with pytest.raises(CommandNotAllowed) as refused:
        require_application([read_permission("answer")], name, "now")
    assert refused.value.is_listed is is_listed


def test_an_empty_list_allows_nothing():
    with pytest.raises(CommandNotAllowed):
        require_api((), "status", "")
    with pytest.raises(CommandNotAllowed):
        require_application((), "answer", "")


def test_the_whole_argument_of_an_application_must_fit():
    allowed = [read_permission("playback /srv/[a-z]+\\.wav"), read_permission("answer")]
    require_application(allowed, "playback", "/srv/a.wav")
    require_application(allowed, "Answer", "")
    for name, argument in (
        ("playback", "/srv/a.wav!/etc/passwd"),
        ("playback", "x/srv/a.wav"),
        ("playback", "/srv/a.wav\n"),
        ("answer", "now"),
        ("system", "id"),
    ):
        with pytest.raises(CommandNotAllowed):
            require_application(allowed, name, argument)


@pytest.mark.parametrize(
    "argument",
    [
        "a\nb",
        "a\rb",
        "a\0b",
        "a\tb",
        "a\x7fb",
        " a",
        "a ",
        "a\u00a0",
        "${x}",
        "$${x}",
        "$'{x}'",
        r"$\{x}",
        r"\${x}",
        '$""{x}',
        "reload Mod_Event_Socket",
        "a" * 4_097,
    ],
)
def test_what_means_more_than_it_says_is_never_sent(argument: str):
    assert argument_problem(argument) is not None


@pytest.mark.parametrize("argument", ["", "a b", "ümlaut ✓", "a'b", '{a=b}"c"', "$1", "50%", "^^"])
def test_all_else_is_for_the_list_to_decide(argument: str):
    assert argument_problem(argument) is None


def test_a_delimiter_may_not_be_chosen():
    assert api_argument_problem("^^:a:b") is not None
    assert application_argument_problem("^^:a:b") is None


@pytest.mark.parametrize("argument", ["%[a=b]x", "%;[a=b]x", "ARRAY::a|:b"])
def test_an_argument_of_an_application_may_not_set_variables(argument: str):
    assert application_argument_problem(argument) is not None


@pytest.mark.parametrize("text", ["", "  ", "a-b", "sofia::x", "x (", "json .*", "alias", "1a"])
def test_an_entry_that_says_nothing_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        read_permission(text)


def test_what_is_hidden_is_found_to_the_bottom():
    line = "uuid:x expand uuid:y xml_wrap encoded sched_api +1 none show calls&"
    assert [name for name, _ in commands_in("bgapi", line)] == [
        "bgapi",
        "expand",
        "xml_wrap",
        "sched_api",
        "show",
    ]
