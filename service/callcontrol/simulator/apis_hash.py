"""The table of mod_hash: `hash`, whose conditional commands are atomic, and `hash_dump`."""

from callcontrol.simulator.apis import ApiCall, Handler, later

_USAGE = "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n"
_OK = "+OK\n"
_NOT_FOUND = "-ERR Not found\n"


def _hash(call: ApiCall) -> str:
    """Realm and key are joined by `_`, so `a_b/c` and `a/b_c` are the same entry."""
    command, realm, key, value = [*call.argument.split("/", 3), "", "", "", ""][:4]
    table, name = call.switch.hash_table, f"{realm}_{key}"
    if not key:
        return _USAGE
    match command.lower():
        case "select":
            return table.get(name) or "-ERR no reply\n"
        case "delete":
            return _NOT_FOUND if table.pop(name, None) is None else _OK
        case "insert" | "insert_ifempty" | "delete_ifmatch" if not value:
            return _USAGE
        case "insert":
            table[name] = value
        case "insert_ifempty":
            if name in table:
                return "-ERR key already exists\n"
            table[name] = value
        case "delete_ifmatch":
            if name not in table:
                return _NOT_FOUND
            if table[name] != value:
                return "-ERR Doesn't match\n"
            del table[name]
        case _:
            return _USAGE
    return _OK


def _hash_dump(call: ApiCall) -> str:
    """Of the limits, the other thing that the switch shows, there are none here."""
    what, *realm = call.argument.split(" ")
    if what not in ("all", "limit", "db"):
        return "Usage: all|limit|db [<realm>]\n"
    if what == "limit":
        return "-ERR no reply\n"
    wanted = f"{realm[0]}_" if len(realm) == 1 else ""  # anywhere in a name, as in the switch
    table = call.switch.hash_table
    lines = [f"D/{name}/{value}\n" for name, value in table.items() if wanted in name]
    return "".join(lines) or "-ERR no reply\n"


HASH_APIS: dict[str, Handler] = {"hash": later(_hash), "hash_dump": later(_hash_dump)}
"""The commands of this module, by name."""
