"""The commands of a connection that belongs to a call: linger, getvar, connect and the like."""

from math import inf
from typing import TYPE_CHECKING

from callcontrol.esl.serialize import connect_frame
from callcontrol.simulator.headers import channel_headers
from callcontrol.simulator.request import Request, reply

if TYPE_CHECKING:
    from callcontrol.simulator.connection import Connection


async def myevents(connection: "Connection", request: Request) -> None:
    """Attach the connection to a call, and get its events only."""
    call_id, separator, form = request.rest.strip().partition(" ")
    subscription = connection.subscription
    if subscription.is_session_only:
        reply(connection, "-ERR aready enabled.")
        return
    leg = connection.simulator.switch.locate(call_id) if call_id else connection.leg
    if leg is None and separator and form:
        reply(connection, "-ERR invalid uuid")
        return
    if leg is not None and connection.leg is None:
        connection.attach(leg)
    subscription.myevents(leg.channel.call_id if leg is not None else "")
    reply(connection, "+OK Events Enabled")


async def divert(connection: "Connection", request: Request) -> None:
    """Accepted, and without effect: nothing here is queued to the session itself."""
    if connection.leg is None:
        reply(connection, "-ERR not controlling a session.")
    elif request.rest.startswith("on"):
        reply(connection, "+OK events diverted")
    elif request.rest.startswith("off"):
        reply(connection, "+OK events not diverted")
    else:
        reply(connection, "-ERR missing value.")


async def linger(connection: "Connection", request: Request) -> None:
    """Stay after the end of the call."""
    if connection.leg is None:
        reply(connection, "-ERR not controlling a session")
        return
    seconds = request.rest.strip()
    connection.linger_s = float(seconds) if seconds.isdigit() else inf
    text = f" {int(seconds)} seconds" if seconds.isdigit() else ""
    reply(connection, f"+OK will linger{text}")


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
    reply(connection, connection.session.channel.get(request.rest.strip()))


async def connect(connection: "Connection", _: Request) -> None:
    """Tell the call's data, as a header block."""
    switch = connection.simulator.switch
    headers = switch.core_headers("CHANNEL_DATA")
    headers += channel_headers("CHANNEL_DATA", connection.session.channel)
    connection.write(connect_frame(headers, "async", "full"))
