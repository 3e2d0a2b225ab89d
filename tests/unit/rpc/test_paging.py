"""Pages and their tokens."""

import base64

import pytest

from callcontrol.rpc import paging

KEY = (1_800_000_000_000_000, "7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b01")


def test_a_token_gives_back_the_place_it_was_made_for():
    assert paging.read_page_token(paging.page_token(KEY, "calls"), "calls") == KEY


def test_no_token_is_the_first_page():
    assert paging.read_page_token("", "calls") == paging.FIRST_PAGE


def test_a_token_of_another_list_is_none_of_ours():
    assert paging.read_page_token(paging.page_token(KEY, "calls of a"), "calls of b") is None


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not base64!",
        "é",
        "A" * 10_000,
        paging.page_token(KEY, "calls")[:-2],
        paging.page_token(KEY, "calls").swapcase(),
        base64.urlsafe_b64encode(b"12345678[1]").decode(),
    ],
)
def test_a_mangled_token_is_refused(token):
    assert paging.read_page_token(token, "calls") is None


@pytest.mark.parametrize(("asked", "given"), [(0, 100), (7, 7), (1000, 1000), (1_000_000, 1000)])
def test_a_page_has_the_default_size_or_what_was_asked_up_to_a_bound(asked, given):
    assert paging.page_size(asked, default=100, most=1000) == given
