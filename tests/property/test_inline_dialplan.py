"""Applications as an extension of the dialplan inline: what arrives is what was asked for."""

from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.support.switch_splitting import inline_applications, split

from callcontrol.calls.encoding.inline_dialplan import application_data_problem, inline_extension
from callcontrol.esl.commands import Api

AWKWARD = st.lists(
    st.sampled_from(
        [
            *"|,:;'\"\\ ^[]{}()<>=!&%$@/~",
            "\\d",
            "\\s",
            "\\|",
            "^^",
            "m:|:",
            "::",
            "a",
            "\u00e9",
            "'x'",
        ]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)


@given(st.lists(st.tuples(NAMES, AWKWARD), min_size=1, max_size=4))
@example([("set", "a='b'|c"), ("log", "x y|"), ("park", "")])
def test_what_arrives_is_what_was_asked_for_or_it_was_refused(
    applications: list[tuple[str, str]],
) -> None:
    assume(all(application_data_problem(data) is None for _, data in applications))
    line = Api("uuid_transfer", f"x {inline_extension(applications)} inline").encode().decode()
    assert line.count("\n") == 2
    words = split(line.removesuffix("\n\n").removeprefix("api uuid_transfer "), " ", 5)
    assert (words[0], words[2:]) == ("x", ["inline"])
    assert inline_applications(words[1]) == applications


@given(AWKWARD)
def test_plain_arguments_are_not_refused(data: str) -> None:
    kept = "".join(each for each in data if each.isprintable()).replace("$", "").replace("\\", "")
    kept = kept.strip().lstrip("%")
    assert application_data_problem(kept) is None
