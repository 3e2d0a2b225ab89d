"""What an event tells about a leg: signs of its life, its parties, codecs, variables, labels."""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.call import Codecs, Direction, Party
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.leg import Leg, Sign
from callcontrol.calls.picture.translate import CREATE, DESTROY, Headers, number, small_number, text
from callcontrol.calls.picture.variables import ChannelVariables, labels_in
from callcontrol.events.event import Position

_SIGNS: Final[Mapping[str, Sign | None]] = {
    CREATE: None,
    "CHANNEL_ORIGINATE": None,
    "CHANNEL_CALLSTATE": None,
    "CHANNEL_PROGRESS": Sign.RINGING,
    "CHANNEL_PROGRESS_MEDIA": Sign.EARLY_MEDIA,
    "CHANNEL_ANSWER": Sign.ANSWERED,
    "CHANNEL_HOLD": Sign.HELD,
    "CHANNEL_UNHOLD": Sign.UNHELD,
    "CHANNEL_PARK": Sign.PARKED,
    "CHANNEL_UNPARK": Sign.UNPARKED,
    "CHANNEL_HANGUP": Sign.ENDING,
    "CHANNEL_HANGUP_COMPLETE": Sign.ENDED,
    DESTROY: Sign.ENDED,
}
LIFECYCLE: Final = frozenset(_SIGNS)
"""Events that tell where a leg is in its life."""

_LIFE: Final = (
    fields.DIRECTION,
    fields.CHANNEL_NAME,
    fields.CONTEXT,
    fields.CORRELATION_ID,
    fields.CREATED_TIME,
    fields.ANSWERED_TIME,
)
_PARTIES: Final = (
    fields.CALLER_NUMBER,
    fields.CALLER_NAME,
    fields.CALLEE_NUMBER,
    fields.CALLEE_NAME,
    fields.ORIGINAL_NUMBER,
    fields.ORIGINAL_NAME,
    fields.DESTINATION,
)
_CODECS: Final = (fields.READ_CODEC, fields.WRITE_CODEC, fields.READ_RATE, fields.WRITE_RATE)
_PARTICULARS: Final = _LIFE + _PARTIES + _CODECS
_OF_PARTIES: Final = slice(len(_LIFE), len(_LIFE + _PARTIES))
_OF_CODECS: Final = slice(len(_LIFE + _PARTIES), None)
_DIRECTIONS: Final[Mapping[str, Direction]] = {
    "inbound": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
}

_TELL_CALL_STATE: Final = frozenset({"CHANNEL_CALLSTATE", "CHANNEL_DATA"})
_CALL_STATE_SIGNS: Final[Mapping[str, Sign]] = {
    "RINGING": Sign.RINGING,
    "RING_WAIT": Sign.RINGING,
    "EARLY": Sign.EARLY_MEDIA,
    "ACTIVE": Sign.ACTIVE,
    "HELD": Sign.HELD,
    "UNHELD": Sign.UNHELD,
    "HANGUP": Sign.ENDING,
}
_ANSWER_STATE_SIGNS: Final[Mapping[str, Sign]] = {
    "early": Sign.EARLY_MEDIA,
    "answered": Sign.ANSWERED,
    "hangup": Sign.ENDING,
}


def note_signs(leg: Leg, name: str, headers: Headers, sequence: int) -> None:
    """Tell the leg what a LIFECYCLE event, or a dump of the channel, says about its life."""
    sign = _SIGNS.get(name)
    if sign is None and name in _TELL_CALL_STATE:
        sign = _CALL_STATE_SIGNS.get(text(headers, fields.CALL_STATE))
    if sign is not None:
        leg.note(sign, sequence)
    # The switch sets the answer state before it makes the event, the call state after it.
    answer = _ANSWER_STATE_SIGNS.get(text(headers, fields.ANSWER_STATE))
    if answer is not None:
        leg.note(answer, sequence)


