"""How much is said of a destination that cannot be."""

import pytest

from callcontrol.calls import checks
from callcontrol.calls.requests import (
    Application,
    ApplicationsDestination,
    ConferenceDestination,
    Destination,
)
from callcontrol.calls.settings import ControlSettings

MANY = 100_000


@pytest.mark.parametrize(
    ("destination", "field"),
    [
        (
            ApplicationsDestination(applications=(Application("", "\n"),) * MANY),
            "destination.applications.items",
        ),
        (ConferenceDestination(name="room", flags=("x",) * MANY), "destination.conference.flags"),
    ],
)
def test_no_more_of_it_is_looked_at_than_there_may_be(destination: Destination, field: str):
    bad = checks.violations_in(checks.destination_checks(destination, ControlSettings()))
    assert bad[0].field == field
    assert len(bad) < 100
