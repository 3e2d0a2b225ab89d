"""Resume tokens: what is sealed is read again, and nothing else is."""

import base64

import pytest

from callcontrol.errors import ResumeTokenExpired, ResumeTokenInvalid
from callcontrol.events.token import MAX_TOKEN_LENGTH, Passed, Token, TokenKey
from callcontrol.ids import CoreUuid

LOG = b"12345678"
CORE = CoreUuid("7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b01")
TOKENS = [
    Token(LOG, 1),
    Token(LOG, 1 << 63, (Passed(CORE, 1), Passed(CoreUuid("core-1"), (1 << 63) - 1))),
    Token(LOG, 200, tuple(Passed(CoreUuid(f"{CORE}{n}"), n) for n in range(100))),
    Token(LOG, 5, (Passed(CoreUuid(CORE.upper()), 3), Passed(CoreUuid("\udcff é"), 4))),
]


@pytest.fixture
def key() -> TokenKey:
    return TokenKey(b"a secret")


@pytest.mark.parametrize("token", TOKENS)
def test_what_was_sealed_is_read_again(key, token):
    assert key.open(key.seal(token)) == token


def test_another_process_with_the_same_key_reads_it(key):
    assert TokenKey(b"a secret").open(key.seal(TOKENS[1])) == TOKENS[1]


def test_a_token_of_one_switch_is_short(key):
    assert len(key.seal(Token(LOG, 1_000_000, (Passed(CORE, 1_000_000),)))) <= 80


def test_it_goes_into_a_header_an_address_and_a_shell_as_it_is(key):
    assert key.seal(TOKENS[2]).replace("-", "").replace("_", "").isalnum()


def test_one_sealed_by_another_key_is_too_old_and_not_wrong(key):
    with pytest.raises(ResumeTokenExpired):
        key.open(TokenKey().seal(TOKENS[0]))


def test_one_of_a_later_version_is_too_old_and_not_wrong(key):
    raw = bytearray(base64.urlsafe_b64decode(padded(key.seal(TOKENS[1]))))
    raw[0] = 2
    with pytest.raises(ResumeTokenExpired):
        key.open(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


@pytest.mark.parametrize("token", TOKENS[:2])
def test_one_with_any_bit_changed_is_refused(key, token):
    raw = base64.urlsafe_b64decode(padded(key.seal(token)))
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises((ResumeTokenInvalid, ResumeTokenExpired)):
            key.open(base64.urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode())


def test_one_whose_body_was_changed_is_refused_and_not_too_old(key):
    text = key.seal(TOKENS[1])
    for place in range(8, len(text)):  # what is before says which key it was
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(ResumeTokenInvalid):
            key.open(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    ["", "x", "hello", "=" * 50, "A" * 60, "é" * 60, "A" * (MAX_TOKEN_LENGTH + 1), "a\nb" * 20],
)
def test_what_is_no_token_is_refused(key, text):
    with pytest.raises(ResumeTokenInvalid):
        key.open(text)


def test_one_that_was_cut_short_or_has_something_behind_it_is_refused(key):
    text = key.seal(TOKENS[1])
    for other in (text[:-1], text[:-4], text + "A", text + "AAAA", text + "=", " " + text):
        with pytest.raises(ResumeTokenInvalid):
            key.open(other)


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
