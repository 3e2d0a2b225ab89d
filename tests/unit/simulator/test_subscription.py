"""Which events pass: types, subclasses, filters."""

import pytest

from callcontrol.simulator.events import CoreEvent
from callcontrol.simulator.subscription import Allowed, Subscription


def custom(subclass: str = "", **headers: str) -> CoreEvent:
    found = [("Event-Name", "CUSTOM"), *headers.items()]
    return CoreEvent("CUSTOM", list(found), None, subclass)


def test_everything_behind_custom_is_a_subclass() -> None:
    subscription = Subscription()
    subscription.event("json CUSTOM a::b CHANNEL_ANSWER")

    assert subscription.wants(custom("a::b"))
    assert subscription.wants(custom())
    assert not subscription.wants(custom("a::c"))
    assert not subscription.wants(CoreEvent("CHANNEL_ANSWER", []))


def test_all_passes_every_subclass_until_one_type_is_taken_out() -> None:
    subscription = Subscription()
    subscription.event("plain ALL")
    assert subscription.wants(custom("never::seen"))
    subscription.nixevent("CHANNEL_ANSWER", {"known::one"})

    assert subscription.wants(custom("known::one"))
    assert not subscription.wants(custom("never::seen"))
    assert not subscription.wants(CoreEvent("CHANNEL_ANSWER", []))
    assert subscription.wants(CoreEvent("CHANNEL_PARK", []))


def test_the_format_changes_even_when_the_command_fails() -> None:
    subscription = Subscription()

    assert subscription.event("json") == "-ERR no keywords supplied"
    assert subscription.form == "json"


@pytest.mark.parametrize(
    ("filters", "colour", "passes"),
    [
        (["Color red"], "red", True),
        (["Color red"], "RED", True),
        (["Color red"], "reddish", False),
        (["Color red", "Color blue"], "blue", True),
        (["Color /^r/"], "reddish", True),
        (["Color /RED/i"], "bright red", True),
        (["Color /(/"], "red", False),
        (["Color +red"], "red", True),
        (["Color -red"], "red", False),
        (["Color -red"], "blue", False),
        (["Color /e/", "Color -red"], "blue", True),
        (["Color -red", "Color /e/"], "red", False),
        (["Shape round"], "red", False),
    ],
)
def test_filters(filters: list[str], colour: str, passes: bool) -> None:
    subscription = Subscription()
    subscription.event("plain ALL")
    for text in filters:
        assert subscription.filter(text).startswith("+OK")

    assert subscription.wants(custom("x", Color=colour)) is passes


def test_deleting_a_filter_needs_its_value_as_it_was_given() -> None:
    subscription = Subscription()
    subscription.filter("Color -red")
    subscription.filter("delete Color red")
    assert subscription.filters == [("Color", "-red")]
    subscription.filter("delete Color")

    assert subscription.filters == []


def test_a_restricted_user_may_not_name_what_is_not_on_his_list() -> None:
    allowed = Allowed(frozenset({"CHANNEL_ANSWER", "CUSTOM"}), frozenset({"a::b"}))
    subscription = Subscription(allowed)

    assert subscription.event("plain CHANNEL_ANSWER") == "+OK event listener enabled plain"
    assert subscription.event("plain CHANNEL_PARK") == "-ERR permission denied"
    assert subscription.event("plain CUSTOM a::c") == "-ERR permission denied"
    assert subscription.event("plain CUSTOM a::b") == "+OK event listener enabled plain"


def test_noevents_keeps_the_filters() -> None:
    subscription = Subscription()
    subscription.event("plain ALL")
    subscription.filter("Color red")

    assert subscription.noevents() == "+OK no longer listening for events"
    assert subscription.filters
    assert not subscription.wants(custom(Color="red"))
