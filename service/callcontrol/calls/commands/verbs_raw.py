"""The rows of the table of verbs for what is run as it is."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.commands.verb import Confirmation, Verb

RAW_CONFIRMATIONS: Final[Mapping[Verb, Confirmation]] = {
    Verb.RUN_APPLICATIONS: Confirmation(
        sends="uuid_transfer «call» [-bleg|-both] m:|:«name»[:«data»][|...] inline",
        # Also for an application that does not exist, which ends the call.
        acknowledged_by="+OK",
        proven_by="CHANNEL_EXECUTE of the first application",
    ),
    Verb.EXECUTE_APPLICATION: Confirmation(
        sends="sendmsg «call» execute «application», [event-lock,] [loops,] Event-UUID «operation»",
        # Also for an application that does not exist, which ends the call.
        acknowledged_by="+OK, which says that it is queued",
        proven_by="CHANNEL_EXECUTE with that Application-UUID",
    ),
    Verb.EXECUTE_API: Confirmation(
        sends="«command» «arguments», or bgapi «command» «arguments»",
        # The reply, or BACKGROUND_JOB, is the answer; what it means, only the command knows.
        acknowledged_by="anything",
        proven_by="",
    ),
    Verb.PUBLISH_EVENT: Confirmation(
        sends="sendevent CUSTOM, Event-Subclass «subclass», «headers», «body»",
        acknowledged_by="+OK «Event-UUID»",
        proven_by="the event itself, with that Event-UUID",
    ),
}
