"""What each kind of field may hold."""

from collections.abc import Callable

import pytest

from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.variable_names import readable_name_problem, variable_name_problem

UUID = "aaaaaaaa-0000-4000-8000-000000000001"

GOOD: list[tuple[Callable[[str], str | None], list[str]]] = [
    (grammar.new_call_id_problem, [UUID, UUID.upper()]),
    (grammar.call_id_problem, [UUID, "3c26-x@10.0.0.1", "a" * 128]),
    (grammar.node_id_problem, ["fs1", "east.fs-1"]),
    (grammar.number_problem, ["+4930123456", "*98#", "0"]),
    (grammar.user_problem, ["1000", "+49", "bob.smith", "ring-answer-2", "_x"]),
    (grammar.host_problem, ["example.org", "10.0.0.1", "a", "a-b.c."]),
    (grammar.sip_address_problem, ["bob@example.org", "+49@10.0.0.1:5060", "a@b:65535"]),
    (grammar.name_problem, ["carrier", "sip.carrier.example", "my-gw_2"]),
    (grammar.profile_problem, ["internal", "external-ipv4"]),
    (grammar.extension_problem, ["9000", "hangup-USER_BUSY", "*98"]),
    (grammar.conference_flag_problem, ["mute", "moderator"]),
    (grammar.pin_problem, ["0000", "1"]),
    (grammar.cause_problem, ["NORMAL_CLEARING", "USER_BUSY", "ORIGINATOR_CANCEL"]),
    (grammar.digits_problem, ["0123456789*#", "AbcD", "1w2W3", "1" * 99]),
    (grammar.operation_id_problem, [UUID]),
    (grammar.text_problem, ["", "Zoë O'Neil, Jr.", "a" * 128]),
    (variable_name_problem, ["x", "_x", "a.b-c", "sip_h_X-Tenant", "SIP_H_x-a"]),
    (readable_name_problem, ["x", "api_hangup_hook", "sip_h_Route"]),
]
BAD: list[tuple[Callable[[str], str | None], list[str]]] = [
    (grammar.new_call_id_problem, ["", "x", UUID[:-1], UUID + "0", UUID + "\n", "{" + UUID + "}"]),
    (grammar.call_id_problem, ["", "-a", "a b", "a\n", "a,b", "a'b", "a\\b", "a;b", "a" * 129]),
    (grammar.node_id_problem, ["", "bad node", "-x", "a/b", "x" * 65, "é"]),
    (grammar.number_problem, ["", "+", "1+2", "1 2", "1,2", "1|2", "1/2", "a", "1" * 33, "٣"]),
    (grammar.user_problem, ["", "-x", ".x", "a@b", "a b", "a/b", "a;b", "a^b", "a%20b", "x" * 65]),
    (grammar.host_problem, ["", "-a.b", "a..b", "[::1]", "a b", "a/b", "a;b", "x" * 254]),
    (
        grammar.sip_address_problem,
        ["", "bob", "@b", "a@", "a@b:", "a@b:0", "a@b:65536", "a@b:5060;x=y", "sip:a@b", "a@b?x"],
    ),
    (grammar.name_problem, ["", "undef", "INLINE", "a b", "a/b", "a,b", "-x"]),
    (grammar.profile_problem, ["gateway", "Gateway", "a/b", ""]),
    (grammar.extension_problem, ["", "undef", "Undef", "inline", "-both", "&park", "a b", "a:b"]),
    (grammar.conference_flag_problem, ["", "Mute", "mute|deaf", "mute}"]),
    (grammar.pin_problem, ["", "12a", "1 2", "1+2", "1" * 33]),
    (grammar.cause_problem, ["", "NONE", "BECAUSE", "normal_clearing", "16", "USER_BUSY\n"]),
    (grammar.digits_problem, ["", "x", "1@2", "1+2", "w", "wW", "1 2", "1" * 100]),
    (grammar.operation_id_problem, ["", "last"]),
    (grammar.text_problem, ["a\nb", "a\0b", "a\x7fb", "a" * 129]),
    (variable_name_problem, ["", "a b", "a[0]", "a=b", "a,b", "1x", "x" * 129, "sip_h_X-"]),
    (readable_name_problem, ["", "a b", "a\nb"]),
]


@pytest.mark.parametrize(
    ("problem", "value"), [(problem, value) for problem, values in GOOD for value in values]
)
def test_what_is_right_has_no_problem(problem: Callable[[str], str | None], value: str) -> None:
    assert problem(value) is None


@pytest.mark.parametrize(
    ("problem", "value"), [(problem, value) for problem, values in BAD for value in values]
)
def test_what_is_wrong_is_said_without_repeating_it(
    problem: Callable[[str], str | None], value: str
) -> None:
    sentence = problem(value)
    assert sentence is not None
    assert len(value) < 4 or value not in sentence


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3_601.0, float("nan"), float("inf")])
def test_nobody_rings_for_no_time_or_for_ever(seconds: float) -> None:
    assert grammar.ring_time_problem(seconds) is not None


@pytest.mark.parametrize(
    "name",
    [
        "execute_on_answer",
        "EXECUTE_ON_ANSWER",
        "api_on_ring",
        "api_hangup_hook",
        "api_reporting_hook",
        "session_in_hangup_hook",
        "exec_after_bridge_app",
        "bridge_pre_execute_bleg_app",
        "group_confirm_file",
        "group_confirm_key",
        "transfer_after_bridge",
        "transfer_on_fail",
        "transfer_fallback_extension",
        "force_transfer_context",
        "origination_nested_vars",
        "app_disable_expand_variables",
        "enable_heartbeat_events",
        "record_post_process_exec_api",
        "sip_h_Route",
        "sip_rh_Contact",
        "sip_invite_domain",
        "sip_route_uri",
        "sip_auth_password",
        "conference_auto_outcall_prefix",
        "fifo_music",
        "ringback",
        "transfer_ringback",
        "hold_music",
        "playback_terminator_file",
        "park_timeout",
        "origination_uuid",
        "originate_timeout",
        "ignore_early_media",
        "cc_label_team",
        "callcontrol_worker",
        "app_uuid",
        "local_var_clobber",
        "xml_cdr_base",
        "sip_from_host",
        "sip_contact_params",
        "Advertised_Media_IP",
        "bridge_to",
        "nibble_rate",
        "inline_destination",
        "curl_sendfile_url",
    ],
)
def test_variables_that_make_the_switch_do_things_are_denied(name: str) -> None:
    assert variable_name_problem(name) is not None


def test_an_operator_may_allow_a_denied_variable_by_name():
    allowed = frozenset({"api_hangup_hook", "sip_h_diversion", "cc_label_team", "origination_uuid"})
    assert variable_name_problem("Api_Hangup_Hook", allowed) is None
    assert variable_name_problem("sip_h_Diversion", allowed) is None
    assert variable_name_problem("execute_on_answer", allowed) is not None


def test_what_the_service_itself_sets_cannot_be_allowed():
    allowed = frozenset({"cc_label_team", "origination_uuid"})
    assert variable_name_problem("cc_label_team", allowed) is not None
    assert variable_name_problem("origination_uuid", allowed) is not None
