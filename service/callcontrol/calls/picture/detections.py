"""What was heard on a leg: tones, speech, voices, and the beep of a machine.

A detector fires its event, and hands a copy of the same number to the leg, which fires that again,
with its own headers, once it parks or sleeps; where it does something else, it throws it away
(switch_core_session_queue_event; switch_ivr.c switch_ivr_park, switch_ivr_sleep). Sources of the
events: switch_ivr_async.c tone_detect_callback and speech_thread, switch_rtp.c rtp_common_write,
mod_avmd.c avmd_fire_event, mod_vmd.c, mod_spandsp_dsp.c, mod_spandsp_fax.c.
"""

from typing import Final

from callcontrol.calls.payloads import DetectionReported
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, text

TONE: Final = "tone"
SPEECH: Final = "speech"
VOICE: Final = "voice"
MACHINE: Final = "machine"

_NOT_DETECTED: Final = "NOTDETECTED"


def tone_detected(headers: Headers) -> DetectionReported | None:
    """DETECTED_TONE. The core's own detector fires it without a leg first, and a copy of it comes
    from the leg only where that parks or sleeps: so both count.
    """
    tone = text(headers, fields.TONE)
    if not tone and text(headers, fields.FAX_TONE):
        tone = "fax"
    return DetectionReported(TONE, tone) if tone else None


def speech_detected(headers: Headers, body: str) -> DetectionReported | None:
    """DETECTED_SPEECH. With `fire_asr_events` it comes twice, in the same words."""
    kind = text(headers, fields.SPEECH_TYPE)
    return DetectionReported(SPEECH, kind, body) if kind else None


def talk_began(_headers: Headers) -> DetectionReported:
    """TALK: what the switch sends to the leg became speech. Told where voice activity detection is
    on and the variable `fire_talk_events` is set; NOTALK, where `fire_not_talk_events` is.
    """
    return DetectionReported(VOICE, "talk")


def talk_ended(_headers: Headers) -> DetectionReported:
    """NOTALK."""
    return DetectionReported(VOICE, "notalk")


def beep_heard(headers: Headers) -> DetectionReported | None:
    """avmd::beep and vmd::beep, of the detector itself and not the leg's copy."""
    return None if fields.CHANNEL_STATE in headers else DetectionReported(MACHINE, "beep")


def beep_search_ended(headers: Headers) -> DetectionReported | None:
    """avmd::stop, which is worth telling where none was heard."""
    if fields.CHANNEL_STATE in headers or headers.get(fields.BEEP_STATUS) != _NOT_DETECTED:
        return None
    return DetectionReported(MACHINE, "none")
