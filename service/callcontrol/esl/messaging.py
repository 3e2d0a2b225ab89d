"""What `sendmsg` can ask of a call: run an application, or hang up."""

from callcontrol.esl.commands import SendMessage


def execute(
    call_id: str,
    application: str,
    argument: str = "",
    operation_id: str = "",
    *,
    event_lock: bool = True,
    loops: int = 1,
) -> SendMessage:
    """Run a dialplan application on a call.

    The reply says only that the message is queued. `operation_id` comes back as Application-UUID
    of CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE. With `event_lock` the next application waits
    for this one; without it, it runs inside. The switch expands `${...}` in the argument. `loops`
    is how often it runs, -1 for without end; the switch stops when a run takes under 0.5 s.
    """
    headers = [("call-command", "execute"), ("execute-app-name", application)]
    if argument:
        headers.append(("execute-app-arg", argument))
    if operation_id:
        headers.append(("Event-UUID", operation_id))
    if event_lock:
        headers.append(("event-lock", "true"))
    if loops != 1:
        headers.append(("loops", str(loops)))
    return SendMessage(call_id, tuple(headers))


def hangup_message(call_id: str, cause: str) -> SendMessage:
    """Hang a call up as soon as it reads its messages; an unknown cause is NORMAL_CLEARING."""
    return SendMessage(call_id, (("call-command", "hangup"), ("hangup-cause", cause)))
