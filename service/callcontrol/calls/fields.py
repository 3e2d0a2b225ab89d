"""The names FreeSWITCH gives to headers and events: the only place where `calls` spells them.

Sources: switch_event.c (core headers), switch_channel.c switch_channel_event_set_basic_data and
switch_caller.c (channel headers), and the module that fires the event for the rest.
"""

from typing import Final

# Core headers, on every event that the core fired.
EVENT_NAME: Final = "Event-Name"
EVENT_SUBCLASS: Final = "Event-Subclass"
CORE_UUID: Final = "Core-UUID"
EVENT_SEQUENCE: Final = "Event-Sequence"
EVENT_TIMESTAMP: Final = "Event-Date-Timestamp"

# The channel.
CALL_ID: Final = "Unique-ID"
OLD_CALL_ID: Final = "Old-Unique-ID"
OTHER_LEG_ID: Final = "Other-Leg-Unique-ID"
BRIDGE_A_ID: Final = "Bridge-A-Unique-ID"
BRIDGE_B_ID: Final = "Bridge-B-Unique-ID"
CORRELATION_ID: Final = "Channel-Call-UUID"
CHANNEL_NAME: Final = "Channel-Name"
CHANNEL_STATE: Final = "Channel-State"
CALL_STATE: Final = "Channel-Call-State"
ANSWER_STATE: Final = "Answer-State"
DIRECTION: Final = "Call-Direction"
CALLER_NUMBER: Final = "Caller-Caller-ID-Number"
CALLER_NAME: Final = "Caller-Caller-ID-Name"
ORIGINAL_NUMBER: Final = "Caller-Orig-Caller-ID-Number"
ORIGINAL_NAME: Final = "Caller-Orig-Caller-ID-Name"
CALLEE_NUMBER: Final = "Caller-Callee-ID-Number"
CALLEE_NAME: Final = "Caller-Callee-ID-Name"
DESTINATION: Final = "Caller-Destination-Number"
CONTEXT: Final = "Caller-Context"
CREATED_TIME: Final = "Caller-Channel-Created-Time"
ANSWERED_TIME: Final = "Caller-Channel-Answered-Time"
HANGUP_TIME: Final = "Caller-Channel-Hangup-Time"
READ_CODEC: Final = "Channel-Read-Codec-Name"
READ_RATE: Final = "Channel-Read-Codec-Rate"
WRITE_CODEC: Final = "Channel-Write-Codec-Name"
WRITE_RATE: Final = "Channel-Write-Codec-Rate"
HANGUP_CAUSE: Final = "Hangup-Cause"

# Channel variables: headers named `variable_` and the name.
VARIABLE: Final = "variable_"
ANY_VARIABLE: Final = "variable_uuid"
"""Set on each channel, so its presence tells that an event carries the channel's variables."""
VARIABLE_Q850: Final = "variable_hangup_cause_q850"
VARIABLE_SIP_STATUS: Final = "variable_sip_term_status"
VARIABLE_PROTOCOL_CAUSE: Final = "variable_proto_specific_hangup_cause"
VARIABLE_SIP_DISPOSITION: Final = "variable_sip_hangup_disposition"
VARIABLE_APPLICATION: Final = "variable_current_application"
VARIABLE_RECORD_MS: Final = "variable_record_ms"

# Applications, media, digits, conferences.
APPLICATION: Final = "Application"
APPLICATION_DATA: Final = "Application-Data"
APPLICATION_ID: Final = "Application-UUID"
APPLICATION_RESPONSE: Final = "Application-Response"
PLAYBACK_PATH: Final = "Playback-File-Path"
PLAYBACK_STATUS: Final = "Playback-Status"
RECORD_PATH: Final = "Record-File-Path"
RECORD_CAUSE: Final = "Record-Completion-Cause"
DTMF_DIGIT: Final = "DTMF-Digit"
DTMF_DURATION: Final = "DTMF-Duration"
DTMF_SOURCE: Final = "DTMF-Source"
ACTION: Final = "Action"
CONFERENCE_NAME: Final = "Conference-Name"
CONFERENCE_SUBCLASS: Final = "conference::maintenance"
SESSION_COUNT: Final = "Session-Count"
JOB_ID: Final = "Job-UUID"

CUSTOM: Final = "CUSTOM"
"""The name of events that a module or a client made up; what they are is in the subclass."""
RECONCILED_SUBCLASS: Final = "callcontrol::reconciled"
"""Subclass of the events this service makes when its picture differs from the switch."""
NODE_SUBCLASS: Final = "callcontrol::node"
"""Subclass of the events this service makes when a node comes or goes."""
