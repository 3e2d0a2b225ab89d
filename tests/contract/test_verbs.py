"""What can be done to a call that is up, what proves it, and what cannot be done."""

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    extension,
    loopback,
    new_id,
    parked,
    reason_of,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED


def tone(milliseconds: int = 300) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(tone_stream=f"%({milliseconds},0,440)")


def silence(seconds: int) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(silence=Duration(seconds=seconds))


async def test_hold_and_unhold(phone: Phone) -> None:
    call_id = await phone.answered(over=sip)
    held = await phone.calls.Hold(calls_pb2.HoldRequest(call_id=call_id), timeout=DEADLINE_S)
    again = await phone.calls.Hold(calls_pb2.HoldRequest(call_id=call_id), timeout=DEADLINE_S)
    back = await phone.calls.Unhold(calls_pb2.UnholdRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert held.status.confirmation == CONFIRMED
    assert held.call.state == State.STATE_HELD
    assert again.call.state == State.STATE_HELD
    assert back.status.confirmation == CONFIRMED
    assert back.call.state in (State.STATE_ACTIVE, State.STATE_PARKED)
    assert "HELD" in phone.tape.states(call_id)


async def test_a_loopback_leg_cannot_be_held(phone: Phone) -> None:
    # the switch says that it is, and then cannot undo it
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Hold(calls_pb2.HoldRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_unhold_of_a_call_that_is_not_held_changes_nothing(phone: Phone) -> None:
    call_id = await phone.answered()
    back = await phone.calls.Unhold(calls_pb2.UnholdRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert back.call.state in (State.STATE_ACTIVE, State.STATE_PARKED)


@pytest.mark.parametrize("direction", ["READ", "WRITE", "BOTH"])
async def test_mute_and_unmute(phone: Phone, direction: str) -> None:
    call_id = await phone.answered()
    which = common_pb2.MediaDirection.Value(f"MEDIA_DIRECTION_{direction}")
    mute = calls_pb2.MuteRequest(call_id=call_id, direction=which)
    muted = await phone.calls.Mute(mute, timeout=DEADLINE_S)
    again = await phone.calls.Mute(mute, timeout=DEADLINE_S)
    unmuted = await phone.calls.Unmute(
        calls_pb2.UnmuteRequest(call_id=call_id, direction=which), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    # the switch says that something is muted, and not which way
    assert muted.status.confirmation == CONFIRMED
    assert again.status.confirmation == ACCEPTED
    assert unmuted.status.confirmation == (CONFIRMED if direction == "BOTH" else ACCEPTED)


async def test_a_tone_plays_to_its_end(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]), timeout=DEADLINE_S
    )
    started = await phone.tape.event("playback_started", call_id)
    stopped = await phone.tape.event("playback_stopped", call_id)
    await phone.hang_up(call_id)

    assert response.status.confirmation == CONFIRMED
    assert started.playback_started.playback_id == response.playback_id
    assert stopped.playback_stopped.playback_id == response.playback_id
    assert stopped.playback_stopped.completed


async def test_a_playback_is_stopped(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[silence(60)]), timeout=DEADLINE_S
    )
    stop = await phone.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=call_id), timeout=DEADLINE_S
    )
    stopped = await phone.tape.event("playback_stopped", call_id)
    await phone.hang_up(call_id)

    assert stop.status.confirmation == CONFIRMED
    assert stopped.playback_stopped.playback_id == response.playback_id
    assert not stopped.playback_stopped.completed


async def test_a_playback_that_the_hangup_cuts_off_is_not_complete(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[silence(60)]), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)
    stopped = await phone.tape.event("playback_stopped", call_id)

    assert not stopped.playback_stopped.completed


