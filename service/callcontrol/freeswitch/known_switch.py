"""What is known of the switch process behind a node, from its events and the ends of its links."""

import time

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.feed import Fresh
from callcontrol.freeswitch.last_words import OVERLOAD_NOTICE
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.ids import CoreUuid, NodeId


class KnownSwitch:
    """The process that was last connected; nothing before the first time."""

    def __init__(self, node_id: NodeId) -> None:
        self._node_id = node_id
        self.core_uuid: CoreUuid | None = None
        self.hostname = ""
        self.started_us = 0
        """When it began, microseconds since the epoch; 0 until its first heartbeat."""
        self.load = fields.Load()
        self._restart_untold = False
        self._down_reason = ""
        self._last_seen: fields.Place | None = None

    def beats(self, heartbeat: SwitchEvent) -> None:
        """It says how it stands with it."""
        self.load = fields.load(heartbeat)
        if not self.started_us:  # once a process: later ones differ by the delivery time
            self.started_us = time.time_ns() // 1_000 - self.load.uptime_us

    def comes(self, fresh: Fresh) -> NodeUp:
        """It is connected: whether it is another one than before, and what may have been missed."""
        first = self.core_uuid is None
        restarted = not first and self.core_uuid != fresh.position.core_uuid
        # A restart counts until it was told in whole: the link may be lost while it is.
        restarted = self._restart_untold = restarted or self._restart_untold
        self.core_uuid, self.hostname = fresh.position.core_uuid, fresh.hostname
        if restarted:
            self.load, self.started_us = fields.Load(), 0
        return NodeUp(
            node_id=self._node_id,
            core_uuid=fresh.position.core_uuid,
            position=fresh.position,
            first=first,
            restarted=restarted,
            last_before=self._last_seen,
            down_reason=self._down_reason,
            overloaded=OVERLOAD_NOTICE in self._down_reason,
        )

    def is_told(self) -> None:
        """That it came was told in whole."""
        self._restart_untold = False

    def goes(self, reason: str, last_event: SwitchEvent | None) -> None:
        """Its events no longer come."""
        self._down_reason = reason
        if last_event is not None:
            self._last_seen = fields.place(self._node_id, last_event)
