"""Sending a leg to another extension: of the dialplan, or written inline."""

from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from callcontrol.simulator import bridging
from callcontrol.simulator.applications import Action
from callcontrol.simulator.dial_string import split_at

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
_BEFORE = "execute_on_blind_transfer"
"""Variables with applications that are run first."""


def transfer_leg(leg: "Leg", destination: str, dialplan: str = "", context: str = "") -> None:
    """Send it there; an extension that does not exist hangs it up with NO_ROUTE_DESTINATION."""
    channel, switch = leg.channel, leg.switch
    for name, value in list(channel.variables.items()):
        if name.lower().startswith(_BEFORE) and isinstance(value, str):
            leg.execute_now(*value.split(" ", 1))
    dialplan = dialplan or channel.profile.dialplan or "XML"
    context = context or channel.profile.context or "default"
    source = f"{int(time())}:{uuid4()}:bl_xfer:{destination}/{context}/{dialplan}"
    former = channel.profile.destination_number
    profile = {"destination_number": destination, "rdnis": former}
    actions: list[Action] | None
    if dialplan.lower() == "inline":
        actions = inline_actions(destination)
        # Actions are nobody's number: inline_dialplan_hunt puts the former one back.
        profile = {"destination_number": former, "rdnis": ""}
    elif dialplan.lower() == "xml":
        actions = switch.scenarios.extension(destination, context)
    else:
        actions = None
    bridging.leave_bridge(leg)
    channel.set("max_forwards", "70")
    channel.push("transfer_history", source)
    channel.set("transfer_source", source)
    leg.transfer(
        actions,
        {**profile, "dialplan": dialplan, "context": context, "transfer_source": source},
    )


def inline_actions(text: str) -> list[Action]:
    r"""`app:argument,app2:argument2`, or `m:^:app:argument^app2:argument2` with another comma.

    An argument that still has `\'` after that is left out with its application.
    """
    separator = ","
    if text.startswith("m:") and len(text) > 3 and text[3] == ":":
        separator, text = text[2], text[4:]
    parts = (part.partition(":") for part in split_at(text, separator) if part)
    return [Action(name.lstrip(" "), data) for name, _, data in parts if "\\'" not in data]
