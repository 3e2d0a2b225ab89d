"""The commands of the event socket, told apart and obeyed as mod_event_socket does it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from callcontrol.esl.command_reader import CommandPacket, header_lines, split_lines
from callcontrol.esl.serialize import api_frame
from callcontrol.simulator import private_commands, session_commands
from callcontrol.simulator.apis import run_api
from callcontrol.simulator.channel import says_yes
from callcontrol.simulator.directory import read_credentials
from callcontrol.simulator.events import EVENT_NAMES, CoreEvent, Header
from callcontrol.simulator.private_commands import PrivateCommand
from callcontrol.simulator.request import NOT_FOUND, Request, reply

if TYPE_CHECKING:
    from callcontrol.simulator.connection import Connection

DENIED = "-ERR permission denied"
_LEVELS = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")
_META_APIS = ("bgapi", "sched_api", "eval", "expand", "xml_wrap")


Obey = Callable[["Connection", Request], Awaitable[None]]


async def obey(connection: "Connection", packet: CommandPacket) -> None:
    """Do what one packet asks, and answer it."""
    lines = split_lines(packet.block)
    line = _text(lines[0]) if lines else ""
    headers = tuple((_text(name), _text(value)) for name, value in header_lines(packet.block))
    request = Request(line, headers, _text(packet.body))
    lowered = line.lower()
    if lowered.startswith(("exit", "...")):
        connection.drop_queued_events()
        reply(connection, "+OK bye")
        connection.is_over = True
        return
    if not connection.is_logged_in:
        _log_in(connection, request, lowered)
        return
    whole = packet.block.decode("utf-8", "replace").lower()
    if "mod_event_socket" in whole and ("reload" in whole or "unload" in whole):
        verb = "unload" if "unload" in whole else "reload"
        await _api(connection, Request(f"api bgapi {verb} mod_event_socket", (), ""))
        return
    commands = [*_FOR_ALL, *_WITH_FULL] if connection.is_full else _FOR_ALL
    for prefix, needs_session, command in commands:
        if lowered.startswith(prefix) and (connection.leg is not None or not needs_session):
            await command(connection, request)
            return
    reply(connection, NOT_FOUND)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _log_in(connection: "Connection", request: Request, lowered: str) -> None:
    simulator = connection.simulator
    if lowered.startswith("auth "):
        if request.line[5:] == simulator.password:
            connection.is_logged_in = True
            reply(connection, "+OK accepted")
            return
    elif lowered.startswith("userauth "):
        name, password = read_credentials(request.line[9:])
        user = simulator.users.get(name)
        if user is not None and user.password and user.password == password:
            connection.is_logged_in, connection.user = True, user
            connection.subscription.allowed = user.events()
            reply(connection, "+OK accepted", tuple(user.reply_headers()))
            return
    else:
        reply(connection, NOT_FOUND)
        return
    reply(connection, "-ERR invalid")
    connection.is_over = True


# Commands that everybody may give


async def _filter(connection: "Connection", request: Request) -> None:
    reply(connection, connection.subscription.filter(request.rest))


async def _sendmsg(connection: "Connection", request: Request) -> None:
    call_id = request.rest.strip() or request.get("session-id")
    own = connection.leg
    is_own = own is not None and call_id in ("", own.channel.call_id)
    leg = own if is_own else connection.simulator.switch.locate(call_id)
    if leg is None:
        reply(connection, f"-ERR invalid session id [{call_id}]")
        return
    command = PrivateCommand((("Command", request.line), *request.headers), request.body)
    if is_own and not (connection.is_async or says_yes(request.get("async"))):
        await private_commands.perform(leg, command)
        reply(connection, "+OK")
    else:
        reply(connection, "+OK" if leg.queue(command) else "-ERR memory error")


async def _sendevent(connection: "Connection", request: Request) -> None:
    switch, event_id = connection.simulator.switch, str(uuid4())
    given = request.rest.strip().upper()
    name = given if given in EVENT_NAMES else "CUSTOM"
    subclass = request.get("event-subclass") if given == "CUSTOM" else ""
    headers: list[Header] = [("Event-Subclass", subclass)] if subclass else []
    headers.append(("Command", request.line))
    headers += [h for h in request.headers if not subclass or h[0].lower() != "event-subclass"]
    headers.append(("Event-UUID", event_id))
    headers += switch.core_headers(name, ("mod_event_socket.c", "parse_command", 2275))
    if subclass:
        switch.subclasses.add(subclass)
    if switch.locate(request.get("unique-id")) is None:
        switch.fire(CoreEvent(name, headers, request.body or None, subclass))
    reply(connection, f"+OK {event_id}")


def _may_run(connection: "Connection", text: str) -> bool:
    """Whether the user may run this; commands that run others are asked for both."""
    allowed = connection.user.apis() if connection.user is not None else None
    if allowed is None:
        return True
    name, _, rest = text.partition(" ")
    if name not in allowed:
        return False
    return name not in _META_APIS or _may_run(connection, rest)


async def _api(connection: "Connection", request: Request) -> None:
    text = request.line[4:]
    if not _may_run(connection, text):
        reply(connection, DENIED)
        return
    output = await run_api(connection.simulator, text)
    connection.write(api_frame(connection.simulator.faults.enlarged(output)))


async def _bgapi(connection: "Connection", request: Request) -> None:
    text = request.line[6:].strip()
    if not _may_run(connection, text):
        reply(connection, DENIED)
        return
    job_id = request.get("job-uuid") or str(uuid4())
    reply(connection, f"+OK Job-UUID: {job_id}", (("Job-UUID", job_id),))
    owner_id = connection.leg.channel.call_id if connection.leg is not None else ""
    task = connection.simulator.start_job(text, job_id, owner_id)
    connection.jobs.add(task)
    task.add_done_callback(connection.jobs.discard)


async def _log(connection: "Connection", request: Request) -> None:
    if connection.user is not None and not connection.user.may_log:
        reply(connection, DENIED)
        return
    _, separator, word = request.line.partition(" ")
    word = word.strip().partition(" ")[0]
    is_number = word.lstrip("-").isdigit()
    if not separator and len(request.line) > 3:
        reply(connection, "-ERR invalid log level")
    elif word.lower() in _LEVELS or is_number or not word:
        level = 7
        if word:
            level = min(max(int(word), 0), 63) if is_number else _LEVELS.index(word.lower())
        connection.log_level = level
        reply(connection, f"+OK log level {word} [{level}]")
    else:
        reply(connection, "-ERR invalid log level")


async def _nolog(connection: "Connection", _: Request) -> None:
    was, connection.log_level = connection.log_level, None
    reply(connection, "-ERR not loging" if was is None else "+OK no longer logging")


async def _event(connection: "Connection", request: Request) -> None:
    reply(connection, connection.subscription.event(request.rest))


async def _nixevent(connection: "Connection", request: Request) -> None:
    known = connection.simulator.switch.subclasses
    reply(connection, connection.subscription.nixevent(request.rest, known))


async def _noevents(connection: "Connection", _: Request) -> None:
    text = connection.subscription.noevents()
    if text.startswith("+OK"):
        connection.drop_queued_events()
    reply(connection, text)


_FOR_ALL: list[tuple[str, bool, Obey]] = [
    ("filter ", False, _filter),
    ("resume", True, session_commands.resume),
    ("connect", True, session_commands.connect),
    ("getvar", True, session_commands.getvar),
    ("myevents", True, session_commands.myevents),
    ("myevents ", False, session_commands.myevents),
    ("divert_events", False, session_commands.divert),
    ("sendmsg", False, _sendmsg),
]
"""Beginnings of lines in the order in which they are tried, and whether they need a session."""

_WITH_FULL: list[tuple[str, bool, Obey]] = [
    ("sendevent", False, _sendevent),
    ("api ", False, _api),
    ("bgapi ", False, _bgapi),
    ("log", False, _log),
    ("linger", False, session_commands.linger),
    ("nolinger", False, session_commands.nolinger),
    ("nolog", False, _nolog),
    ("event", False, _event),
    ("nixevent", False, _nixevent),
    ("noevents", False, _noevents),
]
"""The same, of commands that a socket in outbound mode has only with `full`."""
