"""The applications that make sounds from text: speech, phrases, and recorded words put together."""

import re
from typing import TYPE_CHECKING

from callcontrol.simulator.playing import play

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_WORD_S = 0.1
_SPEECH_S = 0.5
_AFTER_PHRASE_S = 0.1
_SPELLED = {"name_spelled": "ascii", "name_phonetic": "phonetic-ascii"}


async def speak(leg: "Leg", data: str) -> None:
    """`engine|voice|text`. Every text lasts as long. An engine that is not there says nothing, and
    nothing tells of it.
    """
    engine, _, _ = data.partition("|")
    if engine not in leg.switch.settings.speech_engines:
        return
    leg.is_break_asked = False
    await leg.idle(_SPEECH_S, lambda: leg.is_break_asked)
    leg.is_break_asked = False


async def phrase(leg: "Leg", data: str) -> None:
    """`macro,data`, in the language of the channel."""
    name, _, _ = data.partition(",")
    settings = leg.switch.settings
    language = leg.channel.get("language") or "en"
    if language not in settings.languages or name not in settings.phrases:
        leg.channel.set("current_application_response", "UNKNOWN ERROR")
        return
    if sound := settings.phrases[name]:
        await play(leg, sound)
    await leg.idle(_AFTER_PHRASE_S)
    leg.channel.set("current_application_response", "PHRASE PLAYED")


async def say(leg: "Leg", data: str) -> None:
    """`module:language kind method text`: a word for each digit and letter."""
    language, kind, _, text, *_ = [*data.split(), "", "", "", ""]
    is_known = language.partition(":")[0] in leg.switch.settings.languages
    if not is_known or not text or (kind not in _SPELLED and not re.search(r"\d", text)):
        return
    folder = _SPELLED.get(kind, "digits")
    characters = [each for each in text if kind in _SPELLED or each.isdigit()]
    words = [f"{folder}/{ord(each) if kind in _SPELLED else each}.wav" for each in characters]
    await play(leg, "file_string://" + "!".join(words), seconds=_WORD_S * len(words))
    leg.channel.set("current_application_response", None)
