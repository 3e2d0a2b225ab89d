"""The table of mod_hash as a fake: what `hash` and `hash_dump` answer."""


class HashTable:
    """The memory of mod_hash, with its words (mod_hash.c hash_api_function)."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def answer(self, arguments: str) -> str:
        command, realm, key, *rest = arguments.split("/")
        place = f"{realm}_{key}"
        match command, rest:
            case "insert", [value]:
                self.values[place] = value
            case "insert_ifempty", [value]:
                if place in self.values:
                    return "-ERR key already exists\n"
                self.values[place] = value
            case "delete_ifmatch", [value]:
                if place not in self.values:
                    return "-ERR Not found\n"
                if self.values[place] != value:
                    return "-ERR Doesn't match\n"
                del self.values[place]
            case "select", []:
                return self.values.get(place, "-ERR no reply\n")
            case _:
                return "-ERR Usage: hash [insert|delete|select]/<realm>/<key>/<value>\n"
        return "+OK\n"

    def dump(self, arguments: str) -> str:
        wanted = arguments.removeprefix("db ") + "_"
        lines = [f"D/{place}/{value}\n" for place, value in self.values.items() if wanted in place]
        return "".join(lines) or "-ERR no reply\n"
