"""Which channel variables a caller may set: names with a grammar, and those that are denied.

Some variables are commands in disguise: the switch runs what they hold as an application or an
API command, dials it, opens it as a file or writes it into SIP. Others are set by this service
itself from fields of the request, and two sources for one thing would contradict each other.
Names are compared without regard to case, as the switch does.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")

_SET_FROM_FIELDS: Final = frozenset(
    {
        "origination_uuid",
        "origination_caller_id_name",
        "origination_caller_id_number",
        "originate_timeout",
        "leg_timeout",
        "ignore_early_media",
        "return_ring_ready",
        "uuid",
        "call_uuid",
        "signal_bond",
    }
)
_DENIED: Final = frozenset(
    {
        "app_disable_expand_variables",
        "origination_nested_vars",
        "origination_channel_name",
        "cc_moh_override",
        "import",
        "sound_prefix",
        "park_timeout",
        "forked_dial",
        "no_throttle_limits",
        "dialed_extension",
        "sip_route_uri",
        "sip_network_destination",
        "sip_from_uri",
        "sip_req_uri",
        "export_vars",
        "bridge_export_vars",
        "playback_delimiter",
        "remote_media_ip",
        "sip_local_sdp_str",
    }
)
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
    "sip_invite_",
    "sip_route",
    "sip_auth_",
    "socket_",
    "bind_",
    "tts_",
    "cc_label_",
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
_SIP_HEADERS: Final = re.compile(r"sip_(?:rh|ph|bye_h|h)_.*")
_OWN_SIP_HEADERS: Final = re.compile(r"sip_(?:rh|ph|bye_h|h)_x-[a-z0-9-]{1,64}")


def variable_name_problem(name: str) -> str | None:
    """What is wrong with setting a variable of this name, or None."""
    if (problem := readable_name_problem(name)) is not None:
        return problem
    lower = name.lower()
    if lower in _SET_FROM_FIELDS:
        return "is set by this service; use the field of the request that is meant for it"
    if _SIP_HEADERS.fullmatch(lower):
        return None if _OWN_SIP_HEADERS.fullmatch(lower) else "may only be a SIP header X-..."
    if (
        lower in _DENIED
        or lower.startswith(_DENIED_BEGINNINGS)
        or lower.endswith(_DENIED_ENDINGS)
        or any(part in lower for part in _DENIED_PARTS)
    ):
        return "is a variable that makes the switch do things, so it may not be set"
    return None


def readable_name_problem(name: str) -> str | None:
    """What is wrong with reading a variable of this name, or None."""
    if _NAME.fullmatch(name):
        return None
    return "must be 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or _"
