"""The RPCs of CallControlService that read calls: one, or page by page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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

_DEFAULT_PAGE: Final = 100
_MAX_PAGE: Final = 1_000


@dataclass(slots=True)
class _Asked:
    page_size: int
    page_token: str


class CallsService:
    """Reads the tracker's picture. `knows_node` raises NodeNotFound for a node that is none; `here`
    gives the resume token of this moment.
    """

    def __init__(
        self,
        tracker: CallTracker,
        knows_node: Callable[[NodeId], object],
        here: Callable[[], str],
    ) -> None:
        self._tracker, self._knows_node, self._here = tracker, knows_node, here

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
        """A page of the calls that have not ended, oldest first.

        All pages of a list have the resume token of the first one, whose picture is the oldest: it
        is in their page tokens.
        """
        problems = Problems()
        with_variables = wants_variables(request.view, problems)
        resume_token, _, page_token = request.page_token.rpartition(".")
        scope = f"calls of {request.node_id} {request.filter}".rstrip()
        asked = paging.read_page(
            _Asked(request.page_size, page_token),
            scope + resume_token,
            problems,
            default=_DEFAULT_PAGE,
            most=_MAX_PAGE,
        )
        problems.check([("node_id", node_id_problem(request.node_id) if request.node_id else None)])
        if request.node_id:
            self._knows_node(NodeId(request.node_id))
        call_filter = compile_filter(request.filter) if request.filter else None
        calls = self._tracker.calls(NodeId(request.node_id) if request.node_id else None)
        resume_token = resume_token or self._here()
        rest = [call for call in calls if _key(call) > asked.after]
        if call_filter is not None:
            rest = await call_filter.pick(rest, limit=asked.size + 1)
        page = paging.fitting(
            convert.call(call, with_variables=with_variables) for call in rest[: asked.size]
        )
        next_page = replace(asked, scope=scope + resume_token).next_token(rest, len(page), _key)
        return pb.ListCallsResponse(
            calls=page,
            next_page_token=f"{resume_token}.{next_page}" if next_page else "",
            resume_token=resume_token,
        )


def _key(call: Call) -> paging.PageKey:
    return call.created_us, call.call_id
