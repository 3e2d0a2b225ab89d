"""API commands on the process: fsctl, and loading of modules."""

from callcontrol.simulator.apis import ApiCall, Handler, later

_FSCTL_USAGE = (
    "-USAGE: [api_expansion [on|off]|recover|send_sighup|hupall|pause [inbound|outbound]|resume "
    "[inbound|outbound]|shutdown [cancel|elegant|asap|now|restart]|sps|sps_peak_reset|sync_clock|"
    "sync_clock_when_idle|reclaim_mem|max_sessions|min_dtmf_duration [num]|max_dtmf_duration "
    "[num]|default_dtmf_duration [num]|min_idle_cpu|loglevel|debug_level|mdns_resolve "
    "[enable|disable]]\n"
)


def _fsctl(call: ApiCall) -> str:
    words = call.argument.split()
    switch = call.switch
    match words:
        case []:
            return _FSCTL_USAGE
        case ["pause", *_]:
            switch.is_paused = True
            return "+OK\n"
        case ["resume", *_]:
            switch.is_paused = False
            return "+OK\n"
        case ["pause_check", *_]:
            return "true" if switch.is_paused else "false"
        case ["ready_check"]:
            return "false" if switch.is_paused else "true"
        case ["shutdown_check"]:
            return "false"
        case ["shutdown", "cancel"]:
            return "+OK\n"
        case ["shutdown", *_]:
            call.simulator.begin_shutdown()
            return "+OK\n"
        case ["sps"]:
            return f"+OK sessions per second: {switch.settings.sessions_per_second}\n"
        case ["last_sps"]:
            return "+OK last sessions per second: 0\n"
        case ["max_sessions"]:
            return f"+OK max sessions: {switch.settings.max_sessions}\n"
        case ["loglevel"]:
            return "+OK log level: DISABLE [-1]\n"
        case ["min_idle_cpu"]:
            return "+OK min idle cpu: DISABLED\n"
        case ["sync_clock"]:
            return "+OK clock synchronized\n"
        case ["hupall", *_]:
            for leg in switch.live_legs():
                leg.hang_up("MANAGER_REQUEST")
            return "+OK\n"
        case ["send_sighup" | "reclaim_mem" | "recover"]:
            return "+OK\n"
    return "-ERR Invalid command\n" + _FSCTL_USAGE.replace("-USAGE: ", "USAGE: fsctl ")


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
