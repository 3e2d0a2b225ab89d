"""What events of conferences mean, and waiting for them."""

import asyncio

import pytest

from callcontrol.calls.conferences.events import conference_changed
from callcontrol.calls.conferences.ids import playback_id, recording_id
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import OutcomeUnknown
from callcontrol.esl.messages import HeaderValue, SwitchEvent
from callcontrol.events.event import Event
from callcontrol.ids import NodeId

FS1, FS2 = NodeId("fs1"), NodeId("fs2")
RUN = "943722bd-0615-4bf1-ac1a-74e577e7fc64"


def headers(action: str, **more: str) -> dict[str, HeaderValue]:
    common: dict[str, HeaderValue] = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "conference::maintenance",
        "Conference-Name": "room",
        "Conference-Size": "2",
        "Conference-Unique-ID": RUN,
        "Action": action,
    }
    return common | {name.replace("_", "-"): value for name, value in more.items()}


def happen(tracker: CallTracker, action: str, node: NodeId = FS1, **more: str) -> Event:
    return tracker.apply(node, SwitchEvent(headers(action, **more)))


def test_an_event_about_nobody_is_told_too():
    event = happen(CallTracker(), "lock")
    assert event.call_id is None
    assert event.payload == ConferenceChanged("room", RUN, "lock", 0, 2)


def test_an_event_about_a_member_names_it():
    event = happen(CallTracker(), "mute-member", Member_ID="7", Unique_ID="leg-1")
    assert event.call_id == "leg-1"
    assert event.payload == ConferenceChanged("room", RUN, "mute-member", 7, 2)


def test_a_playback_has_an_id_that_its_end_has_too():
    began, ended = (
        conference_changed(headers(action, File="/a.wav"))
        for action in ("play-file", "play-file-done")
    )
    assert began is not None
    assert ended is not None
    assert began.playback_id == ended.playback_id == playback_id(RUN, "/a.wav")
    assert not began.recording_id


def test_a_recording_that_failed_tells_why():
    changed = conference_changed(headers("start-recording", Path="/r/a.wav", Error="no room"))
    assert changed is not None
    assert (changed.file, changed.error) == ("/r/a.wav", "no room")
    assert changed.recording_id == recording_id(RUN, "/r/a.wav")


def test_the_parameters_of_a_video_recording_do_not_change_its_id():
    assert recording_id(RUN, "{channels=1,fps=30.00}/r/a.mp4") == recording_id(RUN, "/r/a.mp4")


@pytest.mark.parametrize(
    "odd",
    [
        {"Event-Subclass": "other::thing"},
        {"Action": ""},
        {"Conference-Name": ""},
    ],
)
def test_what_is_no_event_of_a_conference_means_nothing(odd: dict[str, str]):
    assert conference_changed(headers("lock") | odd) is None


@pytest.mark.parametrize("forged", ["-1", "x", str(1 << 40)])
def test_numbers_that_are_none_count_as_none(forged: str):
    changed = conference_changed(headers("add-member", Member_ID=forged))
    assert changed is not None
    assert changed.member_id == 0


async def test_a_watch_gets_what_happened_since_it_was_entered_in_its_conference_alone():
    tracker = CallTracker()
    happen(tracker, "lock")
    with tracker.watch_conference(FS1, "room") as watch:
        happen(tracker, "mute-member", FS2)
        happen(tracker, "unlock")
        assert await watch.until(lambda changed: changed.action) == "unlock"


async def test_a_watch_ends_when_the_node_is_lost():
    tracker = CallTracker()
    with tracker.watch_conference(FS1, "room") as watch:

        def never(_: ConferenceChanged) -> bool:
            return False

        waiting = asyncio.ensure_future(watch.until(never))
        await asyncio.sleep(0)
        tracker.node_lost(FS2, "another one")
        tracker.node_lost(FS1, "gone")
        with pytest.raises(OutcomeUnknown):
            await waiting


async def test_a_watch_that_was_left_is_forgotten():
    tracker = CallTracker()
    with tracker.watch_conference(FS1, "room"), tracker.watch_conference(FS1, "room") as watch:
        happen(tracker, "lock")
        assert await watch.until(lambda changed: changed.action == "lock")
    assert not tracker._conference_watches
