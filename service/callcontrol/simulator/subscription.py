"""Which events one connection gets: types, custom subclasses, filters (mod_event_socket.c)."""

import re
from dataclasses import dataclass, field

from callcontrol.simulator.events import EVENT_NAMES, CoreEvent
from callcontrol.simulator.words import words

_FORMATS = ("plain", "json", "xml")
_ALL = "ALL"
_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE, "x": re.VERBOSE}

_SESSION_EVENTS = frozenset(
    words("""CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA
    CHANNEL_DESTROY CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE
    CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_PROGRESS
    CHANNEL_PROGRESS_MEDIA CHANNEL_STATE CHANNEL_UNBRIDGE CHANNEL_UNPARK DETECTED_SPEECH DTMF
    NOTALK TALK""")
)
"""What `myevents` asks for."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Event types and subclasses that a directory user may ask for."""

    types: frozenset[str]
    subclasses: frozenset[str]


@dataclass(slots=True)
class Subscription:
    """The subscription state of one connection."""

    allowed: Allowed | None = None
    """None when everything may be asked for."""
    form: str = "plain"
    types: set[str] = field(default_factory=set)
    subclasses: set[str] = field(default_factory=set)
    filters: list[tuple[str, str]] = field(default_factory=list)
    is_listening: bool = False
    is_session_only: bool = False
    session_id: str = ""

    # Commands; each returns the text of its reply

    def event(self, rest: str) -> str:
        """Obey `event [FORMAT] TYPE… [CUSTOM SUBCLASS…]`."""
        asked = rest.split()
        if asked and asked[0].lower() in _FORMATS:
            self.form = asked.pop(0).lower()
        found = False
        for position, word in enumerate(asked):
            name = _type_named(word)
            if name is None:
                continue
            if not self._may(name):
                return "-ERR permission denied"
            found = True
            self.types.add(name)
            if name == "CUSTOM":
                for subclass in asked[position + 1 :]:
                    if self.allowed is not None and subclass not in self.allowed.subclasses:
                        return "-ERR permission denied"
                    self.subclasses.add(subclass)
                break
        if not found:
            return "-ERR no keywords supplied"
        self.is_listening = True
        return f"+OK event listener enabled {self.form}"

    def _may(self, name: str) -> bool:
        if self.allowed is None or _ALL in self.allowed.types:
            return True
        return name in self.allowed.types

    def nixevent(self, rest: str, known_subclasses: set[str]) -> str:
        """`nixevent TYPE… [CUSTOM SUBCLASS…]`; ALL becomes the list of what it stood for."""
        asked, found = rest.split(), False
        for position, word in enumerate(asked):
            name = _type_named(word)
            if name is None:
                continue
            found = True
            if _ALL in self.types:
                self.types = set(EVENT_NAMES) - {_ALL}
                self.subclasses |= known_subclasses
            if name == "CUSTOM":
                self.subclasses -= set(asked[position + 1 :])
                break
            self.types = set() if name == _ALL else self.types - {name}
        if not found:
            return "-ERR no keywords supplied"
        self.is_listening = True
        return "+OK events nixed"

    def noevents(self) -> str:
        """Forget types and subclasses; the filters stay."""
        if not self.is_listening:
            return "-ERR not listening for events"
        self.is_listening = False
        self.types.clear()
        self.subclasses.clear()
        return "+OK no longer listening for events"

    def filter(self, rest: str) -> str:
        """Obey `filter [add] NAME VALUE` and `filter delete all|NAME [VALUE]`."""
        rest = rest.lstrip(" ")
        word, has_more, behind = rest.partition(" ")
        if has_more and word.lower() == "delete":
            return self._delete_filter(behind.lstrip(" "))
        if has_more and word.lower() == "add":
            name, separator, value = behind.lstrip(" ").partition(" ")
            if not separator:
                return f"+OK filter added. [{name}]=[(null)]"
        else:
            name, separator, value = rest.partition(" ")
            if not separator:
                return "-ERR invalid syntax"
        if value:
            self.filters.append((name, value))
        else:
            self._drop(name)
        return f"+OK filter added. [{name}]=[{value}]"

    def _delete_filter(self, rest: str) -> str:
        name, _, value = rest.partition(" ")
        if name.lower() == "all":
            self.filters.clear()
            return "+OK filter deleted. [all][]"
        self._drop(name, value)
        return f"+OK filter deleted. [{name}][{value}]"

    def _drop(self, name: str, value: str = "") -> None:
        self.filters = [
            (key, wanted)
            for key, wanted in self.filters
            if key.lower() != name.lower() or (value and wanted != value)
        ]

    def myevents(self, session_id: str) -> None:
        """Only events of one session, or of all sessions if it is empty."""
        self.is_session_only, self.session_id = True, session_id
        self.is_listening = True
        self.types |= _SESSION_EVENTS

    # The decision

    def wants(self, event: CoreEvent) -> bool:
        """Whether this event goes to the connection."""
        if not self.is_listening:
            return False
        if _ALL not in self.types:
            if event.name not in self.types:
                return False
            if event.name == "CUSTOM" and event.subclass and event.subclass not in self.subclasses:
                return False
        if self.is_session_only and not self._is_of_session(event):
            return False
        return not self.filters or self._passes(event)

    def _is_of_session(self, event: CoreEvent) -> bool:
        call_id = event.text("Unique-ID")
        if not self.session_id:
            return call_id is not None
        return self.session_id in (call_id, event.text("Job-Owner-UUID"))

    def _passes(self, event: CoreEvent) -> bool:
        """At least one positive filter matches and no negative one."""
        is_wanted = False
        for name, value in self.filters:
            found = event.text(name)
            if found is None:
                continue
            text = value.lstrip("+- ")
            is_positive = "-" not in value[: len(value) - len(text)]
            if not _matches(text if value[0] != "/" else value, found):
                continue
            if not is_positive:
                return False
            is_wanted = True
        return is_wanted


def _matches(pattern: str, found: str) -> bool:
    if not pattern.startswith("/"):
        return pattern.lower() == found.lower()
    expression, _, letters = pattern[1:].rpartition("/")
    flags = re.NOFLAG
    for letter in letters:
        flags |= _FLAGS.get(letter, re.NOFLAG)
    try:
        return re.search(expression, found, flags) is not None
    except re.error:
        return False


def _type_named(word: str) -> str | None:
    name = word.upper().removeprefix("SWITCH_EVENT_")
    return name if name in EVENT_NAMES else None
