"""The commands of a connection that belongs to a call: linger, getvar, connect and the like."""

import re
from math import inf
from typing import TYPE_CHECKING

from callcontrol.esl.serialize import connect_frame
from callcontrol.simulator.headers import channel_headers, profile_headers
from callcontrol.simulator.request import Request, reply

if TYPE_CHECKING:
    from callcontrol.simulator.connection import Connection


async def myevents(connection: "Connection", request: Request) -> None:
    """Attach the connection to a call, unless it belongs to one, and get its events only."""
    subscription = connection.subscription
    if subscription.is_session_only:
        reply(connection, "-ERR aready enabled.")
        return
    if connection.leg is None:
        call_id, separator, _ = request.rest.partition(" ")
        leg = connection.simulator.switch.locate(call_id)
        if leg is not None:
            connection.attach(leg)
        elif separator:
            reply(connection, "-ERR invalid uuid")
            return
    subscription.myevents(connection.leg.channel.call_id if connection.leg is not None else "")
    form = re.search("json|JSON|xml|XML", request.line)
    if form is not None:
        subscription.form = form[0].lower()
    reply(connection, "+OK Events Enabled")


async def divert(connection: "Connection", request: Request) -> None:
    """Accepted, and without effect: nothing here is queued to the session itself."""
    word = request.rest.strip().lower()
    if connection.leg is None:
        reply(connection, "-ERR not controlling a session.")
    elif not word:
        reply(connection, "-ERR missing value.")
    else:
        reply(connection, f"+OK events {'' if word == 'on' else 'not '}diverted")


async def linger(connection: "Connection", request: Request) -> None:
    """Stay after the end of the call."""
    if connection.leg is None:
        reply(connection, "-ERR not controlling a session")
        return
    if not request.rest:
        connection.linger_s = inf
        reply(connection, "+OK will linger")
        return
    written = re.match(r"\s*\d+", request.rest)
    seconds = int(written[0]) if written else 0
    connection.linger_s = seconds
    reply(connection, f"+OK will linger {seconds} seconds")


async def nolinger(connection: "Connection", _: Request) -> None:
    """Take `linger` back."""
    if connection.leg is None:
        reply(connection, "-ERR not controlling a session")
        return
    connection.linger_s = None
    reply(connection, "+OK will not linger")


async def resume(connection: "Connection", _: Request) -> None:
    """Let the dialplan go on when the connection ends."""
    connection.session.channel.set("socket_resume", "true")
    reply(connection, "+OK")


async def getvar(connection: "Connection", request: Request) -> None:
    """Tell a variable of the call; an unset one answers like an unknown command."""
    reply(connection, connection.session.channel.look_up(request.rest.strip()))


async def connect(connection: "Connection", _: Request) -> None:
    """Tell the call's data, as a header block."""
    switch, channel = connection.simulator.switch, connection.session.channel
    headers = switch.core_headers("CHANNEL_DATA", ("mod_event_socket.c", "parse_command", 2021))
    headers += profile_headers("Channel-", channel)
    headers += channel_headers("CHANNEL_DATA", channel)
    socket_mode = "async" if connection.is_async else "static"
    control = "full" if connection.is_full else "single-channel"
    connection.write(connect_frame(headers, socket_mode, control))
    connection.has_connected()
