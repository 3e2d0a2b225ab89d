"""Which script is found for what is dialled; users' tests add their own.

What is dialled is the number of `sofia/internal/NUMBER@host`, `sofia/gateway/NAME/NUMBER`,
`user/NUMBER` and `loopback/NUMBER/context`, or the extension of a transfer or inbound call. These
names exist from the start, with the behaviour of the dialplan in tests/freeswitch:

    answer               answers at once and stays
    answer-SECONDS       answers after SECONDS, without ringing
    ring                 rings (180) and never answers
    ring-answer          rings, answers after 1 s
    ring-answer-SECONDS  rings, answers after SECONDS
    early                early media (183), never answers
    early-answer         early media, answers after 1 s
    busy                 USER_BUSY
    reject               CALL_REJECTED
    no-route             NO_ROUTE_DESTINATION
    unreachable          NO_ROUTE_DESTINATION
    hangup-CAUSE         refuses with that cause
    short                answers, hangs up after 0.5 s
    hangup-after-SECONDS answers, hangs up after SECONDS
    dtmf-DIGITS          answers, sends DIGITS after 0.5 s, stays
    park                 answers and is parked (its channel, where it has one here)
    inbound-park         rings and is parked, unanswered: for inbound calls
    tone                 answers and plays a tone without end
    conf-ROOM            answers and enters the conference ROOM
    conf-park-ROOM       the same, and is parked when it leaves that
    bridge-NAME          is bridged to loopback/NAME
    connect-NAME         is bridged to NAME over SIP, and so can be referred elsewhere
    socket-MODE-PORT     is given to whoever listens on 127.0.0.1:PORT, as application `app`, and
                         then hears a tone for 1 s; MODE is async-full, async, full or sync
    socket-answered-PORT the same, answered before, async and full, without an application
    socket-hosts-PORT-PORT  the same as async-full, with a second port if nobody is on the first
    bell-NAME            waits in a park for a worker of the application NAME, then hears the tone
    bell-NAME-PORT       is given to whoever listens on the port, before it is parked likewise
    guarded-NAME-SECONDS, guarded-NAME-SECONDS-PORT
                         the same with a way out that the switch takes then, to `left-alone`
    left-alone           answers and stays
    anything else        NO_ROUTE_DESTINATION

    sim.on("4711", Answers(after_s=1).then(SendsDigits("12#", after_s=0.5)).then(HangsUp()))
"""

import re
from collections.abc import Callable

from callcontrol.simulator.applications import Action
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

_Maker = Callable[[re.Match[str]], Script]
_SOCKET_MODES = {"async-full": "async full", "async": "async", "full": "full", "sync": ""}


def _script(*steps: Step) -> Script:
    return Script(steps)


def _or_tone(*steps: Step) -> Script:
    """These, and then what a caller hears to whom nobody gives anything else."""
    return _script(
        *steps,
        Runs("set", "callcontrol_test_fallback=true"),
        Answers(),
        Runs("playback", "tone_stream://%(1000,0,440)"),
    )


def _socket(hosts: str, mode: str = "async full") -> Runs:
    return Runs("socket", f"{hosts} {mode}".rstrip())


def _guard(seconds: str) -> tuple[Step, ...]:
    """A way out of the park that nobody has to open."""
    return (
        Runs("sched_transfer", f"+{seconds} left-alone XML callcontrol"),
        Runs("set", "callcontrol_guard=${last_sched_id}"),
    )


