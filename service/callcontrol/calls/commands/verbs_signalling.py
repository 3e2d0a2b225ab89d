"""The signalling verbs' piece of the table of verbs."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.call import CallState
from callcontrol.calls.commands.verb import ANSWERED, Confirmation, Verb

_SAYS_OK: Final = "+OK"
_HEARD_FROM: Final = frozenset(
    {
        CallState.RINGING,
        CallState.EARLY_MEDIA,
        CallState.ACTIVE,
        CallState.HELD,
        CallState.PARKED,
    }
)
_DIALOG: Final = "a SIP call whose far end was heard from"

SIGNALLING_CONFIRMATIONS: Final[Mapping[Verb, Confirmation]] = {
    Verb.RING: Confirmation(
        sends="uuid_ring_ready «call»",
        # Also for what is past ringing, and for an outbound leg: there it does nothing.
        acknowledged_by=_SAYS_OK,
        # Its first time fires CHANNEL_PROGRESS too; CHANNEL_CALLSTATE says RINGING long before.
        proven_by="uuid_dump «call» json has a Caller-Channel-Progress-Time",
        states=frozenset({CallState.CREATING, CallState.RINGING}),
        needs="an inbound call without media",
    ),
    Verb.DEFLECT: Confirmation(
        sends="bgapi uuid_deflect «call» «uri»",
        acknowledged_by="+OK Job-UUID",
        # The leg has ended by then, whatever the far end said.
        proven_by="BACKGROUND_JOB +OK:SIP/2.0 «status», which the far end sent in a NOTIFY",
        states=ANSWERED,
        needs="an answered SIP call",
    ),
    Verb.REDIRECT: Confirmation(
        sends="uuid_redirect «call» «uri»",
        # Also for an answered leg, on which it does nothing.
        acknowledged_by="+OK:",
        proven_by="CHANNEL_HANGUP_COMPLETE",
        states=frozenset({CallState.CREATING, CallState.RINGING, CallState.EARLY_MEDIA}),
        needs="an inbound SIP call that is not answered",
    ),
    Verb.SCHEDULE_HANGUP: Confirmation(
        sends="show tasks as json; sched_hangup +«seconds» «call» «cause»",
        acknowledged_by=_SAYS_OK,
        proven_by="show tasks as json has a task of the call that it had not before",
    ),
    Verb.CANCEL_SCHEDULED_HANGUP: Confirmation(
        sends="show tasks as json; sched_del «task», one for each",
        acknowledged_by="",
        proven_by="the reply +OK Deleted: 1",
    ),
    Verb.SEND_INFO: Confirmation(
        sends="uuid_setvar «call» fs_send_unsupported_info true; "
        "uuid_send_info «call» «type» «subtype» «body»",
        # Also for a leg without SIP, on which it does nothing.
        acknowledged_by="+OK Success",
        proven_by="",
        states=_HEARD_FROM,
        needs=_DIALOG,
    ),
    Verb.SEND_MESSAGE: Confirmation(
        sends="uuid_setvar «call» fs_send_unsupported_message true; "
        "uuid_send_message «call» «body»",
        acknowledged_by="+OK Success",
        proven_by="",
        states=_HEARD_FROM,
        needs=_DIALOG,
    ),
    Verb.DIAL_AND_BRIDGE: Confirmation(
        sends="uuid_setvar «call» hangup_after_bridge true|false; "
        "uuid_setvar «call» continue_on_fail true|false; "
        "sendmsg «call» execute bridge «dial string», event-lock, Event-UUID «operation»",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="CHANNEL_EXECUTE with that Application-UUID; CHANNEL_BRIDGE with a dialled leg; "
        "CHANNEL_EXECUTE_COMPLETE or CHANNEL_HANGUP with an originate_disposition",
        states=_HEARD_FROM - {CallState.HELD},
        needs="a call that is not bridged, and rings or has media",
    ),
    Verb.ATTENDED_TRANSFER: Confirmation(
        sends="uuid_dump «call» json; "
        "sendmsg «call» execute att_xfer «dial string», event-lock, Event-UUID «operation»",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="CHANNEL_EXECUTE with that Application-UUID; CHANNEL_BRIDGE with the consulted "
        "leg; CHANNEL_EXECUTE_COMPLETE with an originate_disposition",
        states=frozenset({CallState.ACTIVE, CallState.PARKED}),
        needs="an answered call that is bridged",
    ),
}
"""What is sent for each of these, what proves it, and where it makes sense."""
