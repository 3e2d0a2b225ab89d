"""Entries of the log on disk."""

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.events.event import Event, Gap, GapReason, Position, Told
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
