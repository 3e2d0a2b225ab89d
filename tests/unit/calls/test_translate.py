"""What single headers mean."""

import pytest

from callcontrol.calls.call import HangupCause, HangupSide
from callcontrol.calls.causes import CAUSES, q850_of
from callcontrol.calls.picture.translate import hangup_cause_of, number, text
from callcontrol.calls.picture.variables import (
    ChannelVariables,
    label_of_variable,
    label_variable,
    label_violations,
    labels_in,
)


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({}, None),
        ({"Hangup-Cause": "NORMAL_CLEARING"}, HangupCause(name="NORMAL_CLEARING", q850_code=16)),
        ({"Hangup-Cause": "ORIGINATOR_CANCEL"}, HangupCause(name="ORIGINATOR_CANCEL")),
        ({"Hangup-Cause": "MADE_UP"}, HangupCause(name="MADE_UP")),
        (
            {"Hangup-Cause": "ORIGINATOR_CANCEL", "variable_hangup_cause_q850": "16"},
            HangupCause(name="ORIGINATOR_CANCEL", q850_code=16),
        ),
        (
            {"Hangup-Cause": "GATEWAY_DOWN", "variable_hangup_cause_q850": "809"},
            HangupCause(name="GATEWAY_DOWN"),
        ),
        (
            {
                "Hangup-Cause": "CALL_REJECTED",
                "variable_proto_specific_hangup_cause": "sip:603",
                "variable_sip_hangup_disposition": "recv_refuse",
            },
            HangupCause(name="CALL_REJECTED", q850_code=21, sip_code=603, side=HangupSide.REMOTE),
        ),
        (
            {
                "Hangup-Cause": "CALL_REJECTED",
                "variable_proto_specific_hangup_cause": "verto:603",
                "variable_sip_hangup_disposition": "send_refuse",
            },
            HangupCause(name="CALL_REJECTED", q850_code=21, side=HangupSide.LOCAL),
        ),
    ],
)
def test_a_hangup_cause_has_a_name_numbers_and_a_side(headers, cause):
    assert hangup_cause_of(headers) == cause


def test_only_causes_up_to_127_are_q850():
    assert {q850_of(cause) for cause, code in CAUSES.items() if code > 127} == {0}
    assert q850_of("INTERWORKING") == 127
    assert q850_of("USER_BUSY") == 17


@pytest.mark.parametrize("value", ["", "-1", "x", "1.5", str(1 << 63), ["1"], "9" * 5_000])
def test_a_header_that_is_no_number_counts_as_nought(value):
    assert number({"N": value}, "N") == 0


def test_numbers_are_at_most_the_last_moment_that_can_be_told():
    last_us = 253_402_300_799_999_999
    assert number({"N": str(last_us)}, "N") == last_us
    assert number({"N": str(last_us + 1)}, "N") == 0


def test_an_array_is_read_as_its_first_element():
    assert text({"A": ["one", "two"]}, "A") == "one"
    assert text({"A": []}, "A", "none") == "none"


def test_variables_are_picked_out_of_the_headers_without_their_prefix():
    variables = ChannelVariables(
        {"Event-Name": "X", "variable_uuid": "u", "variable_list": ["a", "b"]}
    )
    assert dict(variables) == {"uuid": "u", "list": "ARRAY::a|:b"}
    assert variables["uuid"] == "u"
    assert len(variables) == 2
    assert "Event-Name" not in variables


@pytest.mark.parametrize("label", ["team", "Team.A", "a-b_c", "x" * 64])
def test_a_label_goes_through_a_variable_and_comes_back(label):
    assert label_violations([label]) == []
    assert label_of_variable(label_variable(label)) == label
    headers = {"variable_uuid": "u", f"variable_{label_variable(label)}": "v"}
    assert labels_in(headers) == {label: "v"}


def test_other_variables_are_no_labels():
    assert label_of_variable("sip_call_id") is None
    assert labels_in({"variable_uuid": "u", "X-variable_cc_label_a": "v"}) == {}


def test_an_event_without_variables_says_nothing_about_labels():
    assert labels_in({"variable_cc_label_a": "v"}) is None


@pytest.mark.parametrize("label", ["", "a b", "a=b", "a,b", "é", "a\n", "x" * 65, "a:b"])
def test_a_label_name_that_the_switch_could_not_carry_is_a_violation(label):
    (violation,) = label_violations([label])
    assert violation.field == f"labels[{label}]"


def test_labels_that_differ_in_case_alone_would_overwrite_each_other():
    (violation,) = label_violations(["Team", "team"])
    assert "case" in violation.problem
