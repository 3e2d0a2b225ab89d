"""Why an address cannot be listened on, told by the setting that names it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from callcontrol.addresses import split_address


@contextmanager
def told_by(setting: str, address: str) -> Iterator[None]:
    """An OSError from within names the setting, the address and the reason."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{setting}: cannot listen on {address}: {_reason(error)}") from error


def try_to_bind(address: str) -> None:
    """Raises the OSError that keeps one from binding `host:port`, if there is one now.

    For libraries that fail without a reason; a Unix socket's is not looked for.
    """
    if address.startswith("unix:"):
        raise OSError("the socket cannot be made")
    host, port = split_address(address)
    for family, kind, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen()
    raise OSError("it could not be had, and now it can")


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno).lower()
