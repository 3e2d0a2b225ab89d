"""What other servers tell the switch of mailboxes (sofia.c, sofia_handle_sip_i_notify)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callcontrol.simulator.switch import Switch

_WAITING = "Messages-Waiting: "


def notify(switch: "Switch", mailbox: str, summary: str) -> None:
    """A NOTIFY of `message-summary` for a mailbox comes in. The switch takes all that follows for
    the value of the line that it looks for, and says nothing where there is no such line.
    """
    _, found, words = summary.partition(_WAITING)
    if found:
        headers = [("MWI-Messages-Waiting", words.strip()), ("MWI-Message-Account", mailbox)]
        switch.tell("MESSAGE_WAITING", headers)
