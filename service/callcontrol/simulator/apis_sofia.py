"""The api command `sofia`: registrations and gateways of a profile."""

from callcontrol.simulator import gateways, registrar
from callcontrol.simulator.apis import ApiCall, Handler


async def _sofia(call: ApiCall) -> str:
    match call.argument.split():
        case ["profile", profile, *_] if profile not in call.switch.settings.profiles:
            return f"Invalid Profile [{profile}]"
        case ["profile", _, "flush_inbound_reg", *rest]:
            return _flush(call, rest[0] if rest else "")
        case ["profile", _, "register", name]:
            return _register(call, name)
        case ["profile", _, "killgw", name]:
            is_known = gateways.remove(call.switch, name)
            return "+OK gateway marked for deletion.\n" if is_known else "-ERR no such gateway.\n"
        case ["profile", _, "rescan"]:
            call.switch.tell("RELOADXML")
            gateways.rescan(call.switch)
            return "Reload XML [Success]\n+OK scan complete\n"
        case ["profile", _]:
            return "Invalid Args!\n"
        case ["profile", *_]:
            return "-ERR Unknown command!\n"
    return "USAGE:\n"


def _flush(call: ApiCall, address: str) -> str:
    for phone in tuple(call.switch.registered.values()):
        if address in ("", phone.address, phone.call_id):
            registrar.expire(call.switch, phone)
    which = " matching specified call_id" if address else ""
    return f"+OK flushing all registrations{which}\n"


def _register(call: ApiCall, name: str) -> str:
    gateway = call.switch.gateways.get(name)
    if gateway is None:
        return "Invalid gateway!\n"
    call.switch.tasks.start(gateways.register(call.switch, gateway), f"register {name}")
    return "+OK\n"


SOFIA_APIS: dict[str, Handler] = {"sofia": _sofia}
"""The commands of this module, by name."""
