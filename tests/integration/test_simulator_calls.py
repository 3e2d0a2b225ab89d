"""The simulator's calls against the recordings: which events, in which order, with which headers.

Deliberate deviations, all visible here:
- Only legs of this switch exist: the far end of a SIP call is a script, so the events of the
  recorded far legs, and what their SIP stack caused (RECV_INFO, sofia::reinvite), have no partner.
- `answer` and the like are named by the dialplan of tests/freeswitch, whose expressions catch
  nothing: DP_MATCH is missing where the recorded dialplan had it.
- How long an extension sleeps differs: tests/freeswitch says it, not the recorded dialplan.
- Events of different legs may interleave otherwise; within a leg the order is the recorded one.
"""

import pytest
from tests.support import transcripts
from tests.support.switch_replay import Replayed, is_compared, legs, replay, subscribed
from tests.support.wire_events import WireFrame, split_frames

from callcontrol.simulator import Simulator

TOLD = (
    "Event-Name",
    "Channel-State",
    "Channel-State-Number",
    "Channel-Call-State",
    "Answer-State",
    "Call-Direction",
    "Hangup-Cause",
    "Application",
    "Application-Data",
    "Application-Response",
    "Playback-Status",
    "Playback-File-Path",
    "DTMF-Digit",
    "DTMF-Source",
    "Record-File-Path",
    "Record-Completion-Cause",
    "Other-Type",
    "variable_hangup_cause_q850",
)
"""The headers whose values tell what happened."""
UNCAUGHT = frozenset({"variable_DP_MATCH"})


def told(frame: WireFrame) -> tuple[str, ...]:
    """What an event tells, without ids and without the times that a dialplan sleeps."""
    values = [frame.get(name) for name in TOLD]
    if frame.get("Application") in ("uuid_bridge", "sleep"):
        values[TOLD.index("Application-Data")] = "..."
    return tuple(values)


def assert_same_events(replayed: Replayed) -> None:
    for recorded, simulated in replayed.pairs:
        assert [told(frame) for frame in simulated] == [told(frame) for frame in recorded]


def assert_same_header_names(replayed: Replayed) -> None:
    for recorded, simulated in replayed.pairs:
        for there, here in zip(recorded, simulated, strict=True):
            wanted = [name for name in there.names if name not in UNCAUGHT]
            assert here.names == wanted, told(there)


def count_sip_events(frames: list[WireFrame]) -> int:
    return sum(is_compared(f) and f.get("Channel-Name").startswith("sofia/") for f in frames)


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize("endpoint", ["loopback", "sofia"])
async def test_a_call_is_parked_and_killed(endpoint: str, form: str) -> None:
    replayed = await replay(f"call-originate-park-kill-{endpoint}-{form}")

    assert_same_events(replayed)
    assert_same_header_names(replayed)


@pytest.mark.parametrize("form", ["plain", "json"])
async def test_busy(form: str) -> None:
    replayed = await replay(f"call-busy-{form}")

    assert_same_events(replayed)
    assert_same_header_names(replayed)


async def test_nobody_answers_in_time() -> None:
    replayed = await replay("call-no-answer-plain")

    assert_same_events(replayed)
    assert_same_header_names(replayed)


async def test_a_sip_call_rings_and_is_answered() -> None:
    # the loopback call before it ends in another application here
    replayed = await replay("call-ringing-then-answer-plain", progress=count_sip_events)
    recorded, simulated = replayed.pairs[-1]

    assert recorded[0].get("Channel-Name").startswith("sofia/internal/ring-answer@")
    assert [told(frame) for frame in simulated] == [told(frame) for frame in recorded]


async def test_early_media() -> None:
    assert_same_events(await replay("call-early-media-plain"))


async def test_hold_and_unhold_of_a_bridged_leg() -> None:
    assert_same_events(await replay("call-hold-plain"))


async def test_two_parked_legs_are_bridged_and_one_is_killed() -> None:
    assert_same_events(await replay("call-uuid-bridge-plain"))


async def test_transfers_of_a_parked_leg() -> None:
    replayed = await replay("call-transfer-blind-plain", 13)

    assert_same_events(replayed)


async def test_the_first_leg_of_a_bridge_is_transferred() -> None:
    recording = "call-transfer-blind-plain"
    replayed = await replay(recording, 21)
    recorded, simulated = replayed.pairs[1]

    assert [told(frame) for frame in simulated] == [told(frame) for frame in recorded]


async def test_broadcasts_and_breaks() -> None:
    assert_same_events(await replay("call-broadcast-plain", time_scale=0.2))


async def test_executes_with_locks_loops_and_ids() -> None:
    replayed = await replay("events-sendmsg-plain", time_scale=0.2)

    assert_same_events(replayed)
    assert_same_header_names(replayed)


async def test_an_execute_inside_a_playback_and_a_break() -> None:
    assert_same_events(await replay("events-sendmsg-during-playback-plain", time_scale=0.2))


async def test_an_unknown_application_ends_the_call() -> None:
    replayed = await replay("events-sendmsg-unknown-app-plain")

    assert_same_events(replayed)
    assert_same_header_names(replayed)


async def test_a_new_list_of_applications() -> None:
    assert_same_events(await replay("events-sendmsg-xferext-plain"))


async def test_recordings_start_and_stop() -> None:
    assert_same_events(await replay("call-record-plain", time_scale=0.2))


async def test_digits_over_a_loopback_pair() -> None:
    replayed = await replay("call-dtmf-ignored-loopback-plain")

    assert_same_events(replayed)
    assert_same_header_names(replayed)


@pytest.mark.parametrize(
    ("recording", "extension"),
    [("call-sip-inbound-plain", "park"), ("call-sip-inbound-cancel-plain", "ring")],
)
async def test_a_sip_call_from_outside(recording: str, extension: str) -> None:
    stream = transcripts.recording(recording).stream("", from_switch=True)
    (recorded,) = legs(list(split_frames(stream))).values()
    async with Simulator(time_scale=0.05) as simulator, subscribed(simulator.port) as client:
        caller = simulator.call_in(to=extension, from_="5551234")
        end = next(i for i, frame in enumerate(recorded) if frame.get("Hangup-Cause"))
        await client.has(events=end)
        caller.hangs_up()
        await client.has(events=len(recorded))
        (simulated,) = legs(client.frames).values()

    assert [told(frame) for frame in simulated] == [told(frame) for frame in recorded]
