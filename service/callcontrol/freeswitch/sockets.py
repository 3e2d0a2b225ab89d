"""Options of a link's socket: send at once, and notice a peer that has gone without a word."""

import socket

from callcontrol.freeswitch.settings import LinkTimings


def set_socket_options(sock: socket.socket, timings: LinkTimings) -> None:
    """Raises OSError if the socket is closed already; an option this system lacks is left out.

    The switch sets only NODELAY on its side, so a peer that has gone is for us to notice
    (mod_event_socket.c, listener_run).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", timings.keepalive_idle_s),
        ("TCP_KEEPINTVL", timings.keepalive_interval_s),
        ("TCP_KEEPCNT", timings.keepalive_probes),
        ("TCP_USER_TIMEOUT", round(timings.user_timeout_s * 1_000)),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
