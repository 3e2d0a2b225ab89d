"""Conferences: requests as the values that `calls` takes, and what it gives as messages."""

from collections.abc import Iterable
from dataclasses import replace

from callcontrol.calls.conferences import requests as asked
from callcontrol.calls.conferences.conference import Conference, ConferenceRecording, Member
from callcontrol.calls.requests import (
    ConferenceDestination,
    MediaSource,
    SpeechSource,
    ToneSource,
)
from callcontrol.errors import CallControlError, NotImplementedYet
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc import convert
from callcontrol.rpc import convert_request as read
from callcontrol.rpc.convert_media import read_source
from callcontrol.rpc.interceptors import PRINCIPAL
from callcontrol.rpc.repeats import call_id_of, fingerprint_of
from callcontrol.rpc.status import failure_of
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import conference_service_pb2 as pb


def node_of(node_id: str) -> NodeId | None:
    """The node that a request names, if it names one."""
    return NodeId(node_id) if node_id else None


def read_selector(
    selector: pb.MemberSelector, problems: Problems, field: str = "members"
) -> asked.MemberSelector:
    """Which members."""
    kind = selector.WhichOneof("selector")
    if kind in ("all", "non_moderators", "last") and not getattr(selector, kind):
        problems.add(f"{field}.{kind}", "must be true, or left out")
    match kind:
        case "all":
            return asked.Everybody()
        case "non_moderators":
            return asked.NonModerators()
        case "last":
            return asked.LastMember()
        case "ids":
            return asked.MembersById(tuple(selector.ids.values))
        case "call_ids":
            return asked.MembersByCall(tuple(map(CallId, selector.call_ids.values)))
        case _:
            problems.add(field, "must say who: all, non_moderators, last, ids or call_ids")
            return asked.Everybody()


def read_add(request: pb.AddMembersRequest) -> asked.AddSpec:
    """Legs to bring in."""
    joined = request.conference
    return asked.AddSpec(
        conference=ConferenceDestination(
            name=joined.name, profile=joined.profile, flags=tuple(joined.flags), pin=joined.pin
        ),
        call_ids=tuple(map(CallId, request.call_ids)),
        node_id=node_of(request.node_id),
    )


def read_dial(request: pb.DialMemberRequest, problems: Problems) -> asked.DialSpec:
    """Somebody to dial in."""
    ring_us = problems.duration_us("ring_timeout", request.ring_timeout)
    return asked.DialSpec(
        name=request.name,
        node_id=node_of(request.node_id),
        endpoint=read.read_endpoint(request.endpoint, "endpoint", problems),
        flags=tuple(request.flags),
        caller_number=request.caller.number,
        caller_name=request.caller.name,
        ring_timeout_s=ring_us / 1_000_000 if request.HasField("ring_timeout") else None,
        call_id=CallId(request.call_id) if request.call_id else None,
        wait_until=read.read_wait_until(request.wait_until, problems),
    )


def repeatable(spec: asked.DialSpec, request: pb.DialMemberRequest) -> asked.DialSpec:
    """A spec whose call is found again by a repeat of the request, as with Originate."""
    return replace(
        spec,
        call_id=spec.call_id or call_id_of(PRINCIPAL, request.request_id),
        call_id_is_derived=spec.call_id is None,
        request_id=request.request_id,
        fingerprint=fingerprint_of(request),
    )


def read_played(source: common_pb2.MediaSource, problems: Problems) -> MediaSource:
    """What to play. Raises NotImplementedYet for kinds that a conference does not play."""
    match source.WhichOneof("source"):
        case "uri" | "tone_stream" | "silence":
            return read_source(source, "source", problems)
        case "speech":
            speech = source.speech
            return SpeechSource(speech.text, engine=speech.engine, voice=speech.voice)
        case None:
            problems.add("source", "must say what to play: uri, tone_stream, silence or speech")
            return ToneSource("0")
        case kind:
            raise NotImplementedYet(f"playing {kind} to a conference", f"source.{kind}")


def read_update(request: pb.UpdateMembersRequest, problems: Problems) -> asked.UpdateMembersSpec:
    """A change to members."""
    return asked.UpdateMembersSpec(
        name=request.name,
        node_id=node_of(request.node_id),
        members=read_selector(request.members, problems),
        can_speak=request.can_speak if request.HasField("can_speak") else None,
        can_hear=request.can_hear if request.HasField("can_hear") else None,
        volume_in=request.volume_in if request.HasField("volume_in") else None,
        volume_out=request.volume_out if request.HasField("volume_out") else None,
        energy_level=request.energy_level if request.HasField("energy_level") else None,
        floor=request.floor if request.HasField("floor") else None,
    )


def conference(found: Conference) -> pb.Conference:
    """A conference at one moment."""
    return pb.Conference(
        name=found.name,
        node_id=found.node_id,
        conference_uuid=found.conference_uuid,
        locked=found.locked,
        recording=found.recording,
        create_time=convert.timestamp(found.created_us),
        sample_rate_hz=found.sample_rate_hz,
        members=[member(each) for each in found.members],
        max_members=found.max_members,
        recordings=[_recording(each) for each in found.recordings],
    )


def member(found: Member) -> pb.Member:
    """Somebody in a conference."""
    party = found.party
    return pb.Member(
        member_id=found.member_id,
        call_id=found.call_id,
        party=call_pb2.Party(number=party.number, name=party.name),
        can_speak=found.can_speak,
        can_hear=found.can_hear,
        talking=found.talking,
        has_floor=found.has_floor,
        moderator=found.moderator,
        join_time=convert.timestamp(found.joined_us),
        volume_in=found.volume_in,
        volume_out=found.volume_out,
        energy_level=found.energy_level,
        on_hold=found.on_hold,
    )


def failures(failed: Iterable[tuple[CallId, CallControlError]]) -> list[pb.MemberFailure]:
    """Legs that could not be brought in, each as the error that it would be on its own."""
    told = ((call_id, failure_of(error)) for call_id, error in failed)
    return [
        pb.MemberFailure(call_id=call_id, reason=failure.reason, message=failure.message)
        for call_id, failure in told
    ]


def _recording(found: ConferenceRecording) -> pb.ConferenceRecording:
    return pb.ConferenceRecording(
        recording_id=found.recording_id,
        path=found.path,
        start_time=convert.timestamp(found.started_us),
        paused=found.paused,
    )
