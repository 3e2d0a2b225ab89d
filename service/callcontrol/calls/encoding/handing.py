"""The channel variables in which the switch remembers what became of a handed-over call.

They outlive this service, and every replica reads them. `encoding.variable_names` denies them to
clients.
"""

from collections.abc import Mapping
from typing import Final

APPLICATION: Final = "callcontrol_application"
"""For workers of which application the call is; the dialplan sets it, too."""
OWNER: Final = "callcontrol_worker"
"""The name of the worker that has the call; not set for none."""
REGISTRATION: Final = "callcontrol_worker_id"
"""Which registration of that worker got it last."""
LOST_POLICY: Final = "callcontrol_lost_worker"
"""What is to become of it when that worker is lost."""
ONWARD: Final = "callcontrol_onward"
"""`IS_ONWARD`: it was sent on, and rings no more bells."""
IS_ONWARD: Final = "true"
GUARD: Final = "callcontrol_guard"
"""The number of the switch's schedule that takes the call out of its park if no replica comes; set
by the dialplan, and removed with that schedule."""
FORGET: Final = "execute_on_blind_transfer_callcontrol"
"""What the switch does when it transfers the call, in the same moment (switch_ivr.c,
switch_ivr_session_transfer): it forgets that the call was handed over. So there is no time at which
a call is in the park of its doorbell and nobody's, or elsewhere and still takes another park for
that one.
"""
FORGETTING: Final = (
    "multiunset",
    f"^^:{APPLICATION}:{OWNER}:{REGISTRATION}:{LOST_POLICY}:{ONWARD}:{FORGET}",
)
"""The application for it, and its argument."""


def was_sent_on(variables: Mapping[str, str]) -> bool:
    """Whether the variables of a call say that it was sent on."""
    return variables.get(ONWARD) == IS_ONWARD