_NAMED: list[tuple[str, _Maker]] = [
    (r"answer|100[0-2]", lambda _: _script(Answers())),
    (r"answer-(\d+)", lambda m: _script(Answers(int(m[1])))),
    (r"ring", lambda _: _script(Rings())),
    (r"ring-answer", lambda _: _script(Rings(), Answers(1))),
    (r"ring-answer-(\d+)", lambda m: _script(Rings(), Answers(int(m[1])))),
    (r"early", lambda _: _script(EarlyMedia())),
    (r"early-answer", lambda _: _script(EarlyMedia(1), Answers())),
    (r"busy", lambda _: _script(HangsUp("USER_BUSY"))),
    (r"reject", lambda _: _script(HangsUp("CALL_REJECTED"))),
    (r"no-route|unreachable", lambda _: _script(HangsUp("NO_ROUTE_DESTINATION"))),
    (r"short", lambda _: _script(Answers(), HangsUp(after_s=0.5))),
    (r"hangup-after-(\d+)", lambda m: _script(Answers(), HangsUp(after_s=int(m[1])))),
    (r"hangup-([A-Z_0-9]+)", lambda m: _script(HangsUp(m[1]))),
    (r"dtmf-([0-9A-D*#]+)", lambda m: _script(Answers(), SendsDigits(m[1], 0.5))),
    (r"park", lambda _: _script(Answers(), Runs("park"))),
    (r"inbound-park", lambda _: _script(Rings(), Runs("park"))),
    (
        r"tone",
        lambda _: _script(Answers(), Runs("playback", "tone_stream://%(1000,500,440);loops=-1")),
    ),
    (
        r"conf-park-(.+)",
        lambda m: _script(Answers(), Runs("conference", f"{m[1]}@default"), Runs("park")),
    ),
    (r"l?conf-(.+)", lambda m: _script(Answers(), Runs("conference", f"{m[1]}@default"))),
    (r"connect-(.+)", lambda m: _script(Runs("bridge", f"sofia/internal/{m[1]}@127.0.0.1"))),
    (r"bridge-(.+)", lambda m: _script(Runs("bridge", f"loopback/{m[1]}/callcontrol"))),
    (
        r"socket-(async-full|async|full|sync)-(\d+)",
        lambda m: _or_tone(_socket(f"127.0.0.1:{m[2]}/app", _SOCKET_MODES[m[1]])),
    ),
    (r"socket-answered-(\d+)", lambda m: _or_tone(Answers(), _socket(f"127.0.0.1:{m[1]}"))),
    (
        r"socket-hosts-(\d+)-(\d+)",
        lambda m: _or_tone(_socket(f"127.0.0.1:{m[1]}|127.0.0.1:{m[2]}/app")),
    ),
    (
        r"bell-([a-z_]+)",
        lambda m: _or_tone(Runs("set", f"callcontrol_application={m[1]}"), Runs("park")),
    ),
    (
        r"guarded-([a-z_]+)-(\d+)",
        lambda m: _or_tone(
            Runs("set", f"callcontrol_application={m[1]}"), *_guard(m[2]), Runs("park")
        ),
    ),
    (
        r"guarded-([a-z_]+)-(\d+)-(\d+)",
        lambda m: _or_tone(
            Runs("set", f"callcontrol_application={m[1]}"),
            *_guard(m[2]),
            _socket(f"127.0.0.1:{m[3]}"),
            Runs("park"),
        ),
    ),
    (
        r"left-alone",
        lambda _: _script(Runs("set", "callcontrol_test_left_alone=true"), Answers()),
    ),
    (
        r"bell-([a-z_]+)-(\d+)",
        lambda m: _or_tone(
            Runs("set", f"callcontrol_application={m[1]}"),
            _socket(f"127.0.0.1:{m[2]}"),
            Runs("park"),
        ),
    ),
]


class Scenarios:
    """Finds the script for what is dialled; a user's own entries come first."""

    def __init__(self) -> None:
        self.contexts = {"callcontrol", "lab", "default", "public"}
        self._own: dict[str, Script] = {}

    def on(self, dialled: str, script: Script | Step) -> None:
        """From now on `dialled` does this; a new entry replaces an old one of the name."""
        self._own[dialled] = script if isinstance(script, Script) else Script((script,))

    def find(self, dialled: str) -> Script | None:
        """What happens when this is dialled; None when nobody has that number."""
        if dialled in self._own:
            return self._own[dialled]
        for pattern, make in _NAMED:
            if match := re.fullmatch(pattern, dialled):
                return make(match)
        return None

    def captured(self, dialled: str) -> list[str]:
        """What the dialplan's expression caught: all, then its parts; nothing without parts."""
        if dialled not in self._own:
            for pattern, _ in _NAMED:
                if (match := re.fullmatch(pattern, dialled)) and match.groups():
                    return [match[0], *match.groups()]
        return []

    def extension(self, dialled: str, context: str) -> list[Action] | None:
        """The extension of a dialplan context; None when there is none."""
        script = self.find(dialled) if context in self.contexts else None
        return None if script is None else script.as_actions()
