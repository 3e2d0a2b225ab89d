"""The RPCs that run something as it is: ExecuteApi for operators, ExecuteApplication on a call."""

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.raw_access import (
    ApiSpec,
    ExecuteSpec,
    api_checks,
    execute_api,
    execute_application,
    execute_checks,
)
from callcontrol.calls.requests import Application
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc import convert
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_control_service_pb2, common_pb2, node_service_pb2

_ExecuteApplication = call_control_service_pb2.ExecuteApplicationRequest


class RawAccess:
    """Methods of two services that need the operator's permission for each use."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def for_operators(self) -> Handlers:
        """The methods of AdminService that are served here."""
        return {"ExecuteApi": unary(node_service_pb2.ExecuteApiRequest, self.execute_api)}

    def on_calls(self) -> Handlers:
        """The methods of CallControlService that are served here."""
        return {"ExecuteApplication": unary(_ExecuteApplication, self.execute_application)}

    async def execute_api(
        self, request: node_service_pb2.ExecuteApiRequest
    ) -> node_service_pb2.ExecuteApiResponse:
        """Run an api command; that the switch refused it is in the body."""
        spec = ApiSpec(
            node_id=NodeId(request.node_id),
            command=request.command,
            arguments=request.arguments,
            background=request.background,
        )
        Problems().check(api_checks(spec))
        outcome = await execute_api(self._commander, spec)
        accepted = common_pb2.CommandStatus(confirmation=common_pb2.CONFIRMATION_ACCEPTED)
        return node_service_pb2.ExecuteApiResponse(
            body=outcome.body, job_id=outcome.job_id or "", status=accepted
        )

    async def execute_application(
        self, request: _ExecuteApplication
    ) -> call_control_service_pb2.ExecuteApplicationResponse:
        """Run an application, and wait for its end if asked."""
        problems = Problems()
        if not request.HasField("application"):
            problems.add("application", "must say what to run")
        asked = request.application
        spec = ExecuteSpec(
            call_id=CallId(request.call_id),
            application=Application(asked.name, asked.data),
            queue=request.queue,
            loops=request.loops or 1,
            wait=request.wait,
        )
        problems.check(execute_checks(spec))
        outcome = await execute_application(self._commander, spec)
        response = call_control_service_pb2.ExecuteApplicationResponse(
            operation_id=outcome.operation_id,
            response=outcome.response,
            status=convert.command_status(outcome),
        )
        if outcome.completed_us is not None:
            response.complete_time.FromMicroseconds(outcome.completed_us)
        return response
