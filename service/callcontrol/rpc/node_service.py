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
        after = paging.read_page_token(request.page_token, _SCOPE)
        if after is None:
            problems.add("page_token", "must be a token of the page before, of the same list")
        if request.page_size < 0:
            problems.add("page_size", paging.NEGATIVE)
        problems.check()
        size = paging.page_size(request.page_size, default=_DEFAULT_PAGE, most=_MAX_PAGE)
        begin = after or paging.FIRST_PAGE
        rest = sorted(node.node_id for node in self._fleet.nodes if (0, node.node_id) > begin)
        page = rest[:size]
        more = len(rest) > size
        return node_service_pb2.ListNodesResponse(
            nodes=[self.told_of(node_id) for node_id in page],
            next_page_token=paging.page_token((0, page[-1]), _SCOPE) if more else "",
        )

    def told_of(self, node_id: NodeId) -> node_service_pb2.Node:
        """A node as this service tells of it. Raises NodeNotFound."""
        status = self._fleet.get(node_id).status
        return convert.node(status, call_count=self._calls_on(node_id))
