"""Finding nodes, and choosing one for a new call."""

import pytest
from tests.support.node_recorder import NodeRecorder

from callcontrol.errors import NodeDraining, NodeFull, NodeNotFound, NodeUnavailable
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import NodeId


class StandIn(Node):
    """A node that is ready without a switch."""

    ready = True

    @property
    def is_ready(self) -> bool:
        return self.ready


def a_node(name: str, *, max_calls: int = 0, draining: bool = False) -> StandIn:
    settings = NodeSettings(
        node_id=NodeId(name),
        host="127.0.0.1",
        password="x",
        max_calls=max_calls,
        draining=draining,
    )
    return StandIn(settings, NodeRecorder())


@pytest.fixture
async def nodes() -> list[StandIn]:
    return [a_node(name) for name in ("fs1", "fs2", "fs3")]


LOADS = {"fs1": 3, "fs2": 1, "fs3": 2}


async def test_a_new_call_goes_to_the_node_with_the_least_load(nodes: list[StandIn]) -> None:
    assert Fleet(nodes).choose(lambda node_id: LOADS[node_id]).node_id == "fs2"


async def test_nodes_that_drain_or_are_not_ready_get_no_call(nodes: list[StandIn]) -> None:
    nodes[1].draining, nodes[2].ready = True, False
    assert Fleet(nodes).choose(lambda node_id: LOADS[node_id]).node_id == "fs1"
    nodes[0].require_open(0)
    with pytest.raises(NodeDraining):
        nodes[1].require_open(0)
    with pytest.raises(NodeUnavailable):
        nodes[2].require_open(0)


async def test_without_a_node_that_takes_calls_the_reason_is_told(nodes: list[StandIn]) -> None:
    fleet = Fleet(nodes)
    for node in nodes:
        node.draining = True
    with pytest.raises(NodeDraining):
        fleet.choose(lambda _: 0)
    for node in nodes:
        node.ready = False
    with pytest.raises(NodeUnavailable):
        fleet.choose(lambda _: 0)


async def test_a_node_is_found_by_its_id(nodes: list[StandIn]) -> None:
    fleet = Fleet(nodes)
    assert fleet.get(NodeId("fs3")) is nodes[2]
    with pytest.raises(NodeNotFound):
        fleet.get(NodeId("fs9"))


async def test_two_nodes_of_one_name_are_refused(nodes: list[StandIn]) -> None:
    with pytest.raises(ValueError, match="of its own"):
        Fleet([*nodes, nodes[0]])
    with pytest.raises(ValueError, match="needs nodes"):
        Fleet([])


async def test_a_node_with_as_many_calls_as_it_may_have_gets_no_more() -> None:
    nodes = [a_node("fs1", max_calls=2), a_node("fs2", max_calls=5)]
    calls_on = {"fs1": 1, "fs2": 4}
    fleet = Fleet(nodes)
    assert fleet.choose(lambda node_id: calls_on[node_id]).node_id == "fs1"
    calls_on["fs1"] = 2
    assert fleet.choose(lambda node_id: calls_on[node_id]).node_id == "fs2"
    calls_on["fs2"] = 5
    with pytest.raises(NodeFull) as full:
        fleet.choose(lambda node_id: calls_on[node_id])
    assert (full.value.node_id, full.value.limit) == ("fs1", 2)


async def test_the_switch_has_a_limit_of_its_own_which_its_heartbeats_tell() -> None:
    node = a_node("fs1", max_calls=100)
    node.on_event(SwitchEvent({"Event-Name": "HEARTBEAT", "Max-Sessions": "30"}))
    assert node.call_limit == 30
    node.require_open(29)
    with pytest.raises(NodeFull):
        node.require_open(30)
    assert a_node("fs2").call_limit == 0


@pytest.mark.parametrize(
    ("draining", "full", "told"),
    [
        ("", "", NodeUnavailable),
        ("fs2", "", NodeDraining),
        ("fs2", "fs3", NodeFull),
        ("fs1", "", NodeUnavailable),
    ],
)
async def test_what_is_told_is_of_the_nodes_that_are_there(
    draining: str, full: str, told: type[Exception]
) -> None:
    """The first node is away; the second and third are too, unless they drain or are full."""
    nodes = [a_node(name, max_calls=1) for name in ("fs1", "fs2", "fs3")]
    for node in nodes:
        node.ready = node.node_id != "fs1" and node.node_id in {draining, full}
        node.draining = node.node_id == draining
    with pytest.raises(told):
        Fleet(nodes).choose(lambda _: 1)


async def test_a_node_may_begin_draining() -> None:
    node = a_node("fs1", draining=True)
    with pytest.raises(NodeDraining):
        node.require_open(0)
    assert node.status.draining