async def test_a_playback_that_waits_its_turn_is_stopped_with_all_or_not_at_all(
    phone: Phone,
) -> None:
    call_id = await phone.answered()
    play = calls_pb2.PlayRequest(call_id=call_id, sources=[silence(60)])
    await phone.calls.Play(play, timeout=DEADLINE_S)
    second = await phone.calls.Play(play, timeout=DEADLINE_S)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.StopPlayback(
            calls_pb2.StopPlaybackRequest(call_id=call_id, playback_id=second.playback_id),
            timeout=DEADLINE_S,
        )
    await phone.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)
    begun = [
        event.playback_started.playback_id
        for event in phone.tape.events
        if event.WhichOneof("payload") == "playback_started"
    ]

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"
    assert second.status.confirmation == ACCEPTED
    assert len(begun) == 2
    assert second.playback_id not in begun


async def test_stopping_when_nothing_plays_is_no_error(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)


@pytest.mark.parametrize(
    "uri", ["/etc/passwd", "../x.wav", "http://example.org/x.wav", "a.wav!b.wav", "", "say:hi"]
)
async def test_a_media_uri_outside_the_allowed_prefixes_is_refused(phone: Phone, uri: str) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Play(
            calls_pb2.PlayRequest(call_id=call_id, sources=[common_pb2.MediaSource(uri=uri)]),
            timeout=DEADLINE_S,
        )
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["sources[0].uri"]


