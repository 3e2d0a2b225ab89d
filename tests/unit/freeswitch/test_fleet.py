"""Finding nodes, and choosing one for a new call."""

import pytest
from tests.support.node_recorder import NodeRecorder

from callcontrol.errors import NodeDraining, NodeNotFound, NodeUnavailable
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


def a_node(name: str) -> StandIn:
    settings = NodeSettings(node_id=NodeId(name), host="127.0.0.1", password="x")
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
    nodes[0].require_open()
    with pytest.raises(NodeDraining):
        nodes[1].require_open()
    with pytest.raises(NodeUnavailable):
        nodes[2].require_open()


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
