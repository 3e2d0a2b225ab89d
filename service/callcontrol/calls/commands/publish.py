"""PublishEvent: a CUSTOM event that the switch fires for a client, to whoever listens."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.encoding.grammar import node_id_problem
from callcontrol.calls.encoding.published_event import (
    content_checks,
    require_publishable,
    subclass_problem,
)
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.place_watch import PlaceWatch
from callcontrol.deadline import patience_s
from callcontrol.errors import OutcomeUnknown, SwitchRefused
from callcontrol.esl.commands import SendEvent
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.ids import EventId, NodeId

_TAKEN: Final = "+OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSpec:
    """An event to fire."""

    node_id: NodeId
    subclass: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOutcome(Outcome):
    """The event that was fired. Confirmed: it came back."""

    event_uuid: str
    """The switch's name for it, in its header Event-UUID."""
    event_id: EventId | None = None
    """Its id in streams; None where it did not come back."""


def publish_checks(spec: PublishSpec) -> Iterator[Checked]:
    """An event to fire. Whether its subclass may be, the operator's list says."""
    yield "node_id", node_id_problem(spec.node_id)
    yield "subclass", subclass_problem(spec.subclass)
    yield from content_checks(spec.headers, spec.body)


async def publish_event(commander: Commander, spec: PublishSpec) -> PublishOutcome:
    """Let the switch fire an event, and wait until it has come back to us.

    Raises CommandNotAllowed, NodeNotFound, SwitchRefused, InvalidRequest (a value cannot be
    carried, nothing was sent), and what the node raises. Once the switch has said yes it has
    fired the event, so losing it then leaves the outcome unconfirmed, and not unknown.
    """
    checks.require_valid(publish_checks(spec))
    require_publishable(commander.settings.publish_subclasses, spec.subclass)
    node = commander.nodes.get(spec.node_id)
    command = SendEvent(
        fields.CUSTOM, ((fields.EVENT_SUBCLASS, spec.subclass), *spec.headers.items()), spec.body
    )
    with commander.tracker.watch_subclass(spec.node_id, spec.subclass) as watch:
        try:
            reply = await node.command(command)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        if not reply.ok:
            raise SwitchRefused(spec.node_id, reply.text)
        event_uuid = reply.text.removeprefix(_TAKEN).strip()
        seen = await _come_back(commander, watch, spec.subclass, event_uuid)
    event_id = seen.event_id if seen is not None else None
    return PublishOutcome(confirmed=seen is not None, event_uuid=event_uuid, event_id=event_id)


async def _come_back(
    commander: Commander, watch: PlaceWatch[Event], subclass: str, event_uuid: str
) -> Event | None:
    """The event, as the event link brings it; None where it does not come in time, or at all."""
    settings = commander.settings
    if settings.events.subclass_problem(subclass) is not None:
        return None

    def found(event: Event) -> Event | None:
        return event if event.headers.get(fields.EVENT_ID) == event_uuid else None

    try:
        async with asyncio.timeout(patience_s(settings.confirm_timeout_s)):
            return await watch.until(found)
    except (TimeoutError, OutcomeUnknown):
        return None
