"""HEARTBEAT, every twenty seconds, and the RE_SCHEDULE beside it."""

from callcontrol.simulator.apis_system import uptime_text
from callcontrol.simulator.events import Header
from callcontrol.simulator.switch import VERSION, Switch


async def beat(switch: Switch) -> None:
    """Tell the load until cancelled; silent while `has_heartbeat` is off."""
    while True:
        await switch.clock.sleep(switch.settings.heartbeat_interval_s)
        if switch.has_heartbeat:
            tell_heartbeat(switch)


def tell_heartbeat(switch: Switch) -> None:
    """Tell the load now."""
    uptime_us, counters = switch.clock.now_us() - switch.started_us, switch.counters
    headers: list[Header] = [
        ("Event-Info", "System Ready"),
        ("Up-Time", uptime_text(uptime_us)),
        ("FreeSWITCH-Version", VERSION),
        ("Uptime-msec", str(uptime_us // 1000)),
        ("Session-Count", str(len(switch.legs))),
        ("Max-Sessions", str(switch.max_sessions)),
        ("Session-Per-Sec", str(switch.sessions_per_second)),
        ("Session-Per-Sec-Last", str(counters.this_second)),
        ("Session-Per-Sec-Max", str(counters.peak_per_second)),
        ("Session-Per-Sec-FiveMin", str(counters.peak_per_second)),
        ("Session-Since-Startup", str(counters.since_startup)),
        ("Session-Peak-Max", str(counters.peak)),
        ("Session-Peak-FiveMin", str(counters.peak)),
        ("Idle-CPU", "99.000000"),
    ]
    switch.tell("HEARTBEAT", headers)
    again = int(switch.clock.now_s() + switch.settings.heartbeat_interval_s)
    tasks = [("Task-ID", "1"), ("Task-Desc", "heartbeat"), ("Task-Group", "core")]
    switch.tell("RE_SCHEDULE", [*tasks, ("Task-Runtime", str(again))])
