"""The table of verbs, media part: recordings, what plays, digits and listening in."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.verb import WITH_MEDIA, Confirmation, Verb

_SUCCESS: Final = "+OK Success"
_MEDIA: Final = "a call with media"

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
}
