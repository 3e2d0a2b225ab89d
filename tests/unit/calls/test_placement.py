"""How many calls a node has, from the moment it was chosen for one."""

import pytest
from tests.support.call_node import FIRST, A, B, Desk

from callcontrol.calls.call import Call
from callcontrol.errors import NodeFull, NodeNotFound
from callcontrol.ids import JobId, NodeId

SECOND = NodeId("fs2")


def test_a_call_counts_once_while_it_is_chosen_asked_for_and_seen() -> None:
    desk = Desk()
    placement = desk.control.placement
    with placement.place() as place:
        assert placement.calls_on(FIRST) == 1
        desk.tracker.expected.expect(JobId("j"), Call(call_id=A, node_id=FIRST), may_exist=False)
        place.give_up()
        assert placement.calls_on(FIRST) == 1
        desk.ringing(A)
        assert placement.calls_on(FIRST) == 1
    desk.end(A)
    assert placement.calls_on(FIRST) == 0


def test_a_place_that_came_to_nothing_is_free_again() -> None:
    placement = Desk().control.placement
    with pytest.raises(ZeroDivisionError), placement.place(FIRST):
        1 / 0  # noqa: B018  stands for whatever may go wrong
    assert placement.calls_on(FIRST) == 0


def test_a_burst_is_spread_before_any_of_it_is_seen() -> None:
    desk = Desk(nodes=2)
    placement = desk.control.placement
    with placement.place() as first, placement.place() as second:
        assert {first.node.node_id, second.node.node_id} == {FIRST, SECOND}


def test_a_call_that_was_named_twice_counts_once() -> None:
    desk = Desk()
    call = Call(call_id=A, node_id=FIRST)
    desk.tracker.expected.expect(JobId("one"), call, may_exist=True)
    desk.tracker.expected.expect(JobId("two"), call, may_exist=True)
    assert desk.control.placement.calls_on(FIRST) == 1
    desk.tracker.expected.settled(A)
    assert desk.control.placement.calls_on(FIRST) == 0


def test_a_full_node_takes_no_call_also_where_it_is_asked_for_by_name() -> None:
    desk = Desk()
    desk.node.limit = 1
    desk.active(B)
    with pytest.raises(NodeFull), desk.control.placement.place(FIRST):
        pass
    desk.end(B)
    with desk.control.placement.place(FIRST) as place:
        assert place.node is desk.node


def test_a_call_of_several_legs_needs_room_for_all_of_them() -> None:
    desk = Desk()
    desk.node.limit = 3
    placement = desk.control.placement
    with placement.place(FIRST, legs=2) as place:
        assert placement.calls_on(FIRST) == 2
        with pytest.raises(NodeFull), placement.place(FIRST, legs=2):
            pass
        with placement.place(FIRST, legs=1):
            assert placement.calls_on(FIRST) == 3
        place.give_up()
        place.give_up()
        assert placement.calls_on(FIRST) == 0


def test_a_node_that_is_none_has_no_place() -> None:
    with pytest.raises(NodeNotFound), Desk().control.placement.place(NodeId("nowhere")):
        pass