async def test_digits_sent_as_received_are_told(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.SendDtmf(
        calls_pb2.SendDtmfRequest(call_id=call_id, digits="12#", as_received=True),
        timeout=DEADLINE_S,
    )
    await phone.tape.event("dtmf_received", call_id, lambda e: e.dtmf_received.digit == "#")
    await phone.hang_up(call_id)
    heard = [
        e.dtmf_received for e in phone.tape.events if e.WhichOneof("payload") == "dtmf_received"
    ]

    assert [(dtmf.digit, dtmf.source) for dtmf in heard] == [(d, "APP") for d in "12#"]


async def test_digits_are_sent(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await phone.calls.SendDtmf(
        calls_pb2.SendDtmfRequest(
            call_id=call_id, digits="4711", duration=Duration(nanos=100_000_000)
        ),
        timeout=DEADLINE_S,
    )
    await phone.hang_up(call_id)

    # the switch queues them and offers no proof
    assert response.status.confirmation == ACCEPTED


@pytest.mark.parametrize("digits", ["", "12x", "1@2", "1 2", "1\n2", "1" * 101])
async def test_malformed_digits_are_refused(phone: Phone, digits: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.SendDtmf(
            calls_pb2.SendDtmfRequest(call_id=new_id(), digits=digits), timeout=DEADLINE_S
        )

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["digits"]


async def test_an_inbound_leg_is_answered(phone: Phone) -> None:
    response = await phone.originate(
        loopback("inbound-park"), wait_until=calls_pb2.WAIT_UNTIL_RINGING
    )
    far = await phone.other_half(response.call.call_id)
    answered = await phone.calls.Answer(calls_pb2.AnswerRequest(call_id=far), timeout=DEADLINE_S)
    await phone.tape.event(
        "call_state_changed",
        response.call.call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_ACTIVE,
    )
    await phone.hang_up(response.call.call_id)

    assert answered.status.confirmation == CONFIRMED
    assert answered.call.HasField("answer_time")


async def test_an_outbound_leg_cannot_be_answered_from_here(phone: Phone) -> None:
    response = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Answer(
            calls_pb2.AnswerRequest(call_id=response.call.call_id), timeout=DEADLINE_S
        )
    await phone.hang_up(response.call.call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_transfer_to_an_extension(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await phone.calls.Transfer(
        calls_pb2.TransferRequest(call_id=call_id, destination=extension("answer")),
        timeout=DEADLINE_S,
    )
    await phone.tape.event(
        "application_started",
        call_id,
        lambda e: e.application_started.application.name == "sleep",
    )
    await phone.hang_up(call_id)

    assert response.status.confirmation == CONFIRMED


async def test_transfer_to_nowhere_ends_the_call(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Transfer(
        calls_pb2.TransferRequest(call_id=call_id, destination=extension("nobody")),
        timeout=DEADLINE_S,
    )
    ended = await phone.tape.event("call_ended", call_id)

    assert ended.call_ended.cause.name == "NO_ROUTE_DESTINATION"


async def test_transfer_to_the_park(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Transfer(
        calls_pb2.TransferRequest(call_id=call_id, destination=extension("answer")),
        timeout=DEADLINE_S,
    )
    response = await phone.calls.Transfer(
        calls_pb2.TransferRequest(call_id=call_id, destination=parked()), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert response.status.confirmation == CONFIRMED
    assert response.call.state == State.STATE_PARKED


async def test_what_is_parked_can_be_parked_again_and_still_hears(phone: Phone) -> None:
    call_id = await phone.answered()
    for _ in range(3):
        response = await phone.calls.Transfer(
            calls_pb2.TransferRequest(call_id=call_id, destination=parked()), timeout=DEADLINE_S
        )
        assert response.status.confirmation == CONFIRMED
        assert response.call.state == State.STATE_PARKED
    heard = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert heard.status.confirmation == CONFIRMED


async def test_two_calls_are_bridged(phone: Phone) -> None:
    first, second = await phone.answered(), await phone.answered()
    response = await phone.calls.Bridge(
        calls_pb2.BridgeRequest(call_id=first, peer_call_id=second), timeout=DEADLINE_S
    )
    bridged = await phone.tape.event("call_bridged", first)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)

    assert response.status.confirmation == CONFIRMED
    assert response.call.bridged_call_id == second
    assert response.peer.bridged_call_id == first
    assert bridged.call_bridged.peer_call_id == second


async def test_a_bridge_with_a_call_that_is_unknown(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Bridge(
            calls_pb2.BridgeRequest(call_id=call_id, peer_call_id=new_id()), timeout=DEADLINE_S
        )
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) == "CALL_NOT_FOUND"


async def test_variables_are_set_and_read_back(phone: Phone) -> None:
    call_id = await phone.answered()
    values = {"contract_a": "O'Neil, Bob", "contract_b": 'x "y" \\z', "contract_c": " {edges} "}
    response = await phone.calls.SetVariables(
        calls_pb2.SetVariablesRequest(call_id=call_id, variables=values), timeout=DEADLINE_S
    )
    read = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=call_id, names=list(values)), timeout=DEADLINE_S
    )
    await phone.calls.SetVariables(
        calls_pb2.SetVariablesRequest(call_id=call_id, variables={"contract_a": ""}),
        timeout=DEADLINE_S,
    )
    after = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=call_id, names=["contract_a"]), timeout=DEADLINE_S
    )
    every = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert response.status.confirmation == CONFIRMED
    assert dict(read.variables) == values
    assert dict(after.variables) == {}
    assert every.variables["contract_b"] == values["contract_b"]


async def test_hangup_tells_the_cause(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await phone.calls.Hangup(
        calls_pb2.HangupRequest(call_id=call_id, cause="CALL_REJECTED"), timeout=DEADLINE_S
    )
    ended = await phone.tape.event("call_ended", call_id)

    assert response.status.confirmation == CONFIRMED
    assert response.call.hangup_cause.name == "CALL_REJECTED"
    assert ended.call_ended.cause.name == "CALL_REJECTED"
    assert ended.call_ended.cause.q850_code == 21
    assert ended.call_ended.HasField("billable_duration")


async def test_hanging_up_twice_is_no_error(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    again = await phone.calls.Hangup(calls_pb2.HangupRequest(call_id=call_id), timeout=DEADLINE_S)

    assert again.call.state == State.STATE_ENDED


async def test_an_unknown_cause_is_refused(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.Hangup(
            calls_pb2.HangupRequest(call_id=new_id(), cause="BECAUSE"), timeout=DEADLINE_S
        )

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["cause"]


async def test_the_far_end_hangs_up(phone: Phone) -> None:
    call_id = await phone.answered("short")
    ended = await phone.tape.event("call_ended", call_id)

    assert ended.call_ended.cause.name == "NORMAL_CLEARING"
    assert ended.call_ended.total_duration.ToMilliseconds() > 0


COMMANDS: dict[str, Callable[[str], Message]] = {
    "Answer": lambda call_id: calls_pb2.AnswerRequest(call_id=call_id),
    "Transfer": lambda call_id: calls_pb2.TransferRequest(call_id=call_id, destination=parked()),
    "Hold": lambda call_id: calls_pb2.HoldRequest(call_id=call_id),
    "Unhold": lambda call_id: calls_pb2.UnholdRequest(call_id=call_id),
    "Mute": lambda call_id: calls_pb2.MuteRequest(call_id=call_id),
    "Unmute": lambda call_id: calls_pb2.UnmuteRequest(call_id=call_id),
    "Play": lambda call_id: calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]),
    "StopPlayback": lambda call_id: calls_pb2.StopPlaybackRequest(call_id=call_id),
    "ControlPlayback": lambda call_id: calls_pb2.ControlPlaybackRequest(
        call_id=call_id, playback_id=new_id(), pause=True
    ),
    "StartRecording": lambda call_id: calls_pb2.StartRecordingRequest(call_id=call_id),
    "MaskRecording": lambda call_id: calls_pb2.MaskRecordingRequest(
        call_id=call_id, recording_id=new_id()
    ),
    "StopRecording": lambda call_id: calls_pb2.StopRecordingRequest(call_id=call_id),
    "CollectDigits": lambda call_id: calls_pb2.CollectDigitsRequest(
        call_id=call_id, max_digits=1, timeout=Duration(seconds=1)
    ),
    "Eavesdrop": lambda call_id: calls_pb2.EavesdropRequest(
        call_id=call_id, listener_call_id=new_id()
    ),
    "SendDtmf": lambda call_id: calls_pb2.SendDtmfRequest(call_id=call_id, digits="1"),
    "SetVariables": lambda call_id: calls_pb2.SetVariablesRequest(
        call_id=call_id, variables={"contract_a": "b"}
    ),
    "GetVariables": lambda call_id: calls_pb2.GetVariablesRequest(call_id=call_id),
}
QUESTIONS: dict[str, Callable[[str], Message]] = {
    "Hangup": lambda call_id: calls_pb2.HangupRequest(call_id=call_id),
    "GetCall": lambda call_id: calls_pb2.GetCallRequest(call_id=call_id),
}


async def ask(phone: Phone, method: str, call_id: str) -> None:
    request = (COMMANDS | QUESTIONS)[method](call_id)
    await getattr(phone.calls, method)(request, timeout=DEADLINE_S)


@pytest.mark.parametrize("method", [*COMMANDS, *QUESTIONS])
async def test_a_call_nobody_knows_is_not_found(phone: Phone, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await ask(phone, method, new_id())

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "CALL_NOT_FOUND"


@pytest.mark.parametrize("method", list(COMMANDS))
async def test_a_call_that_has_ended_takes_no_commands(phone: Phone, method: str) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(phone, method, call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_ENDED"


@pytest.mark.parametrize("method", [*COMMANDS, *QUESTIONS])
async def test_a_malformed_call_id_is_refused(phone: Phone, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(phone, method, "all\napi status")

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["call_id"]


async def test_calls_are_listed_page_by_page(phone: Phone) -> None:
    ids = [await phone.answered() for _ in range(3)]
    seen: list[str] = []
    token = ""
    while True:
        page = await phone.calls.ListCalls(
            calls_pb2.ListCallsRequest(page_size=2, page_token=token), timeout=DEADLINE_S
        )
        assert len(page.calls) <= 2
        seen += [call.call_id for call in page.calls]
        if not (token := page.next_page_token):
            break
    for call_id in ids:
        await phone.hang_up(call_id)

    assert set(ids) <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_call_in_a_conference(phone: Phone) -> None:
    response = await phone.originate(
        loopback("answer"),
        destination=call_pb2.Destination(
            conference=call_pb2.JoinConference(name=f"room{new_id()[:8]}")
        ),
    )
    started = await phone.tape.event(
        "application_started",
        response.call.call_id,
        lambda e: e.application_started.application.name == "conference",
    )
    await phone.hang_up(response.call.call_id)

    assert started.application_started.application.data.startswith("room")
