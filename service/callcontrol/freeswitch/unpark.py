"""Lets a parked call go on with its dialplan, over a link of its own.

`myevents` makes the connection the call's controller, and at the end of any controller the switch
ends the park that the call is in (mod_event_socket.c, listener_run; switch_ivr.c, switch_ivr_park).
No command does it. It has a price: the switch never frees what such a connection had, some 1.6 MB
and a file descriptor (listener_run destroys the pool only where no call belongs to it). `door` is
the way without that.
"""

from callcontrol.errors import NodeUnavailable, OutcomeUnknown, SwitchRefused
from callcontrol.esl.commands import Exit
from callcontrol.esl.session_commands import MyEvents
from callcontrol.freeswitch.dial import open_link, within
from callcontrol.freeswitch.replies import Answer, LinkLost, LinkRefused
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import CallId


async def unpark(
    settings: NodeSettings, timings: LinkTimings, counters: NodeCounters, call_id: CallId
) -> bool:
    """End the park of a call; False where there is no such call, or no longer.

    Raises NodeUnavailable (nothing was sent), OutcomeUnknown (it was), SwitchRefused and
    UnencodableValue. Ends within the time for connecting and twice that for a handshake. It may be
    done again: a call that is not parked is left as it is.
    """
    is_sent = False
    try:
        async with open_link(settings, timings, counters) as link:
            is_sent = True
            async with within(timings.handshake_timeout_s, "answer to myevents"):
                # With a format a call that is gone is refused; without one the link would get the
                # events of all calls.
                reply = await link.request(MyEvents(call_id, "json"))
            if not reply.text.startswith("+OK"):
                return _is_there(settings, reply)
            async with within(timings.handshake_timeout_s, "end of the link"):
                await link.request(Exit())
                await link.wait_ended()
            return True
    except (LinkLost, LinkRefused) as failure:
        if is_sent:
            raise OutcomeUnknown(settings.node_id, failure.reason) from failure
        raise NodeUnavailable(
            settings.node_id, failure.reason, timings.backoff_first_s
        ) from failure


def _is_there(settings: NodeSettings, refusal: Answer) -> bool:
    """False where the refusal says that the call is not there; raises SwitchRefused else."""
    if "invalid uuid" not in refusal.text:
        raise SwitchRefused(settings.node_id, refusal.text)
    return False
