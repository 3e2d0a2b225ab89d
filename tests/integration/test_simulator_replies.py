"""The simulator's replies, letter by letter, against every reply of these recordings.

Deliberate deviations: API commands that no service here needs are unknown (show-usage-errors and
events-api-misc are therefore not compared); times, counters and the text of `status` are its own.
"""

import re

import pytest
from tests.support import transcripts
from tests.support.switch_replay import connected, count_legs, count_replies, replay
from tests.support.wire_events import WireFrame, without_ids

from callcontrol.simulator import Simulator

CONNECTIONS = [
    (name, connection)
    for name in (
        "connection-auth-again",
        "connection-auth-empty-password",
        "connection-auth-ok",
        "connection-auth-wrong-password",
        "connection-command-before-auth",
        "connection-command-body",
        "connection-exit",
        "connection-line-endings",
        "connection-pipelined",
        "connection-pipelined-behind-auth",
        "connection-unknown-command",
        "connection-userauth-event-all-allowed",
        "connection-userauth-failures",
        "connection-userauth-ok",
        "connection-userauth-restricted",
        "events-filter",
        "events-filter-regex",
        "events-format-switch",
        "events-list-with-custom-plain",
        "events-log",
        "events-myevents-failures",
        "events-nixevent",
        "events-replies",
        "events-sendevent-plain",
        "show-uuid-errors",
    )
    for connection in transcripts.recording(name).connections
]
CALLS = [
    "call-audio-mute-plain",
    "call-bgapi-job-uuid-plain",
    "call-broadcast-plain",
    "call-forked-plain",
    "call-hold-plain",
    "call-record-plain",
    "call-transfer-blind-plain",
]


def replies(frames: list[WireFrame]) -> list[tuple[str, str]]:
    """Kind and text of each answer, without ids and times."""
    answers = [f for f in frames if f.kind in ("command/reply", "api/response")]
    return [(frame.kind, _lasting(frame.reply)) for frame in answers]


def _lasting(reply: str) -> str:
    if reply.startswith("UP "):
        return "UP"
    return re.sub(r"\bsip:\S+", "sip:<uri>", without_ids(reply))


@pytest.mark.parametrize(("name", "connection"), CONNECTIONS)
async def test_every_reply_on_the_connection(name: str, connection: str) -> None:
    replayed = await replay(name, connection=connection, progress=count_replies)

    assert replies(replayed.simulated) == replies(replayed.recorded)


@pytest.mark.parametrize("name", CALLS)
async def test_every_reply_about_calls(name: str) -> None:
    replayed = await replay(name, progress=count_legs)

    assert replies(replayed.simulated) == replies(replayed.recorded)


async def test_variables_are_read_back_as_on_a_switch() -> None:
    replayed = await replay("call-variables-plain", progress=count_legs)
    pairs = zip(replies(replayed.simulated), replies(replayed.recorded), strict=True)
    different = [there for here, there in pairs if here != there]

    # ${url_decode(…)} is an API call in an expansion, which is switched off here, and the dump
    # shows the variable that it would have set
    assert [text[:14] for _, text in different][:1] == ["one\ntwo\n\nfour"]
    assert all(text.startswith(("Event-Name", '{"Event-Name')) for _, text in different[1:])


async def test_an_empty_switch_shows_nothing_in_every_format() -> None:
    replayed = await replay("show-channels-0-1-3", 65, progress=count_legs)

    assert replies(replayed.simulated) == replies(replayed.recorded)


async def test_rows_of_channels_have_the_columns_of_a_switch() -> None:
    recorded = transcripts.recording("show-channels-0-1-3").stream("", from_switch=True)
    wanted = re.search(rb"\n(uuid,direction,created[^\n]*initial_context)\n", recorded)
    calls = re.search(rb"\n(uuid,direction,created[^\n]*call_created_epoch)\n", recorded)

    async with Simulator() as simulator, connected(simulator.port) as client:
        client.writer.write(b"auth ClueCon\n\napi originate null/x &park\n\n")
        client.writer.write(b"api show channels\n\napi show calls\n\n")
        await client.has(replies=4)
        shown = [reply for _, reply in replies(client.frames)]

    assert wanted is not None
    assert calls is not None
    assert shown[2].startswith(wanted[1].decode() + "\n")
    assert shown[3].startswith(calls[1].decode() + "\n")
    assert shown[2].endswith("\n\n1 total.\n")
