"""The table of verbs for conferences; the states are those of a leg that is to come in."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.commands.verb import Confirmation, Verb

_READ: Final = "conference «name» json_list compact"
_LISTED: Final = _READ + " lists it so"
_LEFT: Final = "conference::maintenance del-member of each"
_COMES_IN: Final = "conference::maintenance add-member of each"

CONFERENCE_CONFIRMATIONS: Final[Mapping[Verb, Confirmation]] = {
    Verb.GET_CONFERENCE: Confirmation(sends=_READ, acknowledged_by="", proven_by="the reply"),
    Verb.LIST_CONFERENCES: Confirmation(
        sends="conference json_list compact", acknowledged_by="", proven_by="the reply"
    ),
    Verb.ADD_MEMBERS: Confirmation(
        sends="uuid_transfer «call» conference:[%[supplied_pin=«pin»]]«name»@«profile» inline, "
        "one for each",
        # Also where the conference is locked, full, or wants a pin.
        acknowledged_by="+OK",
        proven_by=_COMES_IN + ", and " + _READ + " lists them",
    ),
    Verb.DIAL_MEMBER: Confirmation(
        sends="bgapi originate {«variables»}«endpoint» &conference(«name»@«profile»)",
        acknowledged_by="+OK Job-UUID",
        proven_by="as with Originate, and conference::maintenance add-member once answered",
    ),
    Verb.UPDATE_MEMBERS: Confirmation(
        sends="conference «name» mute|unmute|deaf|undeaf|volume_in|volume_out|energy|floor "
        "«member»|all|non_moderator [«level»]",
        acknowledged_by="+OK «command» «member»",
        proven_by=_LISTED,
    ),
    Verb.KICK_MEMBERS: Confirmation(
        sends="uuid_kill «call» NORMAL_CLEARING for each; to keep the legs conference «name» kick "
        "«member»|all|non_moderator",
        acknowledged_by="+OK, +OK kicked «member»",
        proven_by=_LEFT,
    ),
    Verb.MOVE_MEMBERS: Confirmation(
        sends="conference «name» transfer «target» «member» …, 20 at a time",
        acknowledged_by="+OK Member '«member»' sent to conference «target».",
        proven_by=_COMES_IN + " in the other conference",
    ),
    Verb.UPDATE_CONFERENCE: Confirmation(
        sends="conference «name» lock|unlock|pin «pin»|nopin",
        acknowledged_by="+OK",
        proven_by=_LISTED + "; of the pin, the reply repeats it",
    ),
    Verb.PLAY_TO_CONFERENCE: Confirmation(
        sends="conference «name» play «file» [«member»], by bgapi for an URL and for speech",
        acknowledged_by="+OK (play) Playing file «file»",
        proven_by="conference::maintenance play-file or play-file-member; of speech nothing",
    ),
    Verb.STOP_CONFERENCE_PLAYBACK: Confirmation(
        sends="conference «name» stop all [«member»]",
        acknowledged_by="+OK Stopped «count» files.",
        proven_by="conference::maintenance play-file-done or play-file-member-done of as many",
    ),
    Verb.START_CONFERENCE_RECORDING: Confirmation(
        sends="conference «name» record «path»",
        # Before the file is opened.
        acknowledged_by="+OK Record file «path»",
        proven_by="conference::maintenance start-recording without an error",
    ),
    Verb.STOP_CONFERENCE_RECORDING: Confirmation(
        sends="conference «name» norecord «path»|all",
        acknowledged_by="+OK Stopped recording 0 files",
        proven_by="conference::maintenance stop-recording of each",
    ),
    Verb.END_CONFERENCE: Confirmation(
        sends="uuid_kill «call» NORMAL_CLEARING for each leg that is not kept, then conference "
        "«name» hup all",
        acknowledged_by="+OK hup «member»",
        proven_by="conference::maintenance conference-destroy",
    ),
}
