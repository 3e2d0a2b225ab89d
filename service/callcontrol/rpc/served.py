"""Which RPC is served by what: every one that this version has, by service and name."""

from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.control import CallControl
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.placing.draining import Draining
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.rpc.admin_service import AdminService
from callcontrol.rpc.call_control import CallControlService
from callcontrol.rpc.call_handling_service import CallHandlingService
from callcontrol.rpc.calls_service import CallsService
from callcontrol.rpc.conference_service import ConferenceService
from callcontrol.rpc.digits import DigitsService
from callcontrol.rpc.event_service import EventService
from callcontrol.rpc.handlers import Handlers
from callcontrol.rpc.hangup_calls import HangupCallsService
from callcontrol.rpc.leg_dialling import LegDiallingService
from callcontrol.rpc.media import RecordingService
from callcontrol.rpc.node_service import NodeService
from callcontrol.rpc.playback import PlaybackService
from callcontrol.rpc.publish import PublishService
from callcontrol.rpc.raw_access import RawAccess
from callcontrol.rpc.signalling import SignallingService


def api_handlers(
    control: CallControl,
    tracker: CallTracker,
    log: EventLog,
    fleet: Fleet,
    events: EventService,
    *,
    handling: CallHandlingService | None = None,
) -> dict[str, Handlers]:
    """Every RPC that is served, by the full name of its service and its own. Without `handling`
    there are no workers.
    """
    nodes = NodeService(fleet, control.placement.calls_on)
    draining = Draining(fleet.get, tracker, log)
    calls = CallsService(tracker, fleet.get, lambda: log.token_at(log.next_number))
    raw = RawAccess(control.commander)
    return {
        "callcontrol.v1.CallControlService": {
            **CallControlService(control).handlers(),
            **calls.handlers(),
            **raw.on_calls(),
            **SignallingService(control.commander).handlers(),
            **HangupCallsService(control.commander).handlers(),
            **LegDiallingService(control.commander).handlers(),
            **RecordingService(control.commander).handlers(),
            **PlaybackService(control.commander).handlers(),
            **DigitsService(control.commander, control.clean_up).handlers(),
        },
        "callcontrol.v1.ConferenceService": ConferenceService(
            Conferences(fleet, control.commander), control
        ).handlers(),
        "callcontrol.v1.EventService": {
            **events.handlers(),
            **PublishService(control.commander).handlers(),
        },
        "callcontrol.v1.CallHandlingService": {} if handling is None else handling.handlers(),
        "callcontrol.v1.NodeService": nodes.handlers(),
        "callcontrol.v1.AdminService": {
            **AdminService(draining, nodes.told_of, events, handling).handlers(),
            **raw.for_operators(),
        },
    }
