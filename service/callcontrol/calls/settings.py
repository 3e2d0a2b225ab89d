"""What an operator decides about call control; nothing here changes while the service runs."""

import re
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.encoding.policy import Permission
from callcontrol.freeswitch.wanted_events import EVERYTHING, WantedEvents

DEFAULT_CONTEXT: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Limits and permissions of the commands on calls."""

    confirm_timeout_s: float = 5.0
    """How long to wait for the proof of a command that the switch has taken."""
    default_context: str = DEFAULT_CONTEXT
    """Dialplan context where a request names none."""
    default_dialplan: str = "XML"
    """Dialplan where a request names none."""
    dialplans: frozenset[str] = frozenset({"XML"})
    """Dialplans that requests may name. Never `inline`, which runs any application."""
    media_roots: tuple[str, ...] = ()
    """Absolute directories on the nodes below which files may be played."""
    media_prefixes: tuple[str, ...] = ("local_stream://",)
    """Beginnings of URLs that may be played, for example `https://media.example.org/prompts/`."""
    speech_engine: str = ""
    """Speech engine of the nodes where a request names none; empty requires that it does."""
    speech_voice: str = ""
    """The same for its voice."""
    recording_root: str = ""
    """Absolute directory on the nodes below which recordings are written; empty allows none."""
    raw_apis: tuple[Permission, ...] = ()
    """Api commands that may be run as they are; none unless the operator lists them."""
    raw_applications: tuple[Permission, ...] = ()
    """Dialplan applications that may be run as they are."""
    raw_dial_strings: tuple[re.Pattern[str], ...] = ()
    """Raw dial strings that may be called, each as a whole; none unless the operator lists them."""
    publish_subclasses: tuple[str, ...] = ()
    """Subclasses of events that clients may fire; `x*` is each that begins with x."""
    events: WantedEvents = EVERYTHING
    """What the switches are asked for: nothing else comes back."""
    allowed_variables: frozenset[str] = frozenset()
    """Names of variables, in lower case, that may be set although this service denies them."""
    max_late_work: int = 1_000
    """Clean-ups for callers who went away that may be under way at one time."""
    late_work_timeout_s: float = 90.0
    """How long one such clean-up may take."""
    call_off_retry_s: float = 1.0
    """Pause before a call that could not be called off is tried again."""
    node_return_timeout_s: float = 120.0
    """How long an Originate under way waits for a node that was lost; a deadline may be shorter."""
    first_sign_timeout_s: float = 2.0
    """How long after an interruption the first sign of a leg may take: longer, and the command to
    make it did not arrive, or the leg is over."""
    node_return_retry_s: float = 0.1
    """Pause before it looks again whether the node is back."""
