"""Which headers an event of a channel has, in which order, and which events carry variables."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from callcontrol.simulator.channel import Channel, Codec, Profile, Role, Times
from callcontrol.simulator.events import Header
from callcontrol.simulator.words import words

CALLED_FROM: dict[str, tuple[str, str, int]] = {
    "ADD_SCHEDULE": ("switch_scheduler.c", "switch_scheduler_add_task_ex", 266),
    "API": ("switch_loadable_module.c", "switch_api_execute", 2954),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1572),
    "CALL_UPDATE": ("switch_channel.c", "switch_channel_flip_cid", 3277),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3846),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1689),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", 301),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", 626),
    "CHANNEL_DATA": ("mod_commands.c", "uuid_dump_function", 6468),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", 1584),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2944),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2967),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3445),
    "CHANNEL_HANGUP_COMPLETE": (
        "switch_core_state_machine.c",
        "switch_core_session_reporting_state",
        943,
    ),
    "CHANNEL_HOLD": ("switch_ivr.c", "switch_ivr_hold", 1558),
    "CHANNEL_ORIGINATE": ("switch_core_state_machine.c", "switch_core_session_run", 632),
    "CHANNEL_OUTGOING": ("switch_core_session.c", "switch_core_session_outgoing_channel", 768),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_PROGRESS": (
        "switch_channel.c",
        "switch_channel_perform_mark_ring_ready_value",
        3505,
    ),
    "CHANNEL_PROGRESS_MEDIA": (
        "switch_channel.c",
        "switch_channel_perform_mark_pre_answered",
        3560,
    ),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2408),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1879),
    "CHANNEL_UNHOLD": ("switch_ivr.c", "switch_ivr_unhold", 1638),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "CHANNEL_UUID": ("switch_core_session.c", "switch_core_session_set_uuid", 2051),
    "COMMAND": ("switch_ivr_async.c", "switch_ivr_broadcast", 5731),
    "DEL_SCHEDULE": ("switch_scheduler.c", "task_thread_loop", 151),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 677),
    "HEARTBEAT": ("switch_core.c", "send_heartbeat", 95),
    "MEDIA_BUG_START": ("switch_core_media_bug.c", "switch_core_media_bug_add", 1014),
    "MEDIA_BUG_STOP": ("switch_core_media_bug.c", "switch_core_media_bug_destroy", 84),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1646),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2020),
    "PRESENCE_IN": ("switch_channel.c", "switch_channel_perform_presence", 805),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", 804),
    "RECORD_START": ("switch_ivr_async.c", "record_callback", 1481),
    "RECORD_STOP": ("switch_ivr_async.c", "send_record_stop_event", 1240),
    "RE_SCHEDULE": ("switch_scheduler.c", "switch_scheduler_execute", 73),
    "RELOADXML": ("switch_xml.c", "switch_xml_open_root", 2418),
    "SHUTDOWN": ("switch_core.c", "switch_core_destroy", 3010),
    "SHUTDOWN_REQUESTED": ("switch_core.c", "switch_core_session_ctl", 2800),
}
"""Where in the core each event is made: Event-Calling-File, -Function, -Line-Number."""

CARRIES_VARIABLES = frozenset(
    words("""CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_ANSWER CHANNEL_PARK
    CHANNEL_UNPARK CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA
    CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DATA CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE
    CHANNEL_DESTROY CHANNEL_HOLD CHANNEL_UNHOLD RECORD_START RECORD_STOP PLAYBACK_START
    PLAYBACK_STOP CALL_UPDATE MEDIA_BUG_START MEDIA_BUG_STOP""")
)
"""The events of a channel that carry `variable_…` (switch_channel_event_set_extended_data)."""


def profile_headers(prefix: str, channel: Channel) -> list[Header]:
    """The caller profile, under another prefix than that of events."""
    return list(_profile(prefix, channel))


def channel_headers(name: str, channel: Channel) -> list[Header]:
    """Everything the event `name` says of a channel itself."""
    found: list[Header] = [*_basic(channel), *_profile("Caller-", channel)]
    partner = channel.partner
    if partner is not None:
        role = Role.ORIGINATEE if partner is channel.originatee else Role.ORIGINATOR
        found.append(("Other-Type", role.value))
        found += _other_leg(partner, channel.partner_profile or partner.profile, role)
    if name in CARRIES_VARIABLES:
        found += [(f"scope_variable_{key}", value) for key, value in channel.scope.items()]
        found += [(_variable(key), value) for key, value in channel.variables.items()]
    return found


@lru_cache(maxsize=4_096)
def _variable(key: str) -> str:
    """The header of a variable; kept, as each event of a call has a hundred of them."""
    return f"variable_{key}"


def _basic(channel: Channel) -> Iterator[Header]:
    yield "Channel-State", f"CS_{channel.running.name}"
    yield "Channel-Call-State", channel.call_state.name
    yield "Channel-State-Number", str(channel.target.value)
    yield "Channel-Name", channel.name
    yield "Unique-ID", channel.call_id
    yield "Call-Direction", channel.kind.direction
    yield "Presence-Call-Direction", channel.kind.direction
    yield "Channel-HIT-Dialplan", "true" if channel.hits_dialplan else "false"
    if channel.presence_id:
        yield "Channel-Presence-ID", channel.presence_id
    yield "Channel-Call-UUID", channel.call_uuid or channel.call_id
    yield "Answer-State", channel.answer_state
    if channel.cause:
        yield "Hangup-Cause", channel.cause
    yield from codec_headers("Channel-Read-Codec", channel.read_codec)
    yield from codec_headers("Channel-Write-Codec", channel.write_codec)


def codec_headers(prefix: str, codec: Codec | None) -> Iterator[Header]:
    """Name, rate and bit rate of a codec; nothing when there is none yet."""
    if codec is not None:
        yield f"{prefix}-Name", codec.name
        yield f"{prefix}-Rate", str(codec.rate)
        yield f"{prefix}-Bit-Rate", str(codec.bit_rate)


def _profile(prefix: str, channel: Channel) -> Iterator[Header]:
    """The caller profile; nothing before the endpoint has made one."""
    profile = channel.profile
    if not profile.created_us:
        return
    yield f"{prefix}Direction", channel.kind.direction
    yield f"{prefix}Logical-Direction", profile.logical_direction or channel.kind.direction
    yield from _given(prefix, profile, channel)
    yield f"{prefix}Profile-Index", str(profile.index)
    yield f"{prefix}Profile-Created-Time", str(profile.created_us)
    yield from _times(prefix, channel.times)
    yield from _screening(prefix)


def _other_leg(partner: Channel, profile: Profile, role: Role) -> Iterator[Header]:
    """The partner's profile as it was copied: an originator's copy has no times yet."""
    prefix, known = "Other-Leg-", role is Role.ORIGINATEE
    yield f"{prefix}Direction", partner.kind.direction
    yield f"{prefix}Logical-Direction", profile.logical_direction or "inbound"
    yield from _given(prefix, profile, partner)
    yield f"{prefix}Profile-Created-Time", str(profile.created_us if known else 0)
    yield from _times(prefix, partner.times if known else Times())
    yield from _screening(prefix)


def _given(prefix: str, profile: Profile, channel: Channel) -> Iterable[Header]:
    fields = (
        ("Username", profile.username),
        ("Dialplan", profile.dialplan),
        ("Caller-ID-Name", profile.caller_id_name),
        ("Caller-ID-Number", profile.caller_id_number),
        ("Orig-Caller-ID-Name", profile.orig_caller_id_name),
        ("Orig-Caller-ID-Number", profile.orig_caller_id_number),
        ("Callee-ID-Name", profile.callee_id_name),
        ("Callee-ID-Number", profile.callee_id_number),
        ("Network-Addr", profile.network_addr),
        ("ANI", profile.ani),
        ("Destination-Number", profile.destination_number),
        ("Unique-ID", channel.call_id),
        ("Source", profile.source),
        ("Transfer-Source", profile.transfer_source),
        ("Context", profile.context),
        ("RDNIS", profile.rdnis),
        ("Channel-Name", channel.name),
    )
    return [(prefix + name, value) for name, value in fields if value]


def _times(prefix: str, times: Times) -> Iterable[Header]:
    return [
        (f"{prefix}Channel-Created-Time", str(times.created)),
        (f"{prefix}Channel-Answered-Time", str(times.answered)),
        (f"{prefix}Channel-Progress-Time", str(times.progress)),
        (f"{prefix}Channel-Progress-Media-Time", str(times.progress_media)),
        (f"{prefix}Channel-Hangup-Time", str(times.hangup)),
        (f"{prefix}Channel-Transfer-Time", str(times.transfer)),
        (f"{prefix}Channel-Resurrect-Time", str(times.resurrect)),
        (f"{prefix}Channel-Bridged-Time", str(times.bridged)),
        (f"{prefix}Channel-Last-Hold", str(times.last_hold)),
        (f"{prefix}Channel-Hold-Accum", str(times.hold_accum)),
    ]


@lru_cache
def _screening(prefix: str) -> Iterable[Header]:
    return (
        (f"{prefix}Screen-Bit", "true"),
        (f"{prefix}Privacy-Hide-Name", "false"),
        (f"{prefix}Privacy-Hide-Number", "false"),
    )
