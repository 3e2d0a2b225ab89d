"""What is wrong with a request about a conference, by the names of the API's fields."""

from collections.abc import Iterator
from typing import Final, assert_never

from callcontrol.calls.checked import Checked
from callcontrol.calls.checks import call_id_check, destination_checks, originate_checks
from callcontrol.calls.conferences.requests import (
    AddSpec,
    ConferencePlaySpec,
    ConferenceRecordSpec,
    DialSpec,
    Everybody,
    KickSpec,
    LastMember,
    MembersByCall,
    MembersById,
    MemberSelector,
    MoveSpec,
    NonModerators,
    RoomSpec,
    StopRecordingSpec,
    UpdateConferenceSpec,
    UpdateMembersSpec,
)
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.dialstring import set_value_problem
from callcontrol.calls.encoding.media_uri import silence_problem, tone_problem, uri_problem
from callcontrol.calls.encoding.recording_path import recording_path_problem
from callcontrol.calls.requests import (
    ConferenceDestination,
    OriginateSpec,
    SilenceSource,
    SpeechSource,
    ToneSource,
    UriSource,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import NodeId

MAX_LEGS: Final = 100
"""Legs or members that one request may name."""

_LOUDEST: Final = 4
_MOST_ENERGY: Final = 1_800
_MOST: Final = (1 << 31) - 1


def room_checks(spec: RoomSpec) -> Iterator[Checked]:
    """The name of a conference and of its node."""
    yield "name", grammar.name_problem(spec.name)
    yield from node_checks(spec.node_id)


def node_checks(node_id: NodeId | None) -> Iterator[Checked]:
    """A node, if one is named."""
    if node_id is not None:
        yield "node_id", grammar.node_id_problem(node_id)


def kick_checks(spec: KickSpec) -> Iterator[Checked]:
    """Members to remove."""
    yield from room_checks(spec)
    yield from selector_checks(spec.members)


def selector_checks(selector: MemberSelector, field: str = "members") -> Iterator[Checked]:
    """Which members."""
    match selector:
        case Everybody() | NonModerators() | LastMember():
            return
        case MembersById(member_ids=ids):
            yield f"{field}.ids.values", _count_problem(len(ids))
            for place, member_id in enumerate(ids):
                inside = 0 < member_id <= _MOST
                problem = None if inside else "must be the number of a member, 1 or more"
                yield f"{field}.ids.values[{place}]", problem
        case MembersByCall(call_ids=call_ids):
            yield f"{field}.call_ids.values", _count_problem(len(call_ids))
            for place, call_id in enumerate(call_ids):
                yield call_id_check(call_id, f"{field}.call_ids.values[{place}]")
        case _:
            assert_never(selector)


def add_checks(spec: AddSpec, settings: ControlSettings) -> Iterator[Checked]:
    """Legs to bring in."""
    yield from node_checks(spec.node_id)
    for field, problem in destination_checks(spec.conference, settings):
        yield field.removeprefix("destination."), problem
    yield "call_ids", _count_problem(len(spec.call_ids))
    if len(set(spec.call_ids)) < len(spec.call_ids):
        yield "call_ids", "must name each leg once"
    for place, call_id in enumerate(spec.call_ids):
        yield call_id_check(call_id, f"call_ids[{place}]")


def dial_checks(spec: DialSpec, settings: ControlSettings) -> Iterator[Checked]:
    """Somebody to dial in: as with any call to place, by the names that the fields have here."""
    for field, problem in originate_checks(dialled(spec), settings):
        here = field.replace("endpoints[0]", "endpoint").replace("endpoints", "endpoint")
        yield here.removeprefix("destination.conference."), problem


def dialled(spec: DialSpec) -> OriginateSpec:
    """The call to place for somebody to dial in."""
    return OriginateSpec(
        endpoints=(spec.endpoint,),
        destination=ConferenceDestination(name=spec.name, flags=spec.flags),
        call_id=spec.call_id,
        call_id_is_new=spec.call_id_is_new,
        call_id_is_derived=spec.call_id_is_derived,
        request_id=spec.request_id,
        fingerprint=spec.fingerprint,
        node_id=spec.node_id,
        caller_number=spec.caller_number,
        caller_name=spec.caller_name,
        ring_timeout_s=spec.ring_timeout_s,
        wait_until=spec.wait_until,
        # A ringing tone has no place in a conference.
        ignore_early_media=True,
    )


def update_members_checks(spec: UpdateMembersSpec) -> Iterator[Checked]:
    """A change to members."""
    yield from room_checks(spec)
    yield from selector_checks(spec.members)
    changes = (spec.can_speak, spec.can_hear, spec.volume_in, spec.volume_out)
    if all(each is None for each in (*changes, spec.energy_level, spec.floor)):
        yield "", "must change something: can_speak, can_hear, volumes, energy_level or floor"
    for field, volume in (("volume_in", spec.volume_in), ("volume_out", spec.volume_out)):
        if volume is not None and abs(volume) > _LOUDEST:
            yield field, f"must be from -{_LOUDEST} to {_LOUDEST}"
    if spec.energy_level is not None and not 0 <= spec.energy_level <= _MOST_ENERGY:
        yield "energy_level", f"must be from 0 to {_MOST_ENERGY}"
    if spec.floor is not None and not _is_single(spec.members):
        yield "floor", "must be for a single member"


def move_checks(spec: MoveSpec) -> Iterator[Checked]:
    """Members to move."""
    yield from room_checks(spec)
    yield from selector_checks(spec.members)
    yield "target_name", grammar.name_problem(spec.target_name)
    if spec.target_name == spec.name:
        yield "target_name", "must be another conference"


def update_conference_checks(spec: UpdateConferenceSpec) -> Iterator[Checked]:
    """A change to a conference."""
    yield from room_checks(spec)
    if spec.locked is None and spec.pin is None:
        yield "", "must change something: locked or pin"
    if spec.pin:
        yield "pin", grammar.pin_problem(spec.pin)


def conference_play_checks(
    spec: ConferencePlaySpec, settings: ControlSettings
) -> Iterator[Checked]:
    """Something to play. The kinds of sources that a conference does not play are refused later."""
    yield from room_checks(spec)
    yield "member_id", member_id_problem(spec.member_id)
    match spec.source:
        case UriSource(uri=uri):
            yield "source.uri", uri_problem(uri, settings)
        case ToneSource(tone=tone):
            yield "source.tone_stream", tone_problem(tone)
        case SilenceSource(duration_us=duration_us):
            yield "source.silence", silence_problem(duration_us)
        case SpeechSource(text=text):
            yield "source.speech.text", _speech_problem(text)
        case _:
            pass


def member_id_problem(member_id: int) -> str | None:
    """The number of a member, or 0 for all."""
    return None if 0 <= member_id <= _MOST else "must be the number of a member, or 0 for all"


def record_checks(spec: ConferenceRecordSpec, settings: ControlSettings) -> Iterator[Checked]:
    """A recording to begin."""
    yield from room_checks(spec)
    yield "path", recording_path_problem(spec.path, settings)


def stop_recording_checks(spec: StopRecordingSpec) -> Iterator[Checked]:
    """A recording to stop."""
    yield from room_checks(spec)
    if spec.recording_id is not None:
        yield "recording_id", grammar.operation_id_problem(spec.recording_id)


def _is_single(selector: MemberSelector) -> bool:
    match selector:
        case LastMember():
            return True
        case MembersById(member_ids=ids):
            return len(ids) == 1
        case MembersByCall(call_ids=call_ids):
            return len(call_ids) == 1
        case _:
            return False


def _count_problem(count: int) -> str | None:
    return None if 1 <= count <= MAX_LEGS else f"must have 1 to {MAX_LEGS} entries"


def _speech_problem(text: str) -> str | None:
    """The switch takes braces at the beginning for parameters (mod_conference.c conference_say)."""
    if not text.strip(" "):
        return "may not be empty"
    if text.lstrip(" ").startswith("{"):
        return "may not begin with {, which begins parameters"
    return set_value_problem(text)
