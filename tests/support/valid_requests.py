"""For every RPC, requests that a willing switch serves, and the verbs that they come to.

Every string in them is a mark: it occurs nowhere else, so that it can be found in what is sent.
"""

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from tests.support.willing_answers import (
    ACTIVE,
    BRIDGED,
    HELD,
    OTHER,
    PLAYING,
    RECORDED,
    RINGING,
    ROOM,
    ROOM_RUN,
    SCHEDULED,
)
from tests.support.willing_switch import NODE, PLAYBACK

from callcontrol.calls.conferences import ids as conference_ids
from callcontrol.calls.media.recording_id import recording_id
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_pb2
from callcontrol.v1 import conference_service_pb2 as conf
from callcontrol.v1 import event_service_pb2 as events
from callcontrol.v1 import node_service_pb2 as nodes

MATCHES = (
    common_pb2.StringMatch(exact="marktext"),
    common_pb2.StringMatch(prefix="marktext"),
    common_pb2.StringMatch(suffix="marktext"),
    common_pb2.StringMatch(contains="marktext"),
    common_pb2.StringMatch(regex="marktext"),
)
MARKED = {"markname": "markvalue"}
CALLER = call_pb2.Party(number="4930111222", name="Mark Caller")
USER = call_pb2.Endpoint(
    user=call_pb2.User(id="markuser", domain="mark.example.org"), variables=MARKED
)
ANOTHER = call_pb2.Endpoint(
    user=call_pb2.User(id="markanother", domain="other.example.org"),
    variables={"ownname": "ownvalue"},
)
GATEWAY = call_pb2.Endpoint(
    gateway=call_pb2.GatewayNumber(gateway="markgateway", number="4930555777")
)
SIP = call_pb2.Endpoint(
    sip=call_pb2.SipAddress(profile="markprofile", address="marksip@sip.example.org:5090")
)
LOOPBACK = call_pb2.Endpoint(
    loopback=call_pb2.Loopback(extension="markextension", context="markcontext"), variables=MARKED
)
RAW = call_pb2.Endpoint(raw="sofia/markraw/4930555888@raw.example.org")
ENDPOINTS = (USER, GATEWAY, SIP, LOOPBACK, RAW)
EXTENSION = call_pb2.Destination(
    extension=call_pb2.DialplanExtension(
        extension="markdestination", dialplan="XML", context="markplace"
    )
)
APPLICATIONS = call_pb2.Destination(
    applications=call_pb2.Applications(
        items=[
            call_pb2.Application(name="markapp", data="markdata"),
            call_pb2.Application(name="park"),
        ]
    )
)
MEETING = call_pb2.JoinConference(
    name="markmeeting", profile="markmood", flags=["mute", "deaf"], pin="90817263"
)
JOIN = call_pb2.Destination(conference=MEETING)
PARK = call_pb2.Destination(park=call_pb2.Park(timeout=Duration(seconds=5)))
DESTINATIONS = (EXTENSION, APPLICATIONS, JOIN, PARK)
FILE = common_pb2.MediaSource(uri="/srv/sounds/markfile.wav")
TONE = common_pb2.MediaSource(tone_stream="%(1000,0,440)")
SPEECH = common_pb2.MediaSource(
    speech=common_pb2.Speech(text="marked words", engine="markengine", voice="markvoice")
)
PHRASE = common_pb2.MediaSource(
    phrase=common_pb2.Phrase(name="markphrase", data="words of it", language="mk")
)
SAY = common_pb2.MediaSource(
    say=common_pb2.Say(text="5544332211", language="qz", kind=common_pb2.Say.KIND_TELEPHONE_NUMBER)
)
SOURCES = (FILE, TONE, SPEECH, PHRASE, SAY)
PLAIN_SPEECH = common_pb2.MediaSource(speech=common_pb2.Speech(text="marked words"))
MEMBERS = conf.MemberSelector(call_ids=conf.CallIds(values=[ACTIVE]))
A_RECORDING = recording_id(ACTIVE, RECORDED)
A_ROOMS_RECORDING = conference_ids.recording_id(ROOM_RUN, RECORDED)
SHORT = Duration(seconds=2)


@dataclass(frozen=True)
class Valid:
    """Requests of one RPC, and what may be done for them."""

    requests: tuple[Message, ...]
    verbs: tuple[str, ...] = ()
    """By their names in the table of verbs."""
    reads: tuple[str, ...] = ()
    """Commands beside them that only look something up."""
    only_reads: bool = False
    """Nothing is changed."""


