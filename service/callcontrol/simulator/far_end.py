"""The telephone at the other end of a SIP leg: it follows a script."""

from typing import TYPE_CHECKING

from callcontrol.simulator import media, sip
from callcontrol.simulator.causes import NUMBERS, cause_named
from callcontrol.simulator.channel import Kind
from callcontrol.simulator.scenario import (
    Answers,
    EarlyMedia,
    HangsUp,
    Rings,
    Runs,
    Script,
    SendsDigits,
    Step,
)

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_RFC2833_EXTRA_SAMPLES = 80


class FarEnd:
    """What is at the other end of one leg, and what it has heard."""

    def __init__(self, leg: "Leg") -> None:
        self._leg = leg
        self.heard = ""
        """The digits that were sent to it."""
        self.messages: list[tuple[str, str]] = []
        """The content types and bodies of the INFOs and MESSAGEs that were sent to it."""
        self.referred_to = ""
        """Where it was asked to call instead, when it did."""
        self.takes_refer = False
        """Whether it has somebody of its own whom it can send elsewhere."""
        leg.on_far_digits = self._hear

    def _hear(self, digits: str) -> None:
        self.heard += digits

    @property
    def call_id(self) -> str:
        """The leg's id at the switch."""
        return self._leg.channel.call_id

    def presses(self, digits: str) -> None:
        """Send digits to the switch."""
        for digit in media.parse_digits(digits, "RTP"):
            samples = digit.samples + _RFC2833_EXTRA_SAMPLES
            self._leg.hear(media.Digit(digit.character, samples, "RTP"))

    def hangs_up(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up, cancel or refuse, whichever the call's state makes of it."""
        leg, channel = self._leg, self._leg.channel
        if channel.is_down:
            return
        if channel.kind is Kind.SOFIA_INBOUND and not channel.is_answered:
            cause = "ORIGINATOR_CANCEL"
        else:
            cause = carried_by_sip(cause_named(cause))
        if channel.is_answered:
            sip.set_on_bye(channel, cause)
        else:
            sip.set_on_refusal(channel, cause)
            channel.change_profile(network_addr="127.0.0.1")
        leg.hang_up(cause)

    def is_referred(self, uri: str) -> str:
        """It is asked to call elsewhere; the status line of its last NOTIFY."""
        if not self.takes_refer:
            return "SIP/2.0 403 Forbidden"
        self.referred_to = uri
        return "SIP/2.0 200 OK"

    async def follow(self, script: Script | None) -> None:
        """Do the steps; None is a number that nobody has."""
        if script is None:
            self.hangs_up("NO_ROUTE_DESTINATION")
            return
        for step in script.steps:
            after_s: float = getattr(step, "after_s", 0)
            if after_s:
                await self._leg.switch.clock.sleep(after_s)
            if self._leg.channel.is_down:
                return
            await self._do(step)

    async def _do(self, step: Step) -> None:
        leg = self._leg
        match step:
            case Rings():
                sip.set_on_response(leg.channel)
                self._learn_who()
                leg.mark_ringing()
            case EarlyMedia(tone_s):
                sip.set_on_response(leg.channel)
                sip.set_on_early_answer(leg.channel)
                self._learn_who()
                leg.mark_early_media()
                if tone_s is not None:
                    await leg.switch.clock.sleep(tone_s)
            case Answers():
                self._answer()
            case SendsDigits(digits):
                self.presses(digits)
            case HangsUp(cause):
                self.hangs_up(cause)
            case Runs("bridge"):
                leg.mark_ringing()
                self._answer()
                self.takes_refer = True
            case _:
                pass

    def _answer(self) -> None:
        channel = self._leg.channel
        sip.set_on_response(channel)
        self._learn_who()
        self._leg.mark_answered()

    def _learn_who(self) -> None:
        """A response tells the far end's address, and the name it shows."""
        channel = self._leg.channel
        channel.change_profile(
            callee_id_name=channel.profile.callee_id_number, network_addr="127.0.0.1"
        )


def carried_by_sip(cause: str) -> str:
    """The cause as it arrives through a SIP response or its Q.850 reason."""
    number = NUMBERS.get(cause, 0)
    return cause if 0 < number <= 127 or cause == "ORIGINATOR_CANCEL" else "NO_USER_RESPONSE"
