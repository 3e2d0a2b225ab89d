"""Entries of the log on disk."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from callcontrol.events.epochs import Epoch
from callcontrol.events.event import Event, Gap, GapReason, Position, Told
from callcontrol.events.store import EventStore, StoreBroken, StoreFailed
from callcontrol.events.stored import pack, unpack
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId

# Any text, also such that stands for bytes that are no UTF-8.
TEXT = st.text(st.characters(codec=None, categories=None), max_size=20)
NUMBER = st.integers(0, (1 << 63) - 1)
POSITION = st.builds(
    Position, TEXT.map(NodeId), TEXT.map(CoreUuid), sequence=NUMBER, time_us=NUMBER
)
EVENT = st.builds(
    Event,
    event_id=TEXT.map(EventId),
    position=POSITION,
    name=TEXT,
    received_us=NUMBER,
    subclass=TEXT,
    call_id=st.none() | TEXT.map(CallId),
    peer_call_ids=st.lists(TEXT.map(CallId), max_size=2).map(tuple),
    labels=st.dictionaries(TEXT, TEXT, max_size=2),
    headers=st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=3), max_size=3),
    body=TEXT,
    synthetic=st.booleans(),
    payload=st.binary(max_size=50).map(Told),
    size=NUMBER,
)
GAP = st.builds(
    Gap,
    reason=st.sampled_from(GapReason),
    node_id=st.none() | TEXT.map(NodeId),
    last_before=st.none() | POSITION,
    first_after=st.none() | POSITION,
    count=NUMBER,
)


def told(item: Event | Gap) -> bytes:
    return (
        item.payload.encoded if isinstance(item, Event) and isinstance(item.payload, Told) else b""
    )


@given(st.lists(EVENT | GAP, max_size=5))
def test_what_was_packed_is_read_again(items):
    assert list(unpack(b"".join(pack(item, told(item)) for item in items))) == items


@given(EVENT | GAP, st.integers(1, 200))
def test_what_was_cut_off_is_noticed(item, missing):
    data = pack(item, told(item))[:-missing]
    try:
        assert list(unpack(data)) == []
    except ValueError:
        return


@given(st.binary(max_size=200))
def test_anything_else_is_noticed_or_an_entry(data):
    try:
        list(unpack(data))
    except ValueError:
        return


ENTRIES: Final = 200
EPOCHS: Final = [Epoch(b"1" * 8, 1), Epoch(b"2" * 8, 101)]


def packed(number: int) -> bytes:
    return pack(Gap(reason=GapReason.SLOW_CONSUMER, count=number), b"")


def file_of_entries() -> bytes:
    """A file with entries that say their numbers, a few in each row."""
    with TemporaryDirectory() as directory:
        store = EventStore(Path(directory) / "events.db", 8 << 20)
        store.open()
        for epoch in EPOCHS:
            store.begin(epoch)
            for number in range(epoch.first_number, epoch.first_number + 100, 4):
                store.write(number, 4, b"".join(packed(number + each) for each in range(4)), 1)
        store.close()
        return store.path.read_bytes()


FILE: Final = file_of_entries()
PLACE: Final = st.integers(0, len(FILE) - 1)


@given(st.lists(st.tuples(PLACE, st.integers(0, 255)), min_size=1, max_size=8), st.none() | PLACE)
@example([(FILE.index(b"first_number"), 0xFF)], None)
def test_a_torn_file_gives_what_is_whole_or_is_set_aside(torn, cut_at):
    with TemporaryDirectory() as directory:
        path = Path(directory) / "events.db"
        data = bytearray(FILE)
        for place, value in torn:
            data[place] = value
        path.write_bytes(data[:cut_at])
        store = EventStore(path, 8 << 20)
        try:
            kept = store.open()
            numbers = [item.count for item in kept.items if isinstance(item, Gap)]
            assert numbers == list(range(kept.next_number - len(numbers), kept.next_number))
            assert kept.epochs == [
                Epoch(each.log_id, min(each.first_number, kept.next_number))
                for each in EPOCHS[len(EPOCHS) - len(kept.epochs) :]
            ]
            store.write(kept.next_number, 1, packed(kept.next_number), 1)
        except StoreBroken:
            assert store.reopen() == ([], 1)
            store.write(1, 1, packed(1), 1)
        except StoreFailed:
            pass  # it looks like a file of something else, or like one that is not to be written
        finally:
            store.close()
