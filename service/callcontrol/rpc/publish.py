"""PublishEvent, which has a switch fire an event."""

from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.publish import PublishSpec, publish_checks, publish_event
from callcontrol.ids import NodeId
from callcontrol.rpc import convert
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import event_service_pb2


class PublishService:
    """The method of EventService that changes something."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {"PublishEvent": unary(event_service_pb2.PublishEventRequest, self.publish_event)}

    async def publish_event(
        self, request: event_service_pb2.PublishEventRequest
    ) -> event_service_pb2.PublishEventResponse:
        """Fire an event. Raises CommandNotAllowed where the operator's list does not have it."""
        spec = PublishSpec(
            node_id=NodeId(request.node_id),
            subclass=request.subclass,
            headers=dict(request.headers),
            body=request.body,
        )
        Problems().check(publish_checks(spec))
        outcome = await publish_event(self._commander, spec)
        return event_service_pb2.PublishEventResponse(
            event_uuid=outcome.event_uuid,
            event_id=outcome.event_id or "",
            status=convert.command_status(outcome),
        )
