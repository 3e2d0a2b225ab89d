"""Who may bring calls, from where, and how many."""

import logging

import pytest

from callcontrol.freeswitch.admission import Admission, OutboundCounters
from callcontrol.freeswitch.outbound_settings import read_network


def admission(*networks: str, limit: int = 10) -> Admission:
    return Admission([read_network(text) for text in networks], limit, OutboundCounters())


@pytest.mark.parametrize(
    ("network", "peer"),
    [
        ("10.0.0.0/8", "10.255.0.1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("fd00::/8", "fd12::1"),
        ("fe80::/10", "fe80::1%eth0"),
        ("::1", "::1"),
    ],
)
def test_who_is_in_a_network_may_come(network: str, peer: str):
    assert admission("192.0.2.0/24", network).admits(peer, 0)


@pytest.mark.parametrize("peer", ["11.0.0.1", "::ffff:11.0.0.1", "fd12::1", "", "somewhere"])
def test_nobody_else_may(peer: str):
    assert not admission("10.0.0.0/8").admits(peer, 0)


def test_without_a_network_nobody_may_come():
    assert not admission().admits("127.0.0.1", 0)


def test_only_so_many_may_be_here():
    here = admission("10.0.0.0/8", limit=2)
    assert [here.admits("10.0.0.1", connections) for connections in (0, 1, 2, 3)] == [
        True,
        True,
        False,
        False,
    ]


def test_refusals_are_counted_by_their_reason_and_logged_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
):
    counters = OutboundCounters()
    here = Admission([read_network("10.0.0.0/8")], 1, counters)
    for _ in range(9):
        here.admits("192.0.2.1", 0)
        here.admits("10.0.0.1", 1)
    assert (counters.refused_peers, counters.over_limit) == (9, 9)
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 2 * 4


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "", "host", "10.0.0"])
def test_what_is_no_network_is_refused_with_what_is_wanted(text: str):
    with pytest.raises(ValueError, match=r"for example 10\.0\.0\.0/8"):
        read_network(text)
