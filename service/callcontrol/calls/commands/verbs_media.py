"""The table of verbs, media part: recordings, what plays, digits and listening in."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.commands.verb import ANSWERED, WITH_MEDIA, Confirmation, Verb

_OK: Final = "+OK"
_SUCCESS: Final = "+OK Success"
_MEDIA: Final = "a call with media"
_ANSWERED_CALL: Final = "an answered call"

MEDIA_CONFIRMATIONS: Final[Mapping[Verb, Confirmation]] = {
    Verb.START_RECORDING: Confirmation(
        sends="uuid_buglist «call»; uuid_record «call» start «path» «seconds» {«options»}",
        # Also for a path that the leg is recorded to already.
        acknowledged_by=_SUCCESS,
        proven_by="RECORD_START with that path",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.MASK_RECORDING: Confirmation(
        sends="uuid_buglist «call»; uuid_record «call» mask|unmask «path»",
        acknowledged_by=_SUCCESS,
        proven_by="",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.STOP_RECORDING: Confirmation(
        sends="uuid_buglist «call»; uuid_record «call» stop «path»|all",
        acknowledged_by=_SUCCESS,
        proven_by="RECORD_STOP of each, or uuid_buglist when there was none",
    ),
    Verb.EAVESDROP: Confirmation(
        sends="sendmsg «listener» execute eavesdrop %[«mode»]«call», event-lock, "
        "Event-UUID «operation»",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="MEDIA_BUG_START of eavesdrop on «call», after CHANNEL_EXECUTE with that "
        "Application-UUID",
        states=ANSWERED,
        needs="a listener that is answered",
    ),
    Verb.COLLECT_DIGITS: Confirmation(
        sends="uuid_setvar «call» read_terminator_used; sendmsg «call» execute "
        "play_and_get_digits, event-lock, Event-UUID «operation»; uuid_setvar «call» "
        "callcontrol_digits",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="CHANNEL_EXECUTE_COMPLETE with that Application-UUID, and the variables it has",
        states=ANSWERED,
        needs=_ANSWERED_CALL,
    ),
    Verb.MIX: Confirmation(
        sends="uuid_displace «call» start {callcontrol_playback=«playback»}«sound» 0 m",
        acknowledged_by=_SUCCESS,
        proven_by="MEDIA_BUG_START of displace with that target",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.STOP_MIXED: Confirmation(
        sends="uuid_buglist «call»; uuid_displace «call» stop «target»",
        acknowledged_by=_SUCCESS,
        proven_by="MEDIA_BUG_STOP of displace with that target",
    ),
    Verb.CONTROL_PLAYBACK: Confirmation(
        sends="uuid_fileman «call» pause|seek:[+|-]«ms»|volume:«level»",
        # Also for what cannot be sought in, and for words that it does not know.
        acknowledged_by=_OK,
        proven_by="",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.SPEAK: Confirmation(
        sends="sendmsg «call» execute speak «engine»|«voice»|«text», event-lock, "
        "Event-UUID «playback»",
        acknowledged_by="+OK, which says that it is queued",
        # It says nothing of what is heard. One that ends within a tick was never begun.
        proven_by="",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.SAY: Confirmation(
        sends="sendmsg «call» execute say «language» «kind» «method» «text», or phrase "
        "«macro»,«data», event-lock, Event-UUID «playback»",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="PLAYBACK_START after CHANNEL_EXECUTE with that Application-UUID",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
}
