"""NodeService: how the service stands with each switch."""

from collections.abc import Callable
from typing import Final

from callcontrol.calls.encoding.grammar import node_id_problem
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.ids import NodeId
from callcontrol.rpc import convert, paging
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import node_service_pb2

_DEFAULT_PAGE: Final = 50
_MAX_PAGE: Final = 500
_SCOPE: Final = "nodes"


class NodeService:
    """Reads the fleet; changes nothing. `calls_on` tells how many calls a node has."""

    def __init__(self, fleet: Fleet, calls_on: Callable[[NodeId], int]) -> None:
        self._fleet, self._calls_on = fleet, calls_on

    def handlers(self) -> Handlers:
        """The methods that are served."""
        return {
            "GetNode": unary(node_service_pb2.GetNodeRequest, self.get_node),
            "ListNodes": unary(node_service_pb2.ListNodesRequest, self.list_nodes),
        }

    async def get_node(
        self, request: node_service_pb2.GetNodeRequest
    ) -> node_service_pb2.GetNodeResponse:
        """One node. Raises NodeNotFound."""
        Problems().check([("node_id", node_id_problem(request.node_id))])
        return node_service_pb2.GetNodeResponse(node=self.told_of(NodeId(request.node_id)))

    async def list_nodes(
        self, request: node_service_pb2.ListNodesRequest
    ) -> node_service_pb2.ListNodesResponse:
        """A page of the nodes by name."""
        problems = Problems()
        asked = paging.read_page(request, _SCOPE, problems, default=_DEFAULT_PAGE, most=_MAX_PAGE)
        problems.check()
        rest = sorted(
            node.node_id for node in self._fleet.nodes if _key(node.node_id) > asked.after
        )
        page = rest[: asked.size]
        return node_service_pb2.ListNodesResponse(
            nodes=[self.told_of(node_id) for node_id in page],
            next_page_token=asked.next_token(rest, len(page), _key),
        )

    def told_of(self, node_id: NodeId) -> node_service_pb2.Node:
        """A node as this service tells of it. Raises NodeNotFound."""
        status = self._fleet.get(node_id).status
        return convert.node(status, call_count=self._calls_on(node_id))


def _key(node_id: NodeId) -> paging.PageKey:
    return 0, node_id
