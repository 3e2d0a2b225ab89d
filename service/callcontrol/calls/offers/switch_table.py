"""The table of mod_hash that each switch keeps in its memory, as a few values by realm and key.

Each command is atomic (mod_hash.c, hash_api_function). Realm and key are joined by `_`, so a realm
here must have none. The table goes with the switch.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from callcontrol.calls.encoding.dialstring import word
from callcontrol.errors import SwitchRefused
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import NodeId

log: Final = logging.getLogger(__name__)

_EMPTY: Final = frozenset({"", "-ERR no reply"})
"""What the switch answers where there is no value."""
_LINE: Final = "D/"
"""Begins each line of `hash_dump db`, before `<realm>_<key>/<value>` (hash_dump_function)."""


class HashNode(Protocol):
    """What the table needs of a node."""

    @property
    def node_id(self) -> NodeId:
        """Its configured name."""

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an api command and give its output."""


class SwitchTable:
    """That table at each node. All raise what `Node.api` does, and SwitchRefused.

    Where a switch has no mod_hash each change is said to be done, with one warning, and there are
    no values.
    """

    def __init__(self, node_of: Callable[[NodeId], HashNode]) -> None:
        self._node_of = node_of
        self._without: set[NodeId] = set()

    async def insert(self, node_id: NodeId, realm: str, key: str, value: str) -> None:
        """Set a value."""
        await self._change(node_id, f"insert/{realm}/{word(key)}/{word(value)}")

    async def insert_if_empty(self, node_id: NodeId, realm: str, key: str, value: str) -> bool:
        """Set a value where there is none; whether that was so."""
        return await self._change(node_id, f"insert_ifempty/{realm}/{word(key)}/{word(value)}")

    async def delete_if_match(self, node_id: NodeId, realm: str, key: str, value: str) -> bool:
        """Take a value away if it is this one; whether it was."""
        return await self._change(node_id, f"delete_ifmatch/{realm}/{word(key)}/{word(value)}")

    async def select(self, node_id: NodeId, realm: str, key: str) -> str:
        """A value; empty for none."""
        reply = await self._node_of(node_id).api("hash", f"select/{realm}/{word(key)}")
        return "" if reply.rstrip("\n") in _EMPTY else reply.rstrip("\n")

    async def values(self, node_id: NodeId, realm: str) -> dict[str, str]:
        """All values of a realm by their keys, in one answer: some 90 bytes for each. Left out is
        what no command here could name, so that it is not ours.
        """
        reply = await self._node_of(node_id).api("hash_dump", f"db {realm}")
        # The switch gives each entry that has the realm anywhere in its name.
        begin, found = f"{_LINE}{realm}_", {}
        for line in reply.split("\n"):
            key, parted, value = line.removeprefix(begin).partition("/")
            if line.startswith(begin) and parted:
                with suppress(UnencodableValue):
                    found[word(key)] = word(value)
        return found

    async def _change(self, node_id: NodeId, arguments: str) -> bool:
        reply = (await self._node_of(node_id).api("hash", arguments)).rstrip("\n")
        if "not found" in reply.lower() and "command" in reply.lower():
            self._warn(node_id)
            return True
        if reply.startswith("-ERR Usage"):
            raise SwitchRefused(node_id, reply)
        return not reply.startswith("-")

    def _warn(self, node_id: NodeId) -> None:
        if node_id not in self._without:
            self._without.add(node_id)
            keys = {"node": node_id, "needs": "mod_hash"}
            log.warning("no claims on calls: replicas must not share this switch", extra=keys)
