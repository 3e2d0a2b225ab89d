"""How an operator writes where something is: `host:port`, `[v6]:port`, `name=host:port`."""

from ipaddress import ip_address
from typing import Final

SWITCH_PORT: Final = 8021


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises ValueError that says what is wanted."""
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare and bare == host) or not _is_port(port):
        raise ValueError(f"must be host:port, for example 127.0.0.1:50051, and is {address!r}")
    return bare, int(port)


def split_node(text: str) -> dict[str, str | int]:
    """Name, host and port of `name=host[:port]`. Raises ValueError that says what is wanted."""
    name, equals, address = text.strip().partition("=")
    if not equals or not name or not address:
        raise ValueError(
            f"must be name=host:port, for example fs1=127.0.0.1:8021, and has {text!r}"
        )
    bare = address.removeprefix("[").removesuffix("]")
    if ":" not in address or (address.startswith("[") and address.endswith("]")):
        return {"name": name, "host": bare, "port": SWITCH_PORT}
    host, port = split_address(address)
    return {"name": name, "host": host, "port": port}


def is_loopback(host: str) -> bool:
    """Whether what is sent to that host stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535
