"""How large messages may be."""

from callcontrol.rpc.room import SMALL_BYTES, Room

MIB = 1024 * 1024


def test_messages_are_as_large_as_was_asked_for_while_there_is_room():
    room = Room(limit=10 * MIB)
    room.used = 10 * MIB - 1
    assert room.most(MIB) == MIB


def test_without_room_they_are_small():
    room = Room(limit=10 * MIB)
    room.used = 10 * MIB
    assert (room.most(MIB), room.most(1_000)) == (SMALL_BYTES, 1_000)
