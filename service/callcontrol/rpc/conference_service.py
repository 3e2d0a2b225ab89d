"""ConferenceService: each RPC as a check of its form, one call into `calls`, and its response."""

import uuid
from dataclasses import replace
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.conferences import checks as conference_checks
from callcontrol.calls.conferences import joining as conference_joining
from callcontrol.calls.conferences import media as conference_media
from callcontrol.calls.conferences import members as conference_members
from callcontrol.calls.conferences import requests as asked
from callcontrol.calls.conferences import rooms as conference_rooms
from callcontrol.calls.conferences.conference import Conference
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.control import CallControl
from callcontrol.ids import CallId, OperationId
from callcontrol.rpc import convert, convert_conference, paging
from callcontrol.rpc.convert_conference import node_of, read_selector
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import conference_service_pb2 as pb

_DEFAULT_PAGE: Final = 50
_MAX_PAGE: Final = 500
_MAX_KEY: Final = 128
"""Characters of a name that count for the order; others may give conferences names of any kind."""


class ConferenceService:
    """The RPCs on conferences, of which it knows nothing but what the switches list."""

    def __init__(self, conferences: Conferences, control: CallControl) -> None:
        self._conferences, self._control = conferences, control
        self._settings = control.settings

    def handlers(self) -> Handlers:
        """The methods that are served here."""
        return {
            "GetConference": unary(pb.GetConferenceRequest, self.get),
            "ListConferences": unary(pb.ListConferencesRequest, self.list),
            "AddMembers": unary(pb.AddMembersRequest, self.add_members),
            "DialMember": unary(pb.DialMemberRequest, self.dial_member, finds_again=True),
            "UpdateMembers": unary(pb.UpdateMembersRequest, self.update_members),
            "KickMembers": unary(pb.KickMembersRequest, self.kick_members),
            "MoveMembers": unary(pb.MoveMembersRequest, self.move_members),
            "UpdateConference": unary(pb.UpdateConferenceRequest, self.update),
            "PlayToConference": unary(pb.PlayToConferenceRequest, self.play),
            "StopConferencePlayback": unary(pb.StopConferencePlaybackRequest, self.stop_playback),
            "StartConferenceRecording": unary(pb.StartConferenceRecordingRequest, self.record),
            "StopConferenceRecording": unary(
                pb.StopConferenceRecordingRequest, self.stop_recording
            ),
            "EndConference": unary(pb.EndConferenceRequest, self.end),
        }

    async def get(self, request: pb.GetConferenceRequest) -> pb.GetConferenceResponse:
        """One conference."""
        room = asked.RoomSpec(name=request.name, node_id=node_of(request.node_id))
        checks.require_valid(conference_checks.room_checks(room))
        found = await self._conferences.get(room.name, room.node_id)
        return pb.GetConferenceResponse(conference=convert_conference.conference(found))

    async def list(self, request: pb.ListConferencesRequest) -> pb.ListConferencesResponse:
        """A page of the conferences of all connected nodes, by name."""
        problems = Problems()
        scope = f"conferences of {request.node_id}"
        wanted = paging.read_page(request, scope, problems, default=_DEFAULT_PAGE, most=_MAX_PAGE)
        problems.check(conference_checks.node_checks(node_of(request.node_id)))
        found = await self._conferences.all(node_of(request.node_id))
        rest = sorted((each for each in found if _key(each) > wanted.after), key=_key)
        page = paging.fitting(convert_conference.conference(each) for each in rest[: wanted.size])
        return pb.ListConferencesResponse(
            conferences=page,
            next_page_token=wanted.next_token(rest, len(page), _key),
        )

    async def add_members(self, request: pb.AddMembersRequest) -> pb.AddMembersResponse:
        """Bring legs in."""
        spec = convert_conference.read_add(request)
        outcome = await conference_joining.add_members(self._conferences, spec)
        return pb.AddMembersResponse(
            members=[convert_conference.member(each) for each in outcome.members],
            failures=convert_conference.failures(outcome.failures),
            status=convert.command_status(outcome),
        )

    async def dial_member(self, request: pb.DialMemberRequest) -> pb.DialMemberResponse:
        """Dial somebody in. Busy and no answer are in the response."""
        problems = Problems()
        spec = convert_conference.read_dial(request, problems)
        problems.check(conference_checks.dial_checks(spec, self._settings))
        if request.request_id:
            spec = convert_conference.repeatable(spec, request)
        elif spec.call_id is None:
            spec = replace(spec, call_id=CallId(str(uuid.uuid4())), call_id_is_new=True)
        request.call_id = spec.call_id or ""  # so that the request says it when time runs out
        outcome = await conference_joining.dial_member(
            self._conferences, spec, self._control.originate
        )
        member, status = outcome.member, convert.command_status(outcome)
        status.replayed = outcome.replayed
        return pb.DialMemberResponse(
            call_id=outcome.call_id,
            node_id=outcome.node_id,
            disposition=convert.disposition(outcome.disposition),
            hangup_cause=convert.hangup_cause(outcome.cause),
            member=convert_conference.member(member) if member is not None else None,
            status=status,
        )

    async def update_members(self, request: pb.UpdateMembersRequest) -> pb.UpdateMembersResponse:
        """Change what members may do."""
        problems = Problems()
        spec = convert_conference.read_update(request, problems)
        problems.check(conference_checks.update_members_checks(spec))
        outcome = await conference_members.update_members(self._conferences, spec)
        return pb.UpdateMembersResponse(
            member_ids=outcome.member_ids, status=convert.command_status(outcome)
        )

    async def kick_members(self, request: pb.KickMembersRequest) -> pb.KickMembersResponse:
        """Remove members."""
        problems = Problems()
        spec = asked.KickSpec(
            name=request.name,
            node_id=node_of(request.node_id),
            members=read_selector(request.members, problems),
            keep_calls=request.keep_calls,
        )
        problems.check(conference_checks.kick_checks(spec))
        outcome = await conference_members.kick_members(self._conferences, spec)
        return pb.KickMembersResponse(
            member_ids=outcome.member_ids, status=convert.command_status(outcome)
        )

    async def move_members(self, request: pb.MoveMembersRequest) -> pb.MoveMembersResponse:
        """Send members to another conference."""
        problems = Problems()
        spec = asked.MoveSpec(
            name=request.name,
            node_id=node_of(request.node_id),
            members=read_selector(request.members, problems),
            target_name=request.target_name,
        )
        problems.check(conference_checks.move_checks(spec))
        outcome = await conference_members.move_members(self._conferences, spec)
        return pb.MoveMembersResponse(
            member_ids=outcome.member_ids, status=convert.command_status(outcome)
        )

    async def update(self, request: pb.UpdateConferenceRequest) -> pb.UpdateConferenceResponse:
        """Lock, unlock, set the pin or remove it."""
        spec = asked.UpdateConferenceSpec(
            name=request.name,
            node_id=node_of(request.node_id),
            locked=request.locked if request.HasField("locked") else None,
            pin=request.pin if request.HasField("pin") else None,
        )
        outcome = await conference_rooms.update_conference(self._conferences, spec)
        return pb.UpdateConferenceResponse(
            conference=convert_conference.conference(outcome.conference),
            status=convert.command_status(outcome),
        )

    async def play(self, request: pb.PlayToConferenceRequest) -> pb.PlayToConferenceResponse:
        """Play to all or to one."""
        problems = Problems()
        spec = asked.ConferencePlaySpec(
            name=request.name,
            node_id=node_of(request.node_id),
            source=convert_conference.read_played(request.source, problems),
            member_id=request.member_id,
        )
        problems.check(conference_checks.conference_play_checks(spec, self._settings))
        outcome = await conference_media.play(self._conferences, spec)
        return pb.PlayToConferenceResponse(
            playback_id=outcome.operation_id, status=convert.command_status(outcome)
        )

    async def stop_playback(
        self, request: pb.StopConferencePlaybackRequest
    ) -> pb.StopConferencePlaybackResponse:
        """Stop what plays."""
        room = asked.RoomSpec(name=request.name, node_id=node_of(request.node_id))
        outcome = await conference_media.stop_playback(self._conferences, room, request.member_id)
        return pb.StopConferencePlaybackResponse(status=convert.command_status(outcome))

    async def record(
        self, request: pb.StartConferenceRecordingRequest
    ) -> pb.StartConferenceRecordingResponse:
        """Begin to record."""
        spec = asked.ConferenceRecordSpec(
            name=request.name, node_id=node_of(request.node_id), path=request.path
        )
        outcome = await conference_media.start_recording(self._conferences, spec)
        return pb.StartConferenceRecordingResponse(
            recording_id=outcome.operation_id,
            path=outcome.file,
            status=convert.command_status(outcome),
        )

    async def stop_recording(
        self, request: pb.StopConferenceRecordingRequest
    ) -> pb.StopConferenceRecordingResponse:
        """Stop a recording, or all."""
        spec = asked.StopRecordingSpec(
            name=request.name,
            node_id=node_of(request.node_id),
            recording_id=OperationId(request.recording_id) if request.recording_id else None,
        )
        outcome = await conference_media.stop_recording(self._conferences, spec)
        return pb.StopConferenceRecordingResponse(status=convert.command_status(outcome))

    async def end(self, request: pb.EndConferenceRequest) -> pb.EndConferenceResponse:
        """End a conference."""
        spec = asked.EndSpec(
            name=request.name,
            node_id=node_of(request.node_id),
            keep_calls=request.keep_calls,
        )
        outcome = await conference_rooms.end_conference(self._conferences, spec)
        return pb.EndConferenceResponse(status=convert.command_status(outcome))


def _key(conference: Conference) -> paging.PageKey:
    name = conference.name[:_MAX_KEY].encode(errors="replace").decode()
    return 0, f"{name}\n{conference.conference_uuid}"
