"""API commands on the process: fsctl, and loading of modules."""

from callcontrol.simulator.apis import ApiCall, Handler, later
from callcontrol.simulator.switch import Switch

_FSCTL_USAGE = (
    "-USAGE: [api_expansion [on|off]|recover|send_sighup|hupall|pause [inbound|outbound]|resume "
    "[inbound|outbound]|shutdown [cancel|elegant|asap|now|restart]|sps|sps_peak_reset|sync_clock|"
    "sync_clock_when_idle|reclaim_mem|max_sessions|min_dtmf_duration [num]|max_dtmf_duration "
    "[num]|default_dtmf_duration [num]|min_idle_cpu|loglevel|debug_level|mdns_resolve "
    "[enable|disable]]\n"
)


_ANSWERS = {
    "hupall": "+OK\n",
    "loglevel": "+OK log level: DISABLE [-1]\n",
    "min_idle_cpu": "+OK min idle cpu: DISABLED\n",
    "reclaim_mem": "+OK\n",
    "recover": "+OK\n",
    "send_sighup": "+OK\n",
    "shutdown_check": "false",
    "sync_clock": "+OK clock synchronized\n",
}
"""Words whose answer does not depend on anything here."""


def _fsctl(call: ApiCall) -> str:
    words = call.argument.split()
    if not words:
        return _FSCTL_USAGE
    switch = call.switch
    match words[0]:
        case "pause" | "resume" | "pause_check" | "ready_check" as word:
            return _paused(switch, word, words[1:])
        case "shutdown":
            if words[1:] != ["cancel"]:
                call.simulator.begin_shutdown()
            return "+OK\n"
        case "sps" | "last_sps" | "max_sessions" as word:
            return _limits(switch, word, words[1:])
        case "hupall":
            for leg in switch.live_legs():
                leg.hang_up("MANAGER_REQUEST")
    usage = "-ERR Invalid command\n" + _FSCTL_USAGE.replace("-USAGE: ", "USAGE: fsctl ")
    return _ANSWERS.get(words[0], usage)


def _paused(switch: Switch, word: str, direction: list[str]) -> str:
    outbound, inbound = direction != ["inbound"], direction != ["outbound"]
    match word:
        case "pause" | "resume":
            switch.is_paused = word == "pause" if outbound else switch.is_paused
            switch.takes_no_calls = word == "pause" if inbound else switch.takes_no_calls
            return "+OK\n"
        case "pause_check":
            is_so = (switch.is_paused and outbound) or (switch.takes_no_calls and inbound)
        case _:
            is_so = not (switch.is_paused or switch.takes_no_calls)
    return "true" if is_so else "false"


def _limits(switch: Switch, word: str, words: list[str]) -> str:
    wanted = int(words[0]) if words and words[0].isdigit() else 0
    match word:
        case "sps":
            switch.sessions_per_second = wanted or switch.sessions_per_second
            return f"+OK sessions per second: {switch.sessions_per_second}\n"
        case "last_sps":
            switch.count_seconds()
            return f"+OK last sessions per second: {switch.counters.last_second}\n"
    switch.max_sessions = wanted or switch.max_sessions
    return f"+OK max sessions: {switch.max_sessions}\n"


def _load(call: ApiCall) -> str:
    if not call.argument:
        return "-USAGE: <mod_name>\n"
    return "+OK Reloading XML\n-ERR [Module already loaded]\n"


def _unload(call: ApiCall) -> str:
    if not call.argument:
        return "-USAGE: [-f] <mod_name>\n"
    return "-ERR [Module is not unloadable]\n"


def _reload(call: ApiCall) -> str:
    name = call.argument
    if not name:
        return "-USAGE: [-f] <mod_name>\n"
    if name == "mod_event_socket":
        call.simulator.begin_reload()
    return "+OK Reloading XML\n+OK module unloaded\n+OK module loaded\n"


PROCESS_APIS: dict[str, Handler] = {
    "fsctl": later(_fsctl),
    "load": later(_load),
    "reload": later(_reload),
    "unload": later(_unload),
}
"""The commands of this module, by name."""