def note_answer(leg: Leg, headers: Headers, sequence: int) -> None:
    """Tell a leg that is first heard of in the middle of its life how far it is. Its end is left
    to the events that tell of it.
    """
    answer = _ANSWER_STATE_SIGNS.get(text(headers, fields.ANSWER_STATE))
    if answer is not None and answer is not Sign.ENDING:
        leg.note(answer, sequence)


def describe(leg: Leg, headers: Headers) -> bool:
    """Bring the leg's particulars up to what the event says; what it does not say stays.

    Returns whether anything is new. Most events repeat what is known, and cost a comparison.
    """
    told = tuple(map(headers.get, _PARTICULARS))
    before = leg.told
    if told == before:
        return False
    leg.told = told
    leg.channel_name = text(headers, fields.CHANNEL_NAME) or leg.channel_name
    leg.context = text(headers, fields.CONTEXT) or leg.context
    leg.correlation_id = text(headers, fields.CORRELATION_ID) or leg.correlation_id
    leg.created_us = number(headers, fields.CREATED_TIME) or leg.created_us
    leg.answered_us = number(headers, fields.ANSWERED_TIME) or leg.answered_us
    leg.direction = _DIRECTIONS.get(text(headers, fields.DIRECTION), leg.direction)
    if told[_OF_PARTIES] != before[_OF_PARTIES]:
        _describe_parties(leg, headers)
    if told[_OF_CODECS] != before[_OF_CODECS]:
        _describe_codecs(leg, headers)
    return True


def _describe_codecs(leg: Leg, headers: Headers) -> None:
    leg.codecs = Codecs(
        read=text(headers, fields.READ_CODEC) or leg.codecs.read,
        write=text(headers, fields.WRITE_CODEC) or leg.codecs.write,
        read_rate_hz=small_number(headers, fields.READ_RATE) or leg.codecs.read_rate_hz,
        write_rate_hz=small_number(headers, fields.WRITE_RATE) or leg.codecs.write_rate_hz,
    )


def _describe_parties(leg: Leg, headers: Headers) -> None:
    """Who calls whom: the original caller, and the number that was dialled.

    Once a leg that the switch placed is answered, the switch swaps its caller and callee ids
    (`channel_cid_flipped`), and a bridge or display update writes others into them. So they are
    used for names only, where the number shows whose name it is.
    """
    shown = {
        text(headers, fields.CALLER_NUMBER): text(headers, fields.CALLER_NAME),
        text(headers, fields.CALLEE_NUMBER): text(headers, fields.CALLEE_NAME),
    }
    caller = text(headers, fields.ORIGINAL_NUMBER) or text(headers, fields.CALLER_NUMBER)
    callee = text(headers, fields.DESTINATION) or text(headers, fields.CALLEE_NUMBER)
    if caller:
        name = text(headers, fields.ORIGINAL_NAME) or shown.get(caller, "")
        leg.caller = Party(number=caller, name=name)
    if callee:
        leg.callee = Party(number=callee, name=shown.get(callee, ""))


def read_variables(leg: Leg, headers: Headers, sequence: int = 0) -> None:
    """Take over the channel's variables, if the event carries them, without looking inside. Of two
    events with a number of the switch the later one holds, whichever comes first.
    """
    if fields.ANY_VARIABLE in headers and not 0 < sequence < leg.variables_at:
        leg.variables, leg.variables_at = ChannelVariables(headers), sequence or leg.variables_at


def read_labels(leg: Leg, headers: Headers) -> bool:
    """Take over the labels, if the event carries the channel's variables.

    Returns whether they are new.
    """
    labels = labels_in(headers)
    if labels is None or labels == leg.labels:
        return False
    leg.labels = labels
    return True


def read_conference(leg: Leg, headers: Headers, position: Position) -> None:
    """Take over from a CUSTOM event which conference the leg entered or left."""
    if headers.get(fields.EVENT_SUBCLASS) != fields.CONFERENCE_SUBCLASS or leg.has_ended():
        return
    action = headers.get(fields.ACTION)
    if action == "add-member":
        leg.conference_name = text(headers, fields.CONFERENCE_NAME)
        leg.changed(position)
    elif action == "del-member":
        leg.conference_name = ""
        leg.changed(position)
