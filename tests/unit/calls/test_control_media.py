"""Play, stop, mute, digits and variables: what is sent, and what proves it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.call_node import FIRST, A, B, Desk, dump

from callcontrol.calls.requests import (
    Leg,
    MediaDirection,
    MediaSource,
    PlaySpec,
    SilenceSource,
    ToneSource,
    UriSource,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallControlError,
    CallHasEnded,
    CallStateConflict,
    CommandQueueFull,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId, OperationId

P = OperationId("99999999-0000-4000-8000-000000000009")
Q = OperationId("88888888-0000-4000-8000-000000000008")
TONE = ToneSource("%(300,0,440)")
OPERATOR = ControlSettings(
    confirm_timeout_s=0.01,
    media_roots=("/srv/sounds", "/srv/more/"),
    media_prefixes=("https://media.example.org/prompts", "local_stream://"),
)
MUTED = (
    "<media-bugs>\n <media-bug>\n  <function>audio</function>\n  <target>mute</target>\n"
    "  <thread-locked>0</thread-locked>\n </media-bug>\n</media-bugs>\n"
)
SILENT = "<media-bugs>\n</media-bugs>\n"
NOT_SENT = [
    NodeUnavailable(FIRST, "the last command link was lost", 1.0),
    CommandQueueFull(FIRST, 1_000, 1.0),
]
"""What a node raises when nothing was sent."""


def one_after_the_other(*answers: str | Exception) -> Callable[[str], str]:
    """Each answer once, in this order."""
    coming = iter(answers)

    def answer(_: str) -> str:
        given = next(coming)
        if isinstance(given, Exception):
            raise given
        return given

    return answer


def play(*sources: MediaSource, leg: Leg = Leg.A, repeat: int = 0) -> PlaySpec:
    return PlaySpec(call_id=A, sources=sources, leg=leg, repeat=repeat, playback_id=P)


def begins(desk: Desk, call_id: CallId = A, playback_id: str = P) -> None:
    desk.happen("CHANNEL_EXECUTE", call_id, Application="playback", Application_UUID=playback_id)
    desk.happen("PLAYBACK_START", call_id, Playback_File_Path="x")


def finishes(desk: Desk, response: str, call_id: CallId = A, playback_id: str = P) -> None:
    desk.happen(
        "CHANNEL_EXECUTE_COMPLETE",
        call_id,
        Application="playback",
        Application_UUID=playback_id,
        Application_Response=response,
    )


async def test_a_playback_is_confirmed_when_it_begins() -> None:
    desk = Desk()
    desk.parked(A)
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(desk.control.play(play(TONE)))
        await desk.node.arrivals.get()
        begins(desk)
    assert playing.result().confirmed
    assert playing.result().playback_id == P
    (sent,) = desk.node.sent
    assert sent.split(" | ") == [
        f"sendmsg {A}",
        "call-command: execute",
        "execute-app-name: playback",
        "execute-app-arg: tone_stream://%(300,0,440)",
        f"Event-UUID: {P}",
        "event-lock: true",
    ]


async def test_the_beginning_of_another_playback_is_no_proof() -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)

    def other(_: str) -> str:
        begins(desk, playback_id=Q)
        return "+OK"

    desk.node.answers["sendmsg"] = other
    assert not (await desk.control.play(play(TONE))).confirmed


@pytest.mark.parametrize("response", ["FILE NOT FOUND", "PLAYBACK ERROR"])
async def test_a_file_that_cannot_be_played_is_told(response: str) -> None:
    desk = Desk()
    desk.parked(A)

    def fails(_: str) -> str:
        desk.happen("CHANNEL_EXECUTE", A, Application="playback", Application_UUID=P)
        finishes(desk, response)
        return "+OK"

    desk.node.answers["sendmsg"] = fails
    with pytest.raises(SwitchRefused) as refused:
        await desk.control.play(play(TONE))
    assert refused.value.reply == response


async def test_a_listener_that_hangs_up_ends_the_wait() -> None:
    desk = Desk()
    desk.parked(A)

    def gone(_: str) -> str:
        desk.hang_up(A)
        return "+OK"

    desk.node.answers["sendmsg"] = gone
    with pytest.raises(CallHasEnded):
        await desk.control.play(play(TONE))


async def test_a_message_for_a_call_that_is_gone_is_refused() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["sendmsg"] = f"-ERR invalid session id [{A}]"
    with pytest.raises(CallHasEnded):
        await desk.control.play(play(TONE))


async def test_both_legs_must_hear_it() -> None:
    desk = Desk()
    desk.bridged(A, B)
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(desk.control.play(play(TONE, leg=Leg.BOTH)))
        await desk.node.arrivals.get()
        await desk.node.arrivals.get()
        begins(desk, A)
        await asyncio.sleep(0)
        assert not playing.done()
        begins(desk, B)
    assert playing.result().confirmed


async def test_the_partner_alone_may_hear_it() -> None:
    desk = Desk()
    desk.bridged(A, B)

    def heard(_: str) -> str:
        begins(desk, B)
        return "+OK"

    desk.node.answers["sendmsg"] = heard
    assert (await desk.control.play(play(TONE, leg=Leg.B))).confirmed
    assert desk.node.sent[0].startswith(f"sendmsg {B} ")


@pytest.mark.parametrize("leg", [Leg.B, Leg.BOTH])
async def test_without_a_partner_only_the_named_leg_can_hear(leg: Leg) -> None:
    desk = Desk()
    desk.parked(A)
    with pytest.raises(CallStateConflict):
        await desk.control.play(play(TONE, leg=leg))
    assert desk.node.sent == []


@pytest.mark.parametrize(
    ("spec", "argument", "loops"),
    [
        (play(UriSource("/srv/sounds/a.wav")), "/srv/sounds/a.wav", ""),
        (play(SilenceSource(1_500_000)), "silence_stream://1500", ""),
        (
            play(UriSource("/srv/more/a.wav"), TONE),
            "file_string:///srv/more/a.wav!tone_stream://%(300,0,440)",
            "",
        ),
        (play(UriSource("/srv/sounds/a.wav"), repeat=3), "/srv/sounds/a.wav", "3"),
        (play(UriSource("/srv/sounds/a.wav"), repeat=-7), "/srv/sounds/a.wav", "-1"),
        (play(TONE, repeat=3), "tone_stream://%(300,0,440);loops=3", ""),
        (play(TONE, repeat=-1), "tone_stream://%(300,0,440);loops=-1", ""),
        (play(ToneSource("L=2;%(9,9,9)"), repeat=2), "tone_stream://L=2;%(9,9,9)", "2"),
    ],
)
async def test_sources_and_repeats_are_written_as_the_switch_knows_them(
    spec: PlaySpec, argument: str, loops: str
) -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    await desk.control.play(spec)
    fields = dict(part.split(": ", 1) for part in desk.node.sent[0].split(" | ")[1:])
    assert fields["execute-app-arg"] == argument
    assert fields.get("loops", "") == loops


@pytest.mark.parametrize(
    ("source", "field"),
    [
        *[
            (UriSource(uri), "uri")
            for uri in (
                "",
                "a.wav",
                "/etc/passwd",
                "/srv/sounds",
                "/srv/sounds/../../etc/passwd",
                "/srv/sounds//x",
                "/srv/sounds/./x",
                "/srv/soundsx/a.wav",
                "/srv/sounds/a.wav!b.wav",
                "/srv/sounds/a.wav@@10",
                "/srv/sounds/{a=b}x",
                "/srv/sounds/${x}",
                "say:hello",
                "shell_stream:///bin/sh",
                "https://media.example.org/promptsx/a.wav",
                "https://media.example.org/prompts/../x",
                "https://media.example.org/prompts/%2E%2e/x",
                "https://user@media.example.org/prompts/x",
                "https://media.example.org.evil.example/prompts/x",
                "local_stream://moh!x",
            )
        ],
        *[
            (ToneSource(tone), "tone_stream")
            for tone in ("", "%(1,1,1)!x", "path=x", "PATH=x", "${x}", "%(1 1)", "a\nb")
        ],
        (SilenceSource(0), "silence"),
        (SilenceSource(10**12), "silence"),
    ],
)
async def test_sources_that_are_not_allowed_are_refused(source: MediaSource, field: str) -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.play(play(TONE, source))
    assert [violation.field for violation in invalid.value.violations] == [f"sources[1].{field}"]
    assert desk.node.sent == []


@pytest.mark.parametrize(
    "uri", ["https://media.example.org/prompts/a.wav?x=1", "local_stream://moh"]
)
async def test_what_the_operator_allows_is_played(uri: str) -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    await desk.control.play(play(UriSource(uri)))
    assert f"execute-app-arg: {uri} |" in desk.node.sent[0]


async def test_nothing_is_played_before_there_is_media() -> None:
    desk = Desk()
    desk.ringing(A)
    with pytest.raises(CallStateConflict):
        await desk.control.play(play(TONE))


@pytest.mark.parametrize("named", [True, False])
async def test_what_plays_is_stopped(named: bool) -> None:
    desk = Desk()
    desk.parked(A)
    begins(desk)

    def stopped(_: str) -> str:
        desk.happen("PLAYBACK_STOP", A, Playback_Status="break")
        return "+OK\n"

    desk.node.answers["uuid_break"] = stopped
    assert (await desk.control.stop_playback(A, P if named else None)).confirmed
    alone = [f"uuid_break {A} all", f"uuid_buglist {A}"]
    assert desk.node.sent == ([f"uuid_break {A}"] if named else alone)


async def test_stopping_where_nothing_plays_returns_at_once() -> None:
    desk = Desk()
    desk.parked(A)
    assert not (await desk.control.stop_playback(A)).confirmed
    assert desk.node.sent == [f"uuid_break {A} all", f"uuid_buglist {A}"]


async def test_a_playback_that_is_over_is_not_stopped_again() -> None:
    desk = Desk()
    desk.parked(A)
    begins(desk)
    finishes(desk, "FILE PLAYED")
    assert not (await desk.control.stop_playback(A, P)).confirmed
    assert desk.node.sent == [f"uuid_buglist {A}"]


async def test_only_the_uppermost_playback_can_be_stopped_alone() -> None:
    desk = Desk()
    desk.parked(A)
    begins(desk, playback_id=P)
    begins(desk, playback_id=Q)
    with pytest.raises(CallStateConflict):
        await desk.control.stop_playback(A, P)
    assert desk.node.sent == []


async def test_a_playback_that_waits_its_turn_cannot_be_stopped_alone() -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    begins(desk, playback_id=Q)
    await desk.control.play(play(TONE))
    with pytest.raises(CallStateConflict):
        await desk.control.stop_playback(A, P)
    assert not desk.node.sent[1:]
    finishes(desk, "FILE PLAYED", playback_id=Q)
    begins(desk)
    await desk.control.stop_playback(A, P)
    assert desk.node.sent[1:] == [f"uuid_break {A}"]


async def test_a_playback_that_was_dropped_with_all_others_no_longer_waits() -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    begins(desk, playback_id=Q)
    await desk.control.play(play(TONE))
    await desk.control.stop_playback(A)
    assert not (await desk.control.stop_playback(A, P)).confirmed


@pytest.mark.parametrize("refusal", ["-ERR invalid session id", NOT_SENT[0]])
async def test_a_playback_that_was_not_taken_does_not_wait(refusal: str | Exception) -> None:
    desk = Desk(OPERATOR)
    desk.parked(A)
    desk.node.answers["sendmsg"] = refusal
    with pytest.raises(CallControlError):
        await desk.control.play(play(TONE))
    assert not (await desk.control.stop_playback(A, P)).confirmed


async def test_only_so_many_waiting_playbacks_are_remembered() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=0.0))
    desk.parked(A)
    for number in range(40):
        await desk.control.play(
            replace(play(TONE), playback_id=OperationId(f"{Q[:-2]}{number:02}"))
        )
    leg = desk.tracker.legs.alive(A)
    assert leg is not None
    assert len(leg.queued) == 32


@pytest.mark.parametrize(
    ("direction", "level", "commands"),
    [
        (MediaDirection.READ, 0, ["start read mute 1"]),
        (MediaDirection.WRITE, 300, ["start write mute 300"]),
        (MediaDirection.BOTH, 1, ["start read mute 1", "start write mute 1"]),
    ],
)
async def test_mute_is_confirmed_by_the_list_of_media_bugs(
    direction: MediaDirection, level: int, commands: list[str]
) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = one_after_the_other(SILENT, MUTED)
    assert (await desk.control.mute(A, direction, level)).confirmed
    assert desk.node.sent == [
        f"uuid_buglist {A}",
        *(f"uuid_audio {A} {command}" for command in commands),
        f"uuid_buglist {A}",
    ]


async def test_a_mute_of_what_is_muted_in_part_is_not_confirmed() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = MUTED
    assert not (await desk.control.mute(A, MediaDirection.WRITE)).confirmed


async def test_a_mute_that_the_switch_did_not_do_is_not_confirmed() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = SILENT
    assert not (await desk.control.mute(A)).confirmed


@pytest.mark.parametrize("reply", ["-ERR no reply\n", "-ERR uuid_buglist Command not found!\n"])
async def test_without_a_list_neither_mute_nor_unmute_is_confirmed(reply: str) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = reply
    assert not (await desk.control.mute(A)).confirmed
    assert not (await desk.control.unmute(A)).confirmed


async def test_unmute_is_confirmed_both_ways_only() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_buglist"] = SILENT
    assert (await desk.control.unmute(A)).confirmed
    assert not (await desk.control.unmute(A, MediaDirection.WRITE)).confirmed
    assert desk.node.sent == [
        f"uuid_audio {A} stop",
        f"uuid_buglist {A}",
        f"uuid_audio {A} start write mute 0",
    ]


async def test_digits_are_sent_with_their_length() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_send_dtmf"] = f"+OK {A} sent DTMF 12#@100.\n"
    assert not (await desk.control.send_dtmf(A, "12#", 100_900)).confirmed
    assert desk.node.sent == [f"uuid_send_dtmf {A} 12#@100"]


async def test_digits_as_received_are_confirmed_when_they_are_read() -> None:
    desk = Desk()
    desk.parked(A)

    def read(_: str) -> str:
        desk.happen("DTMF", A, DTMF_Digit="9", DTMF_Source="RTP")
        desk.happen("DTMF", A, DTMF_Digit="A", DTMF_Source="APP")
        return "+OK\n"

    desk.node.answers["uuid_recv_dtmf"] = read
    assert (await desk.control.send_dtmf(A, "wa1", as_received=True)).confirmed


@pytest.mark.parametrize(
    ("digits", "duration_us", "field"),
    [
        ("", 0, "digits"),
        ("12x", 0, "digits"),
        ("1@2", 0, "digits"),
        ("1+2", 0, "digits"),
        ("1 2", 0, "digits"),
        ("ww", 0, "digits"),
        ("1" * 100, 0, "digits"),
        ("1", 1, "duration"),
        ("1", 10**9, "duration"),
    ],
)
async def test_malformed_digits_are_refused(digits: str, duration_us: int, field: str) -> None:
    desk = Desk()
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.send_dtmf(A, digits, duration_us)
    assert [violation.field for violation in invalid.value.violations] == [field]


async def test_variables_are_set_one_by_one_and_read_back() -> None:
    desk = Desk()
    desk.parked(A)
    values = {"plain": "x", "odd": ' O\'Neil \\ "y" ', "gone": ""}
    desk.node.answers["uuid_dump"] = dump(plain="x", ODD=values["odd"])
    assert (await desk.control.set_variables(A, values)).confirmed
    assert desk.node.sent == [
        f"uuid_setvar {A} plain x",
        f'uuid_setvar {A} odd \\sO\\\'Neil \\\\ \\"y\\"\\s',
        f"uuid_setvar {A} gone",
        f"uuid_dump {A} json",
    ]


@pytest.mark.parametrize("found", [dump(), dump(plain="y"), dump(plain="x", gone="still")])
async def test_variables_that_read_back_otherwise_are_not_confirmed(found: str) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_dump"] = found
    assert not (await desk.control.set_variables(A, {"plain": "x", "gone": ""})).confirmed


async def test_a_call_that_ends_between_two_variables_is_told() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_setvar"] = lambda arguments: (
        "+OK\n" if " a " in arguments else "-ERR No such channel!\n"
    )
    with pytest.raises(CallHasEnded):
        await desk.control.set_variables(A, {"a": "1", "b": "2"})
    assert len(desk.node.sent) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_hangup_hook", "status"),
        ("Execute_On_Answer", "hangup"),
        ("bridge_pre_execute_aleg_app", "x"),
        ("session_in_hangup_hook", "true"),
        ("record_post_process_exec_app", "x"),
        ("transfer_after_bridge", "x"),
        ("hold_music", "shell_stream:///bin/sh"),
        ("temp_hold_music", "shell_stream:///bin/sh"),
        ("campon_hold_music", "shell_stream:///bin/sh"),
        ("campon_fallback_exten", "9000"),
        ("campon", "true"),
        ("cc_moh_override", "shell_stream:///bin/sh"),
        ("hold_hangup_xfer_exten", "9000"),
        ("import", "x"),
        ("originate_retries", "9"),
        ("originate_retry_sleep_ms", "500"),
        ("playback_delimiter", "a"),
        ("remote_media_ip", "192.0.2.1"),
        ("sip_local_sdp_str", "v=0"),
        ("any_app", "system"),
        ("any_app_arg", "x"),
        ("sip_h_Route", "x"),
        ("sip_h_X-a:b", "x"),
        ("cc_label_team", "x"),
        ("origination_uuid", "x"),
        ("a[0]", "x"),
        ("a b", "x"),
        ("", "x"),
        ("a", "${uuid}"),
        ("a", "$${hostname}"),
        ("a", "x\ny"),
        ("a", "x\x07y"),
        ("a", "ARRAY::x|:y"),
        ("a", "x" * 4_097),
        ("a", "\ud800"),
        ("a", "\tx"),
    ],
)
async def test_variables_that_may_not_be_set_are_refused(name: str, value: str) -> None:
    desk = Desk()
    desk.parked(A)
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.set_variables(A, {name: value})
    assert invalid.value.violations[0].field.startswith("variables[")
    assert desk.node.sent == []


@pytest.mark.parametrize("name", ["sip_h_X-Tenant", "my_var", "absolute_codec_string"])
async def test_harmless_variables_may_be_set(name: str) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_dump"] = dump(**{name: "{x}"})
    assert (await desk.control.set_variables(A, {name: "{x}"})).confirmed


@pytest.mark.parametrize("error", NOT_SENT)
async def test_nothing_was_sent_is_said_of_the_first_variable_only(error: Exception) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_setvar"] = one_after_the_other("+OK\n", error, error)
    with pytest.raises(OutcomeUnknown):
        await desk.control.set_variables(A, {"a": "1", "b": "2"})
    with pytest.raises(type(error)):
        await desk.control.set_variables(A, {"a": "1", "b": "2"})


@pytest.mark.parametrize("error", [*NOT_SENT, OutcomeUnknown(FIRST, "the link was lost")])
async def test_what_cannot_be_read_back_is_done_and_not_confirmed(error: Exception) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_dump"] = error
    desk.node.answers["uuid_buglist"] = error
    assert not (await desk.control.set_variables(A, {"a": "1"})).confirmed
    assert not (await desk.control.mute(A)).confirmed
    assert not (await desk.control.unmute(A)).confirmed


@pytest.mark.parametrize("error", NOT_SENT)
async def test_nothing_was_sent_is_said_of_the_first_way_only(error: Exception) -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_audio"] = one_after_the_other("+OK\n", error, error)
    with pytest.raises(OutcomeUnknown):
        await desk.control.mute(A)
    with pytest.raises(type(error)):
        await desk.control.mute(A)


@pytest.mark.parametrize("error", NOT_SENT)
async def test_nothing_was_sent_is_said_of_the_first_listener_only(error: Exception) -> None:
    desk = Desk()
    desk.bridged(A, B)
    desk.node.answers["sendmsg"] = one_after_the_other("+OK\n", error, error)
    with pytest.raises(OutcomeUnknown):
        await desk.control.play(play(TONE, leg=Leg.BOTH))
    with pytest.raises(type(error)):
        await desk.control.play(play(TONE, leg=Leg.BOTH))


async def test_variables_are_read_by_name_or_all() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_dump"] = dump(One="1", two="2")
    named = await desk.control.get_variables(A, ["one", "three"])
    every = await desk.control.get_variables(A)
    assert named.variables == {"one": "1"}
    assert every.variables == {"One": "1", "two": "2"}


async def test_a_dump_that_cannot_be_read_is_told() -> None:
    desk = Desk()
    desk.parked(A)
    desk.node.answers["uuid_dump"] = "Event-Name: CHANNEL_DATA\n"
    with pytest.raises(SwitchRefused):
        await desk.control.get_variables(A)
