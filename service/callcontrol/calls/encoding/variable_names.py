"""Which channel variables a caller may set: names with a grammar, and those that are denied.

Some variables are commands in disguise: the switch runs what they hold as an application or an
API command, dials it, opens it as a file or writes it into SIP. Others are set by this service
itself from fields of the request, and two sources for one thing would contradict each other.
Names are compared without regard to case, as the switch does.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")

_OURS: Final = ("cc_label_", "callcontrol_")
"""Labels, and what `encoding.handing` keeps."""
_SET_FROM_FIELDS: Final = frozenset(
    {
        "origination_uuid",
        "origination_caller_id_name",
        "origination_caller_id_number",
        "originate_timeout",
        "leg_timeout",
        "ignore_early_media",
        "fail_on_single_reject",
        "cc_request",
        "return_ring_ready",
        "uuid",
        "call_uuid",
        "signal_bond",
    }
)
_DENIED: Final = {
    "chooses what is expanded, run or counted": """
        app_disable_expand_variables app_uuid app_uuid_name auto_hunt disable_app_log
        dialed_extension export_vars forked_dial import local_var_clobber
        loopback_bowout loopback_export
        no_throttle_limits origination_channel_name origination_nested_vars park_timeout
        playback_delimiter bridge_export_vars cc_export_vars cc_moh_override push_channel_name
        rayo_origination_args recovered sofia_suppress_url_encoding verbose_presence zombie_exec""",
    "sends the call elsewhere": """
        context destination_number dialplan group_context inbound_dialplan inline_destination
        lcr_context mutex_orbit_context mutex_orbit_dialplan originator page_context page_data
        page_dp translate_profile user_context valet_parking_orbit_context
        valet_parking_orbit_dialplan
        vm_cc vm_operator_extension voicemail_callback_context voicemail_callback_dialplan""",
    "ties the call to another": """
        att_xfer_kill_uuid bridge_channel bridge_to bridge_uuid channel_swap_uuid eavesdrop_group
        eavesdrop_require_group ent_originate_aleg_uuid holding_uuid last_bridge_to
        loopback_from_uuid originate_signal_bond origination_aleg_uuid other_loopback_from_uuid
        other_loopback_leg_uuid remote_session_uuid session_uuid signal_bridge_to
        soft_holding_uuid spy_uuid xfer_uuids""",
    "sends media elsewhere, or without protection": """
        advertised_media_ip esf_multicast_bind_ip esf_multicast_channel esf_multicast_ip
        local_media_ip local_media_port local_text_ip local_text_port local_video_ip
        local_video_port remote_media_ip remote_media_port remote_text_ip remote_text_port
        remote_video_ip remote_video_port rtp_last_audio_local_crypto_key rtp_local_sdp_str
        switch_l_sdp switch_m_sdp switch_r_sdp""",
    "names a file, or a place to write to": """
        cdr_csv_base copy_json_cdr copy_xml_cdr core_video_blank_image curl_sendfile_filename
        curl_sendfile_url fax_spool fax_trace_dir format_cdr_base httapi_profile json_cdr_base
        native_backup_extension sound_prefix_enforced video_avatar_png video_mute_png
        video_no_video_avatar_png xml_cdr_base""",
    "changes what is charged": """
        force_process_cdr lowbal_amt nibble_account nibble_increment nibble_minimum nibble_rate
        nobal_amt process_cdr skip_cdr_causes""",
    "is written by the switch": """
        channel_name current_application current_application_data current_application_response
        endpoint_disposition originate_disposition hangup_cause proto_specific_hangup_cause
        bridge_hangup_cause recovery_profile_name sip-force-contact""",
}
"""Names that the switch reads, and what they would do; found in its source by the functions that
read variables (switch_channel_get_variable and the events of originate).
"""
_REASONS: Final = {name: reason for reason, names in _DENIED.items() for name in names.split()}
_DENIED_BEGINNINGS: Final = (
    "api_",
    "execute_",
    "exec_",
    "bridge_pre_",
    "campon",
    "originate_retr",
    "group_confirm_",
    "conference_",
    "fifo_",
    "attxfer_",
    "enable_",
    "socket_",
    "bind_",
    "bda_",
    "curl_",
    "tts_",
)
_DENIED_PARTS: Final = ("_on_", "exec", "transfer", "ringback", "_hook", "post_process", "_script")
_DENIED_ENDINGS: Final = (
    "_file",
    "_path",
    "_sound",
    "_prefix",
    "_exten",
    "_music",
    "_app",
    "_app_arg",
)
# The rest of these names headers, addresses and credentials, or is what a request had.
_SIP_SETTINGS: Final = frozenset(
    {
        "sip_auto_answer",
        "sip_cid_type",
        "sip_ignore_remote_cause",
        "sip_sticky_contact",
    }
)
_SIP_HEADERS: Final = re.compile(r"sip_(?:rh|ph|bye_h|h)_.*")
_OWN_SIP_HEADERS: Final = re.compile(r"sip_(?:rh|ph|bye_h|h)_x-[a-z0-9-]{1,64}")

_UNLESS: Final = " unless the operator's list (allowed_variables) has it"


def variable_name_problem(name: str, allowed: frozenset[str] = frozenset()) -> str | None:
    """What is wrong with setting a variable of this name, or None. `allowed` are those, in lower
    case, that the operator lets pass although they would be denied.
    """
    if (problem := readable_name_problem(name)) is not None:
        return problem
    lower = name.lower()
    if lower in _SET_FROM_FIELDS or lower.startswith(_OURS):
        return "is set by this service; use the field of the request that is meant for it"
    if lower in allowed:
        return None
    if _SIP_HEADERS.fullmatch(lower):
        return None if _OWN_SIP_HEADERS.fullmatch(lower) else "may only be a SIP header X-..."
    if (reason := _REASONS.get(lower)) is not None:
        return f"{reason}, so it may not be set{_UNLESS}"
    if (
        lower.startswith(_DENIED_BEGINNINGS)
        or lower.endswith(_DENIED_ENDINGS)
        or any(part in lower for part in _DENIED_PARTS)
        or (lower.startswith("sip_") and lower not in _SIP_SETTINGS)
    ):
        return f"is a variable that makes the switch do things, so it may not be set{_UNLESS}"
    return None


def readable_name_problem(name: str) -> str | None:
    """What is wrong with reading a variable of this name, or None."""
    if _NAME.fullmatch(name):
        return None
    return "must be 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or _"
