"""API commands on the switch itself, and those that wait: originate, msleep, bgapi."""

import hashlib
from urllib.parse import unquote
from uuid import uuid4

from callcontrol.esl.serialize import encode_value_plain
from callcontrol.simulator.apis import ApiCall, Handler, PlainHandler, later, run_api
from callcontrol.simulator.applications import expand
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import Channel, Kind, Profile, Times
from callcontrol.simulator.originate import originate
from callcontrol.simulator.switch import VERSION, VERSION_TEXT


async def _originate(call: ApiCall) -> str:
    return await originate(call.switch, call.argument)


async def _msleep(call: ApiCall) -> str:
    await call.switch.clock.sleep(int(call.argument or 0) / 1000)
    return "+OK"


async def _bgapi(call: ApiCall) -> str:
    if not call.argument:
        return "-ERR Invalid syntax\n"
    job_id = str(uuid4())
    call.simulator.start_job(call.argument, job_id)
    return f"+OK Job-UUID: {job_id}\n"


def uptime_text(uptime_us: int) -> str:
    """A time span like `0 years, 0 days, …, 64 microseconds`."""
    seconds, us = divmod(uptime_us, 1_000_000)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    years, d = divmod(days, 365)
    parts = [(years, "year"), (d, "day"), (h, "hour"), (m, "minute"), (s, "second")]
    parts += [(us // 1000, "millisecond"), (us % 1000, "microsecond")]
    return ", ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts)


def _status(call: ApiCall) -> str:
    switch, counters = call.switch, call.switch.counters
    return (
        f"UP {uptime_text(switch.clock.now_us() - switch.started_us)}\n"
        f"FreeSWITCH (Version {VERSION.partition('+')[0]} {VERSION_TEXT.strip('()')}) is ready\n"
        f"{counters.since_startup} session(s) since startup\n"
        f"{len(switch.legs)} session(s) - peak {counters.peak}, last 5min {counters.peak} \n"
        f"0 session(s) per Sec out of max {switch.sessions_per_second}, "
        f"peak {counters.peak_per_second}, last 5min {counters.peak_per_second} \n"
        f"{switch.max_sessions} session(s) max\n"
        "min idle cpu 0.00/99.00\n"
        "Current Stack Size/Max 240K/8192K\n"
    )


def _version(call: ApiCall) -> str:
    if call.argument == "short":
        return VERSION.partition("+")[0] + "\n"
    return f"FreeSWITCH Version {VERSION} {VERSION_TEXT}\n"


_UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_LONG_UNITS = {
    "microseconds": "us",
    "milliseconds": "ms",
    "seconds": "s",
    "minutes": "m",
    "hours": "h",
    "days": "d",
}


def _uptime(call: ApiCall) -> str:
    unit = _UNITS_US.get(_LONG_UNITS.get(call.argument or "s", call.argument or "s"))
    if unit is None:
        return "-USAGE: [us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]\n"
    return f"{(call.switch.clock.now_us() - call.switch.started_us) // unit}\n"


def _hostname(call: ApiCall) -> str:
    return call.switch.settings.hostname


def _global_getvar(call: ApiCall) -> str:
    variables = call.switch.global_variables
    if call.argument:
        return variables.get(call.argument, "")
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def _global_setvar(call: ApiCall) -> str:
    name, separator, value = call.argument.partition("=")
    if not call.argument:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    if separator:
        call.switch.global_variables[name.strip()] = value
    return "+OK"


def _hupall(call: ApiCall) -> str:
    cause_text, _, rest = call.argument.partition(" ")
    cause = cause_named(cause_text) if cause_text else "MANAGER_REQUEST"
    name, _, value = rest.partition(" ")
    for leg in call.switch.live_legs():
        if not (name and value) or leg.channel.get(name) == value:
            leg.hang_up(cause)
    if name and value:
        return f"+OK hangup all channels matching [{name}]=[{value}] with cause: {cause}\n"
    return f"+OK hangup all channels with cause {cause}\n"


def _expand(call: ApiCall) -> str:
    nobody = Channel("", Kind.NULL, "", Profile(), Times())
    return expand(call.argument, nobody, call.switch)


async def _expand_api(call: ApiCall) -> str:
    return await run_api(call.simulator, _expand(call)) if call.argument else "-ERR No input\n"


def _module_exists(call: ApiCall) -> str:
    if not call.argument:
        return ""
    known = ("event_socket", "commands", "dptools", "sofia", "loopback", "conference")
    return "true" if call.argument.removeprefix("mod_") in known else "false"


def _sofia_contact(call: ApiCall) -> str:
    user = call.argument.partition("@")[0]
    if call.switch.scenarios.find(user) is None or user in call.switch.settings.users:
        return "error/user_not_registered"
    return f"sofia/internal/sip:{call.argument}"


def _md5(call: ApiCall) -> str:
    if not call.argument:
        return "!err!"
    return hashlib.md5(call.argument.encode(), usedforsecurity=False).hexdigest()


def _reloadxml(call: ApiCall) -> str:
    call.switch.tell("RELOADXML")
    return "+OK [Success]\n"


_PLAIN: dict[str, PlainHandler] = {
    "create_uuid": lambda _: str(uuid4()),
    "echo": lambda call: call.argument,
    "eval": _expand,
    "global_getvar": _global_getvar,
    "global_setvar": _global_setvar,
    "hostname": _hostname,
    "hupall": _hupall,
    "log": lambda _: "+OK\n",
    "md5": _md5,
    "module_exists": _module_exists,
    "reloadacl": lambda _: "+OK acl reloaded\n",
    "reloadxml": _reloadxml,
    "sofia_contact": _sofia_contact,
    "status": _status,
    "strepoch": lambda call: str(call.switch.clock.now_us() // 1_000_000),
    "switchname": _hostname,
    "uptime": _uptime,
    "url_decode": lambda call: unquote(call.argument),
    "url_encode": lambda call: encode_value_plain(call.argument) if call.argument else "",
    "version": _version,
}
SYSTEM_APIS: dict[str, Handler] = {
    **{name: later(handler) for name, handler in _PLAIN.items()},
    "bgapi": _bgapi,
    "expand": _expand_api,
    "msleep": _msleep,
    "originate": _originate,
}
"""The commands of this module, by name."""
