"""The RPCs of CallControlService that read calls: one, or page by page."""

from collections.abc import Callable
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.encoding.grammar import node_id_problem
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc import convert, paging
from callcontrol.rpc.call_filter import compile_filter
from callcontrol.rpc.convert_request import wants_variables
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2

_DEFAULT_PAGE: Final = 100
_MAX_PAGE: Final = 1_000
_MAX_PAGE_BYTES: Final = 3 * 1024 * 1024
"""Clients receive 4 MiB; a page is cut short before it is too large for them."""


class CallsService:
    """Reads the tracker's picture. `knows_node` raises NodeNotFound for a node that is none."""

    def __init__(self, tracker: CallTracker, knows_node: Callable[[NodeId], object]) -> None:
        self._tracker, self._knows_node = tracker, knows_node

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "GetCall": unary(pb.GetCallRequest, self.get_call),
            "ListCalls": unary(pb.ListCallsRequest, self.list_calls),
        }

    async def get_call(self, request: pb.GetCallRequest) -> pb.GetCallResponse:
        """One call, for a while after its end too."""
        problems = Problems()
        with_variables = wants_variables(request.view, problems)
        problems.check([checks.call_id_check(request.call_id)])
        call = self._tracker.require(CallId(request.call_id))
        return pb.GetCallResponse(call=convert.call(call, with_variables=with_variables))

    async def list_calls(self, request: pb.ListCallsRequest) -> pb.ListCallsResponse:
        """A page of the calls that have not ended, oldest first."""
        problems = Problems()
        with_variables = wants_variables(request.view, problems)
        scope = f"calls of {request.node_id} {request.filter}".rstrip()
        after = paging.read_page_token(request.page_token, scope)
        if after is None:
            problems.add("page_token", "must be a token of the page before, of the same list")
        if request.page_size < 0:
            problems.add("page_size", paging.NEGATIVE)
        problems.check([("node_id", node_id_problem(request.node_id) if request.node_id else None)])
        if request.node_id:
            self._knows_node(NodeId(request.node_id))
        call_filter = compile_filter(request.filter) if request.filter else None
        size = paging.page_size(request.page_size, default=_DEFAULT_PAGE, most=_MAX_PAGE)
        calls = self._tracker.calls(NodeId(request.node_id) if request.node_id else None)
        rest = [call for call in calls if _key(call) > (after or paging.FIRST_PAGE)]
        if call_filter is not None:
            rest = await call_filter.pick(rest, limit=size + 1)
        page = _page(rest[:size], with_variables=with_variables)
        more = len(rest) > len(page)
        return pb.ListCallsResponse(
            calls=page,
            next_page_token=paging.page_token(_key(rest[len(page) - 1]), scope) if more else "",
        )


def _page(calls: list[Call], *, with_variables: bool) -> list[call_pb2.Call]:
    page: list[call_pb2.Call] = []
    bytes_left = _MAX_PAGE_BYTES
    for call in calls:
        message = convert.call(call, with_variables=with_variables)
        bytes_left -= message.ByteSize()
        if page and bytes_left < 0:
            break
        page.append(message)
    return page


def _key(call: Call) -> paging.PageKey:
    return call.created_us, call.call_id