def _originates() -> tuple[Message, ...]:
    first = [
        pb.OriginateRequest(
            node_id=NODE,
            endpoints=[endpoint],
            destination=DESTINATIONS[place % len(DESTINATIONS)],
            caller=CALLER,
            variables={"sharedname": "valueforall"},
            labels={"ownlabel": "taggedvalue"},
        )
        for place, endpoint in enumerate(ENDPOINTS)
    ]
    several = pb.OriginateRequest(endpoints=[LOOPBACK, ANOTHER], destination=EXTENSION)
    # By itself: what else its id comes with is refused after the first time.
    known = pb.OriginateRequest(request_id="markrequest", endpoints=[SIP], destination=EXTENSION)
    return (*first, several, known)


def _transfers() -> tuple[Message, ...]:
    return tuple(pb.TransferRequest(call_id=ACTIVE, destination=each) for each in DESTINATIONS)


def _dials_and_bridges() -> tuple[Message, ...]:
    return tuple(
        pb.DialAndBridgeRequest(
            call_id=ACTIVE,
            endpoints=[endpoint],
            caller=CALLER,
            variables={"sharedname": "valueforall"},
        )
        for endpoint in ENDPOINTS
    )


VALID: dict[str, Valid] = {
    "CallControlService/Originate": Valid(
        _originates(), ("ORIGINATE",), reads=("uuid_exists", "uuid_dump")
    ),
    "CallControlService/GetCall": Valid(
        (pb.GetCallRequest(call_id=ACTIVE),), ("GET_VARIABLES",), only_reads=True
    ),
    "CallControlService/ListCalls": Valid(
        (pb.ListCallsRequest(node_id=NODE), pb.ListCallsRequest(filter="call.node_id == 'mark'"))
    ),
    "CallControlService/Answer": Valid(
        (pb.AnswerRequest(call_id=RINGING),), ("ANSWER", "PRE_ANSWER")
    ),
    "CallControlService/Hangup": Valid(
        (pb.HangupRequest(call_id=ACTIVE, cause="USER_BUSY"),), ("HANGUP",)
    ),
    "CallControlService/HangupCalls": Valid(
        (pb.HangupCallsRequest(filter="call.node_id == 'fs1'", cause="USER_BUSY"),), ("HANGUP",)
    ),
    "CallControlService/Transfer": Valid(
        _transfers(), ("TRANSFER", "PARK", "JOIN", "RUN_APPLICATIONS")
    ),
    "CallControlService/Deflect": Valid(
        (
            pb.DeflectRequest(call_id=ACTIVE, uri="sip:markdeflect@far.example.org"),
            pb.DeflectRequest(call_id=RINGING, uri="sip:markdeflect@far.example.org"),
        ),
        ("DEFLECT", "REDIRECT"),
    ),
    "CallControlService/ScheduleHangup": Valid(
        (pb.ScheduleHangupRequest(call_id=ACTIVE, after=SHORT, cause="USER_BUSY"),),
        ("SCHEDULE_HANGUP",),
    ),
    "CallControlService/CancelScheduledHangup": Valid(
        (pb.CancelScheduledHangupRequest(call_id=ACTIVE, schedule_id=SCHEDULED),),
        ("CANCEL_SCHEDULED_HANGUP",),
    ),
    "CallControlService/Ring": Valid((pb.RingRequest(call_id=RINGING),), ("RING",)),
    "CallControlService/SendMessage": Valid(
        (
            pb.SendMessageRequest(
                call_id=ACTIVE,
                method=pb.SendMessageRequest.METHOD_INFO,
                content_type="text/markup",
                body="mark this body",
            ),
            pb.SendMessageRequest(
                call_id=ACTIVE, method=pb.SendMessageRequest.METHOD_MESSAGE, body="mark this body"
            ),
        ),
        ("SEND_INFO", "SEND_MESSAGE"),
    ),
    "CallControlService/Bridge": Valid(
        (pb.BridgeRequest(call_id=ACTIVE, peer_call_id=OTHER),), ("BRIDGE",)
    ),
    "CallControlService/Hold": Valid(
        (pb.HoldRequest(call_id=ACTIVE, display="Mark Display"),), ("HOLD",)
    ),
    "CallControlService/Unhold": Valid((pb.UnholdRequest(call_id=HELD),), ("UNHOLD",)),
    "CallControlService/Mute": Valid((pb.MuteRequest(call_id=ACTIVE),), ("MUTE",)),
    "CallControlService/Unmute": Valid((pb.UnmuteRequest(call_id=ACTIVE),), ("UNMUTE",)),
    "CallControlService/Park": Valid((pb.ParkRequest(call_id=ACTIVE),), ("PARK",)),
    "CallControlService/Play": Valid(
        (
            *(pb.PlayRequest(call_id=ACTIVE, sources=[each]) for each in SOURCES),
            pb.PlayRequest(call_id=BRIDGED, sources=[FILE], mix=True),
        ),
        ("PLAY", "MIX", "SPEAK", "SAY"),
    ),
    "CallControlService/StopPlayback": Valid(
        (pb.StopPlaybackRequest(call_id=PLAYING, playback_id=PLAYBACK),),
        ("STOP_PLAYBACK", "STOP_MIXED"),
    ),
    "CallControlService/StartRecording": Valid(
        (pb.StartRecordingRequest(call_id=ACTIVE, path="markrecording.wav"),),
        ("START_RECORDING",),
    ),
    "CallControlService/MaskRecording": Valid(
        (pb.MaskRecordingRequest(call_id=ACTIVE, recording_id=A_RECORDING),), ("MASK_RECORDING",)
    ),
    "CallControlService/StopRecording": Valid(
        (pb.StopRecordingRequest(call_id=ACTIVE, recording_id=A_RECORDING),), ("STOP_RECORDING",)
    ),
    "CallControlService/SendDtmf": Valid(
        (
            pb.SendDtmfRequest(call_id=ACTIVE, digits="13579"),
            pb.SendDtmfRequest(call_id=ACTIVE, digits="13579", as_received=True),
        ),
        ("SEND_DTMF", "RECEIVE_DTMF"),
    ),
    "CallControlService/SetVariables": Valid(
        (pb.SetVariablesRequest(call_id=ACTIVE, variables=MARKED),), ("SET_VARIABLES",)
    ),
    "CallControlService/GetVariables": Valid(
        (pb.GetVariablesRequest(call_id=ACTIVE, names=["markread"]),),
        ("GET_VARIABLES",),
        only_reads=True,
    ),
    "CallControlService/Eavesdrop": Valid(
        (pb.EavesdropRequest(call_id=ACTIVE, listener_call_id=OTHER),), ("EAVESDROP",)
    ),
    "CallControlService/ExecuteApplication": Valid(
        (
            pb.ExecuteApplicationRequest(
                call_id=ACTIVE,
                application=call_pb2.Application(name="markapp", data="markdata"),
            ),
        ),
        ("EXECUTE_APPLICATION",),
    ),
    "CallControlService/DialAndBridge": Valid(_dials_and_bridges(), ("DIAL_AND_BRIDGE",)),
    "CallControlService/AttendedTransfer": Valid(
        tuple(
            pb.AttendedTransferRequest(call_id=BRIDGED, endpoint=each, caller=CALLER)
            for each in ENDPOINTS
        ),
        ("ATTENDED_TRANSFER",),
    ),
    "CallControlService/ControlPlayback": Valid(
        (pb.ControlPlaybackRequest(call_id=PLAYING, playback_id=PLAYBACK, volume=3),),
        ("CONTROL_PLAYBACK",),
    ),
    "CallControlService/CollectDigits": Valid(
        tuple(
            pb.CollectDigitsRequest(
                call_id=ACTIVE,
                prompt=[prompt],
                invalid_prompt=[other],
                max_digits=4,
                timeout=SHORT,
                terminators="#",
                pattern="4711",
            )
            for prompt, other in ((FILE, TONE), (TONE, FILE))
        ),
        ("COLLECT_DIGITS",),
    ),
    "ConferenceService/GetConference": Valid(
        (conf.GetConferenceRequest(name=ROOM, node_id=NODE),), ("GET_CONFERENCE",), only_reads=True
    ),
    "ConferenceService/ListConferences": Valid(
        (conf.ListConferencesRequest(node_id=NODE),), ("LIST_CONFERENCES",), only_reads=True
    ),
    "ConferenceService/AddMembers": Valid(
        (conf.AddMembersRequest(conference=MEETING, call_ids=[ACTIVE], node_id=NODE),),
        ("ADD_MEMBERS",),
    ),
    "ConferenceService/DialMember": Valid(
        tuple(
            conf.DialMemberRequest(
                name="markmeeting",
                endpoint=each,
                caller=CALLER,
                flags=["mute", "deaf"],
                node_id=NODE,
            )
            for each in ENDPOINTS
        ),
        ("DIAL_MEMBER",),
    ),
    "ConferenceService/UpdateMembers": Valid(
        (
            conf.UpdateMembersRequest(name=ROOM, members=MEMBERS, can_speak=False, volume_in=2),
            conf.UpdateMembersRequest(name=ROOM, members=MEMBERS, floor=True, node_id=NODE),
        ),
        ("UPDATE_MEMBERS",),
    ),
    "ConferenceService/KickMembers": Valid(
        (
            conf.KickMembersRequest(name=ROOM, members=MEMBERS, node_id=NODE),
            conf.KickMembersRequest(name=ROOM, members=MEMBERS, keep_calls=True),
        ),
        ("KICK_MEMBERS",),
    ),
    "ConferenceService/MoveMembers": Valid(
        (
            conf.MoveMembersRequest(
                name=ROOM, members=MEMBERS, target_name="marktarget", node_id=NODE
            ),
        ),
        ("MOVE_MEMBERS",),
    ),
    "ConferenceService/UpdateConference": Valid(
        (conf.UpdateConferenceRequest(name=ROOM, pin="90817263", locked=True, node_id=NODE),),
        ("UPDATE_CONFERENCE",),
    ),
    "ConferenceService/PlayToConference": Valid(
        tuple(
            conf.PlayToConferenceRequest(name=ROOM, source=each, node_id=NODE)
            for each in (FILE, TONE, PLAIN_SPEECH)
        ),
        ("PLAY_TO_CONFERENCE",),
    ),
    "ConferenceService/StopConferencePlayback": Valid(
        (conf.StopConferencePlaybackRequest(name=ROOM, node_id=NODE),),
        ("STOP_CONFERENCE_PLAYBACK",),
    ),
    "ConferenceService/StartConferenceRecording": Valid(
        (conf.StartConferenceRecordingRequest(name=ROOM, path="markrecording.wav", node_id=NODE),),
        ("START_CONFERENCE_RECORDING",),
    ),
    "ConferenceService/StopConferenceRecording": Valid(
        (
            conf.StopConferenceRecordingRequest(name=ROOM, node_id=NODE),
            conf.StopConferenceRecordingRequest(name=ROOM, recording_id=A_ROOMS_RECORDING),
        ),
        ("STOP_CONFERENCE_RECORDING",),
    ),
    "ConferenceService/EndConference": Valid(
        (conf.EndConferenceRequest(name=ROOM, node_id=NODE),), ("END_CONFERENCE",)
    ),
    "EventService/CheckFilter": Valid(
        (
            *(
                events.CheckFilterRequest(
                    filters=[
                        events.EventFilter(
                            names=["CUSTOM"],
                            node_ids=[NODE],
                            call_ids=["mark-call"],
                            subclasses=["mark::subclass"],
                            headers={"Mark": match},
                            labels={"mark": match},
                            expression='event.name == "mark" && headers["Mark"] != ""',
                        )
                    ],
                    samples=[event_pb2.Event(name="CUSTOM", call_id="mark-call")],
                )
                for match in MATCHES
            ),
        )
    ),
    "EventService/PublishEvent": Valid(
        (
            events.PublishEventRequest(
                node_id=NODE, subclass="mark::subclass", headers=MARKED, body=b"marked body"
            ),
        ),
        ("PUBLISH_EVENT",),
    ),
    "NodeService/GetNode": Valid((nodes.GetNodeRequest(node_id=NODE),)),
    "NodeService/ListNodes": Valid((nodes.ListNodesRequest(),)),
    "AdminService/SetNodeDraining": Valid((nodes.SetNodeDrainingRequest(node_id=NODE),)),
    "AdminService/ExecuteApi": Valid(
        (
            nodes.ExecuteApiRequest(node_id=NODE, command="markapi", arguments="markargument"),
            nodes.ExecuteApiRequest(node_id=NODE, command="status"),
        ),
        ("EXECUTE_API",),
    ),
    "AdminService/ListSubscriptions": Valid((nodes.ListSubscriptionsRequest(),)),
    "AdminService/CloseSubscription": Valid(
        (nodes.CloseSubscriptionRequest(subscription_id="marksubscription"),)
    ),
}
"""By the label of the RPC."""
