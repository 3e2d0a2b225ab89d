"""Until when streams stay on the connections that they began on."""

import pytest

from callcontrol.rpc.connections import MAX_KNOWN, ConnectionLimits, Connections

LIMITS = ConnectionLimits(max_age_s=100.0, max_age_grace_s=60.0)
ASKED_TO_GO_S, COULD_BE_CUT_S = 110.0, 150.0
"""Ages by which the latest connection has been asked to go, and the earliest one is cut."""


class Line:
    """Connections over a time that a test makes pass."""

    def __init__(self, limits: ConnectionLimits = LIMITS, share: float = 0.0) -> None:
        self.now_s, self.share = 1_000.0, share
        self.connections = Connections(limits, lambda: self.now_s, lambda: self.share)

    def stays_s(self, peer: str = "ipv4:1") -> float:
        """How long a stream that begins now may stay."""
        self.connections.seen(peer)
        return self.connections.stream_end_s(peer) - self.now_s


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_stream_ends_when_its_client_cannot_come_back_on_that_connection_and_is_not_cut(share):
    assert ASKED_TO_GO_S <= Line(share=share).stays_s() < COULD_BE_CUT_S


def test_streams_of_one_connection_end_one_after_the_other() -> None:
    line = Line()
    first = line.stays_s()
    line.share = 0.9
    assert line.stays_s() > first


def test_what_counts_is_the_age_of_the_connection_and_not_of_the_stream() -> None:
    line = Line()
    line.connections.seen("ipv4:1")
    line.now_s += 90
    assert line.stays_s("ipv4:1") == ASKED_TO_GO_S - 90
    assert line.stays_s("ipv4:2") == ASKED_TO_GO_S


def test_an_address_that_is_used_again_is_another_connection() -> None:
    line = Line()
    line.connections.seen("ipv4:1")
    line.now_s += ASKED_TO_GO_S
    assert line.stays_s() == ASKED_TO_GO_S


def test_of_unix_sockets_each_stream_counts_as_the_first_of_its_connection() -> None:
    line = Line()
    line.connections.seen("unix:")
    line.now_s += 90
    assert line.stays_s("unix:") == ASKED_TO_GO_S


def test_without_time_for_it_a_stream_ends_before_it_could_be_cut() -> None:
    line = Line(ConnectionLimits(max_age_s=100.0, max_age_grace_s=15.0), share=0.9)
    assert line.stays_s() == pytest.approx(95.0)


def test_no_more_connections_are_remembered_than_there_is_room_for() -> None:
    line = Line()
    for number in range(MAX_KNOWN + 5):
        line.connections.seen(f"ipv4:{number}")
    assert len(line.connections) == MAX_KNOWN


def test_those_that_must_be_gone_are_forgotten() -> None:
    line = Line()
    for number in range(5):
        line.connections.seen(f"ipv4:{number}")
    line.now_s += ASKED_TO_GO_S
    line.connections.seen("ipv4:new")
    assert len(line.connections) == 1
