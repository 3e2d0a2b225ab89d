"""Finding conferences on their nodes, and what is sent to them and what is not."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import TypeVar

import pytest
from tests.support.call_node import CORE, FIRST, A, B, Desk, FakeFleet, until

from callcontrol.calls.conferences import joining as conference_joining
from callcontrol.calls.conferences import media as conference_media
from callcontrol.calls.conferences import members as conference_members
from callcontrol.calls.conferences import requests as asked
from callcontrol.calls.conferences import rooms as conference_rooms
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.conferences.ids import recording_id
from callcontrol.calls.outcome import OriginateOutcome
from callcontrol.calls.requests import (
    ConferenceDestination,
    OriginateSpec,
    ToneSource,
    UriSource,
    UserEndpoint,
    WaitUntil,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallStateConflict,
    CommandQueueFull,
    ConferenceConflict,
    ConferenceNotFound,
    InvalidRequest,
    MemberNotFound,
    NodeUnavailable,
    OperationNotFound,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.messages import SwitchEvent
from callcontrol.ids import CallId, NodeId

T = TypeVar("T")
RUN = "943722bd-0615-4bf1-ac1a-74e577e7fc64"
NOT_FOUND = "-ERR Conference room not found\n"
MUTED = {"can_hear": True, "can_speak": False}


Row = Mapping[str, object]


def member(number: int, call_id: str = A, **more: object) -> Row:
    flags = {"can_hear": True, "can_speak": True}
    return {"type": "caller", "id": number, "uuid": call_id, "flags": flags, **more}


def listed(*members: Row, **more: object) -> str:
    room = {"conference_name": "room", "conference_uuid": RUN, "members": members, **more}
    return json.dumps([room])


class Hall:
    """A desk with conferences, whose node answers the command `conference` by its verb."""

    def __init__(self, nodes: int = 1, **settings: object) -> None:
        self.desk = Desk(
            ControlSettings(confirm_timeout_s=30, recording_root="/r", **settings),  # type: ignore[arg-type]  # test sugar
            nodes,
        )
        self.conferences = Conferences(FakeFleet(self.desk.nodes), self.desk.control.commander)
        self.replies: dict[str, str] = {"json_list": listed(member(1))}
        for node in self.desk.nodes:
            node.answers["conference"] = self.answer

    def answer(self, arguments: str) -> str:
        words = [word for word in arguments.split() if word in self.replies]
        return self.replies[words[0]] if words else "+OK\n"

    @property
    def commands(self) -> list[str]:
        """What was sent that is no question."""
        return [
            each.removeprefix("conference room ")
            for each in self.desk.node.sent
            if "json_list" not in each
        ]

    def happen(self, action: str, **more: str) -> None:
        headers = {
            "Event-Name": "CUSTOM",
            "Core-UUID": CORE,
            "Event-Subclass": "conference::maintenance",
            "Conference-Name": "room",
            "Conference-Unique-ID": RUN,
            "Action": action,
        }
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.desk.tracker.apply(FIRST, SwitchEvent(dict(headers)))

    async def while_(self, work: Coroutine[object, object, T], then: Callable[[], None]) -> T:
        """Do it, and let something happen as soon as a command is out."""
        before = len(self.commands)
        task = asyncio.ensure_future(work)
        await until(lambda: len(self.commands) > before or task.done())
        await asyncio.sleep(0)
        then()
        return await task


@pytest.fixture
def hall() -> Hall:
    return Hall()


async def test_a_conference_is_found_on_the_node_that_has_it():
    hall = Hall(nodes=2)
    hall.desk.nodes[0].answers["conference"] = NOT_FOUND
    assert (await hall.conferences.get("room")).node_id == "fs2"


async def test_a_name_on_several_nodes_must_be_told_apart():
    hall = Hall(nodes=2)
    with pytest.raises(InvalidRequest) as error:
        await hall.conferences.get("room")
    (violation,) = error.value.violations
    assert violation.field == "node_id"
    assert "fs1, fs2" in violation.problem
    assert (await hall.conferences.get("room", NodeId("fs2"))).node_id == "fs2"


async def test_a_node_that_is_away_is_not_looked_at():
    hall = Hall(nodes=2)
    hall.desk.nodes[1].reachable = False
    assert (await hall.conferences.get("room")).node_id == "fs1"
    hall.desk.nodes[0].reachable = False
    with pytest.raises(NodeUnavailable):
        await hall.conferences.get("room")


async def test_a_node_that_cannot_answer_hides_nothing_that_another_has():
    hall = Hall(nodes=2)
    hall.desk.nodes[1].answers["conference"] = CommandQueueFull(NodeId("fs2"), 9, 1.0)
    assert (await hall.conferences.get("room")).node_id == "fs1"
    hall.desk.nodes[0].answers["conference"] = NOT_FOUND
    with pytest.raises(CommandQueueFull):
        await hall.conferences.get("room")


async def test_a_question_that_is_lost_is_no_command_that_may_have_run(hall: Hall):
    hall.desk.node.answers["conference"] = OutcomeUnknown(FIRST, "the link broke")
    with pytest.raises(NodeUnavailable):
        await hall.conferences.get("room")


async def test_a_switch_without_conferences_refuses(hall: Hall):
    hall.desk.node.answers["conference"] = "-ERR conference Command not found!\n"
    with pytest.raises(SwitchRefused):
        await hall.conferences.get("room")
    with pytest.raises(SwitchRefused):
        await hall.conferences.all()


async def test_a_word_of_the_switch_that_is_no_conference_is_not_found(hall: Hall):
    hall.desk.node.answers["conference"] = "+OK No active conferences.\n"
    with pytest.raises(ConferenceNotFound):
        await hall.conferences.get("list")


async def test_one_who_is_muted_is_not_muted_again(hall: Hall):
    hall.replies["json_list"] = listed(member(2, B, flags=MUTED), member(1, flags=MUTED))
    spec = asked.UpdateMembersSpec(name="room", members=asked.Everybody(), can_speak=False)
    outcome = await conference_members.update_members(hall.conferences, spec)
    assert outcome.confirmed
    assert outcome.member_ids == (1, 2)
    assert not hall.commands


async def test_those_who_lack_it_are_changed_by_their_numbers(hall: Hall):
    hall.replies["json_list"] = listed(member(2, B), member(1, flags=MUTED))
    selector = asked.MembersById((1, 2))
    spec = asked.UpdateMembersSpec(
        name="room", members=selector, can_speak=False, volume_out=-2, energy_level=0
    )
    outcome = await conference_members.update_members(hall.conferences, spec)
    assert hall.commands == ["mute 2", "volume_out 1 -2", "volume_out 2 -2"]
    assert not outcome.confirmed
    assert outcome.member_ids == ()


async def test_all_are_told_at_a_time(hall: Hall):
    hall.replies["json_list"] = listed(member(2, B), member(1))
    spec = asked.UpdateMembersSpec(name="room", members=asked.NonModerators(), can_hear=False)
    await conference_members.update_members(hall.conferences, spec)
    assert hall.commands == ["deaf non_moderator"]


async def test_who_left_meanwhile_is_not_among_those_changed(hall: Hall):
    answers = iter([listed(member(2, B), member(1)), listed(member(1, flags=MUTED))])
    hall.desk.node.answers["conference"] = lambda arguments: (
        next(answers) if "json_list" in arguments else "+OK\n"
    )
    spec = asked.UpdateMembersSpec(name="room", members=asked.Everybody(), can_speak=False)
    outcome = await conference_members.update_members(hall.conferences, spec)
    assert outcome.confirmed
    assert outcome.member_ids == (1,)


async def test_the_node_that_goes_between_two_commands_leaves_an_unknown_outcome(hall: Hall):
    hall.replies["json_list"] = listed(member(1))

    def answer(arguments: str) -> str:
        if "deaf" in arguments:
            raise NodeUnavailable(FIRST, "gone", 1.0)
        return hall.answer(arguments)

    hall.desk.node.answers["conference"] = answer
    spec = asked.UpdateMembersSpec(
        name="room", members=asked.Everybody(), can_speak=False, can_hear=False
    )
    with pytest.raises(OutcomeUnknown):
        await conference_members.update_members(hall.conferences, spec)


async def test_the_floor_is_taken_and_given_until_nobody_was_faster(hall: Hall):
    floor = {"has_floor": True}
    holder = listed(member(2, B, flags=floor), member(1))
    mine = listed(member(2, B), member(1, flags=floor))
    lists = iter([holder, holder, holder, mine])
    replies = iter(["+OK floor none\n", "-ERR floor is held by 2\n", "+OK floor none\n"])

    def answer(arguments: str) -> str:
        if "json_list" in arguments:
            return next(lists)
        return next(replies, "+OK floor 1\n")

    hall.desk.node.answers["conference"] = answer
    spec = asked.UpdateMembersSpec(name="room", members=asked.MembersById((1,)), floor=True)
    outcome = await conference_members.update_members(hall.conferences, spec)
    assert hall.commands == ["floor 2", "floor 1", "floor 2", "floor 1"]
    assert outcome.confirmed


async def test_a_floor_that_is_never_free_is_a_refusal(hall: Hall):
    hall.replies |= {
        "json_list": listed(member(2, B, flags={"has_floor": True}), member(1)),
        "floor": "-ERR floor is held by 2\n",
    }
    spec = asked.UpdateMembersSpec(name="room", members=asked.MembersById((1,)), floor=True)
    with pytest.raises(SwitchRefused):
        await conference_members.update_members(hall.conferences, spec)
    assert len(hall.commands) == 10


async def test_a_kick_keeps_calls_only_where_that_is_asked_for(hall: Hall):
    hall.replies |= {"json_list": listed(member(2, B), member(1)), "kick": "+OK kicked 1\n"}
    one = asked.MembersById((1,))

    def leave() -> None:
        hall.happen("del-member", Member_ID="1")

    kept = asked.KickSpec(name="room", members=one, keep_calls=True)
    first = await hall.while_(conference_members.kick_members(hall.conferences, kept), leave)
    ended = asked.KickSpec(name="room", members=one)
    second = await hall.while_(conference_members.kick_members(hall.conferences, ended), leave)

    assert hall.commands == ["kick 1", f"uuid_kill {A} NORMAL_CLEARING"]
    assert (first.confirmed, second.confirmed) == (True, True)
    assert (first.member_ids, second.member_ids) == ((1,), (1,))


async def test_who_came_in_meanwhile_is_waited_for_where_all_are_kicked(hall: Hall):
    hall.replies["kick"] = "Skipping moderator (member id 9).\n+OK kicked 3\n+OK kicked 1\n"

    def leave() -> None:
        for number in ("1", "3"):
            hall.happen("del-member", Member_ID=number)

    spec = asked.KickSpec(name="room", members=asked.NonModerators(), keep_calls=True)
    outcome = await hall.while_(conference_members.kick_members(hall.conferences, spec), leave)
    assert outcome.member_ids == (1, 3)


async def test_a_kick_without_a_proof_in_time_is_accepted():
    hall = Hall()
    hall.conferences.commander.settings = ControlSettings(confirm_timeout_s=0)
    spec = asked.KickSpec(name="room", members=asked.Everybody())
    outcome = await conference_members.kick_members(hall.conferences, spec)
    assert not outcome.confirmed


async def test_an_unknown_member_is_told_by_its_number_or_leg(hall: Hall):
    for selector, told in ((asked.MembersById((7,)), "7"), (asked.MembersByCall((B,)), B)):
        spec = asked.KickSpec(name="room", members=selector)
        with pytest.raises(MemberNotFound) as error:
            await conference_members.kick_members(hall.conferences, spec)
        assert error.value.member == told
    assert not hall.commands


async def test_members_are_moved_twenty_at_a_time(hall: Hall):
    hall.replies["json_list"] = listed(*(member(n, f"leg-{n}") for n in range(25, 0, -1)))

    def answer(arguments: str) -> str:
        if "other json_list" in arguments:
            return "-ERR Conference other not found\n"
        words = arguments.split()
        if "transfer" not in words:
            return hall.answer(arguments)
        return "".join(f"+OK Member '{n}' sent to conference other.\n" for n in words[3:])

    hall.desk.node.answers["conference"] = answer
    spec = asked.MoveSpec(name="room", members=asked.Everybody(), target_name="other")
    hall.conferences.commander.settings = ControlSettings(confirm_timeout_s=0)
    outcome = await conference_members.move_members(hall.conferences, spec)
    first, second = hall.commands
    assert first == "transfer other " + " ".join(map(str, range(1, 21)))
    assert second == "transfer other 21 22 23 24 25"
    assert len(outcome.member_ids) == 25


async def test_a_locked_conference_is_no_place_for_inbound_legs(hall: Hall):
    hall.desk.parked(A)
    hall.replies["json_list"] = listed(member(9, B), locked=True)
    spec = asked.AddSpec(conference=ConferenceDestination(name="room"), call_ids=(A,))
    with pytest.raises(ConferenceConflict) as error:
        await conference_joining.add_members(hall.conferences, spec)
    assert error.value.state == "locked"
    assert not hall.commands


async def test_a_full_conference_is_no_place_for_anybody(hall: Hall):
    hall.desk.ringing(A, "outbound")
    hall.replies["json_list"] = listed(member(9, B), max_members=1, member_count=1)
    spec = asked.AddSpec(conference=ConferenceDestination(name="room"), call_ids=(A,))
    with pytest.raises(ConferenceConflict) as error:
        await conference_joining.add_members(hall.conferences, spec)
    assert error.value.state == "full"


async def test_a_full_conference_keeps_out_who_is_dialled_but_not_a_repeat(hall: Hall):
    async def originate(spec: OriginateSpec) -> OriginateOutcome:
        call = hall.desk.tracker.require(spec.call_id or A)
        return OriginateOutcome(
            confirmed=True, call=call, reached=WaitUntil.ACCEPTED, replayed=True
        )

    def dial(call_id: CallId) -> asked.DialSpec:
        endpoint = UserEndpoint(user="1000", domain="example.org")
        return asked.DialSpec(
            name="room", endpoint=endpoint, call_id=call_id, request_id="r", fingerprint="f"
        )

    hall.desk.active(A)
    hall.replies["json_list"] = listed(member(9, A), max_members=1, member_count=1)
    with pytest.raises(ConferenceConflict):
        await conference_joining.dial_member(hall.conferences, dial(B), originate)
    repeat = await conference_joining.dial_member(hall.conferences, dial(A), originate)
    assert repeat.replayed


async def test_legs_of_two_nodes_cannot_be_in_one_conference():
    hall = Hall(nodes=2)
    hall.desk.active(A)
    hall.desk.active(B, node=1)
    spec = asked.AddSpec(conference=ConferenceDestination(name="new"), call_ids=(A, B))
    with pytest.raises(CallStateConflict):
        await conference_joining.add_members(hall.conferences, spec)


async def test_legs_of_one_node_are_not_brought_into_the_conference_of_another():
    hall = Hall(nodes=2)
    hall.desk.active(A)
    hall.desk.nodes[0].answers["conference"] = NOT_FOUND
    spec = asked.AddSpec(conference=ConferenceDestination(name="room"), call_ids=(A,))
    with pytest.raises(InvalidRequest) as error:
        await conference_joining.add_members(hall.conferences, spec)
    assert [each.field for each in error.value.violations] == ["node_id"]


async def test_a_leg_that_ends_behind_one_that_is_asked_for_its_pin_is_told(hall: Hall):
    hall.conferences.commander.settings = ControlSettings(confirm_timeout_s=0.01)
    hall.desk.parked(A)
    hall.desk.parked(B)
    hall.desk.node.answers["conference"] = NOT_FOUND
    spec = asked.AddSpec(conference=ConferenceDestination(name="room"), call_ids=(A, B))

    def transferred(arguments: str) -> str:
        if arguments.startswith(B):
            hall.desk.hang_up(B, "CALL_REJECTED")
        return "+OK\n"

    hall.desk.node.answers["uuid_transfer"] = transferred
    outcome = await conference_joining.add_members(hall.conferences, spec)
    ((failed, error),) = outcome.failures
    assert (failed, type(error).__name__) == (B, "CallHasEnded")


async def test_one_leg_that_fails_is_told_beside_those_that_came_in(hall: Hall):
    hall.desk.parked(A)
    hall.desk.parked(B)
    hall.desk.node.answers["uuid_transfer"] = lambda arguments: (
        "+OK\n" if arguments.startswith(A) else "-ERR No such channel!\n"
    )
    answers = iter([NOT_FOUND, listed(member(1))])
    hall.desk.node.answers["conference"] = lambda _: next(answers)
    spec = asked.AddSpec(conference=ConferenceDestination(name="room", pin="4711"), call_ids=(A, B))
    outcome = await hall.while_(
        conference_joining.add_members(hall.conferences, spec),
        lambda: hall.happen("add-member", Member_ID="1", Unique_ID=A),
    )
    ((failed, error),) = outcome.failures
    assert not outcome.confirmed
    assert [each.call_id for each in outcome.members] == [A]
    assert (failed, type(error).__name__) == (B, "CallHasEnded")
    assert hall.commands[0] == (
        f"uuid_transfer {A} conference:%[supplied_pin=4711]room@default inline"
    )


async def test_a_leg_that_ends_on_its_way_is_a_failure(hall: Hall):
    hall.desk.parked(A)
    hall.replies["json_list"] = NOT_FOUND
    spec = asked.AddSpec(conference=ConferenceDestination(name="room"), call_ids=(A,))
    with pytest.raises(Exception, match="has ended") as error:
        await hall.while_(
            conference_joining.add_members(hall.conferences, spec),
            lambda: hall.desk.end(A, "DESTINATION_OUT_OF_ORDER"),
        )
    assert type(error.value).__name__ == "CallHasEnded"


async def test_a_lock_that_is_so_is_not_asked_for_and_a_pin_always_is(hall: Hall):
    hall.replies |= {
        "json_list": listed(member(1), locked=True),
        "pin": "+OK Pin for conference room set: 4711\n",
    }
    spec = asked.UpdateConferenceSpec(name="room", locked=True, pin="4711")
    outcome = await conference_rooms.update_conference(hall.conferences, spec)
    assert outcome.confirmed
    assert hall.commands == ["pin 4711"]
    assert "4711" not in repr(spec)


async def test_a_pin_that_the_reply_does_not_repeat_is_accepted_only(hall: Hall):
    hall.replies["pin"] = "+OK Pin for conference room set: 47\n"
    spec = asked.UpdateConferenceSpec(name="room", pin="4711")
    assert not (await conference_rooms.update_conference(hall.conferences, spec)).confirmed


async def test_the_end_waits_for_this_run_of_the_conference(hall: Hall):
    def gone() -> None:
        hall.happen("conference-destroy", Conference_Unique_ID="another run")
        hall.happen("conference-destroy")

    spec = asked.EndSpec(name="room", keep_calls=True)
    outcome = await hall.while_(conference_rooms.end_conference(hall.conferences, spec), gone)
    assert outcome.confirmed
    assert hall.commands == ["hup all"]


async def test_a_conference_that_ended_with_its_calls_is_gone(hall: Hall):
    hall.replies["hup"] = NOT_FOUND
    spec = asked.EndSpec(name="room")
    assert (await conference_rooms.end_conference(hall.conferences, spec)).confirmed
    assert hall.commands == [f"uuid_kill {A} NORMAL_CLEARING", "hup all"]


async def test_a_tone_is_a_command_and_an_url_a_job():
    hall = Hall(media_prefixes=("https://a.example/",))
    tone = asked.ConferencePlaySpec(name="room", source=ToneSource("%(100,0,440)"))
    played = await hall.while_(
        conference_media.play(hall.conferences, tone),
        lambda: hall.happen("play-file", File="tone_stream://%(100,0,440)"),
    )
    assert played.confirmed
    url = asked.ConferencePlaySpec(
        name="room", source=UriSource("https://a.example/b.wav"), member_id=1
    )
    playing = asyncio.ensure_future(conference_media.play(hall.conferences, url))
    await until(lambda: bool(hall.desk.node.jobs))
    await until(lambda: len(hall.commands) == 2)
    hall.happen("play-file-member", File="https://a.example/b.wav", Member_ID="1")
    hall.desk.node.job.outcome.set_result("+OK (play) Playing file\n")
    assert (await playing).confirmed
    assert hall.commands[1] == "play https://a.example/b.wav 1"


async def test_a_file_that_the_switch_cannot_open_is_refused(hall: Hall):
    hall.replies["play"] = "-ERR (play) File: x not found.\n"
    spec = asked.ConferencePlaySpec(name="room", source=ToneSource("%(1,0,1)"))
    with pytest.raises(SwitchRefused):
        await conference_media.play(hall.conferences, spec)


async def test_stopping_waits_for_as_many_ends_as_the_switch_counted(hall: Hall):
    hall.replies["stop"] = "+OK Stopped 2 files.\n"

    def end() -> None:
        for _ in range(2):
            hall.happen("play-file-done", File="a")

    spec = asked.RoomSpec(name="room")
    outcome = await hall.while_(conference_media.stop_playback(hall.conferences, spec), end)
    assert outcome.confirmed


async def test_a_recording_is_begun_when_its_event_says_so(hall: Hall):
    spec = asked.ConferenceRecordSpec(name="room", path="a.wav")
    outcome = await hall.while_(
        conference_media.start_recording(hall.conferences, spec),
        lambda: hall.happen("start-recording", Path="/r/a.wav"),
    )
    assert outcome.confirmed
    assert outcome.file == "/r/a.wav"
    assert hall.commands == ["record /r/a.wav"]


async def test_a_recording_that_could_not_be_opened_is_refused(hall: Hall):
    spec = asked.ConferenceRecordSpec(name="room", path="a.wav")
    with pytest.raises(SwitchRefused) as error:
        await hall.while_(
            conference_media.start_recording(hall.conferences, spec),
            lambda: hall.happen("start-recording", Path="/r/a.wav", Error="no room"),
        )
    assert error.value.reply == "no room"


async def test_what_is_recorded_already_is_not_recorded_twice(hall: Hall):
    node = {"type": "recording_node", "record_path": "/r/a.wav"}
    hall.replies["json_list"] = listed(node, member(1))
    spec = asked.ConferenceRecordSpec(name="room", path="a.wav")
    assert (await conference_media.start_recording(hall.conferences, spec)).confirmed
    assert not hall.commands


async def test_a_recording_is_stopped_by_its_id_alone(hall: Hall):
    paths = ("/r/a.wav", "/r/b c.wav")
    nodes = [{"type": "recording_node", "record_path": path} for path in paths]
    hall.replies["json_list"] = listed(*nodes, member(1))
    recordings = (await hall.conferences.get("room")).recordings
    (wanted,) = [each for each in recordings if each.path == "/r/b c.wav"]
    spec = asked.StopRecordingSpec(name="room", recording_id=wanted.recording_id)
    outcome = await hall.while_(
        conference_media.stop_recording(hall.conferences, spec),
        lambda: hall.happen("stop-recording", Path="/r/b c.wav"),
    )
    assert outcome.confirmed
    assert hall.commands == [r"norecord /r/b\sc.wav"]


async def test_a_recording_that_is_none_is_not_found(hall: Hall):
    unknown = recording_id(RUN, "/r/z.wav")
    spec = asked.StopRecordingSpec(name="room", recording_id=unknown)
    with pytest.raises(OperationNotFound):
        await conference_media.stop_recording(hall.conferences, spec)


@pytest.mark.parametrize("name", ["two words", "room@x", "-r", "room\nbgapi status", "${x}", ""])
async def test_no_name_becomes_more_than_a_name(hall: Hall, name: str):
    spec = asked.EndSpec(name=name)
    with pytest.raises(InvalidRequest):
        await conference_rooms.end_conference(hall.conferences, spec)
    assert not hall.desk.node.sent
