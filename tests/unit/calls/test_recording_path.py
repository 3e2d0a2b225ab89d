"""Recordings stay below their root."""

import pytest

from callcontrol.calls.encoding.recording_path import (
    MAX_PATH,
    recording_path,
    recording_path_problem,
    root_problem,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.errors import UnencodableValue

SETTINGS = ControlSettings(recording_root="/var/recordings/")


@pytest.mark.parametrize(
    ("path", "absolute"),
    [
        ("a.wav", "/var/recordings/a.wav"),
        ("2026/05/a-1_b.mp3", "/var/recordings/2026/05/a-1_b.mp3"),
        ("/var/recordings/a.opus", "/var/recordings/a.opus"),
        ("", "/var/recordings/chosen.wav"),
    ],
)
def test_a_recording_is_below_the_root(path: str, absolute: str):
    assert recording_path_problem(path, SETTINGS) is None
    assert recording_path(path, "chosen.wav", SETTINGS) == absolute


@pytest.mark.parametrize(
    "path",
    [
        "../a.wav",
        "a/../../b.wav",
        "a/./b.wav",
        "a//b.wav",
        "/etc/a.wav",
        "/var/recordings2/a.wav",
        "/var/recordings/../a.wav",
        "/var/recordings/",
        "/var/recordings//a.wav",
        "a",
        ".wav",
        "a/.wav",
        "-a.wav",
        "a.sh",
        "a.wav.exe",
        "a.wav/",
        "{rate=8000}a.wav",
        "[x]a.wav",
        "(a)a.wav",
        "@a.wav",
        "~/a.wav",
        "shout://a:b@c/d.mp3",
        "a b.wav",
        "a.wav\n",
        "a\0.wav",
        "${x}.wav",
        "a!b.wav",
        "a,b.wav",
        "ä.wav",
        "a" * MAX_PATH + ".wav",
    ],
)
def test_a_path_that_leads_elsewhere_or_means_more_is_refused(path: str):
    assert recording_path_problem(path, SETTINGS) is not None
    with pytest.raises(UnencodableValue):
        recording_path(path, "chosen.wav", SETTINGS)


@pytest.mark.parametrize("path", ["", "a.wav", "/a.wav"])
def test_without_a_root_nothing_is_recorded_and_the_setting_is_named(path: str):
    assert "recording_root" in (recording_path_problem(path, ControlSettings()) or "")


@pytest.mark.parametrize(
    "root", ["recordings", "/", "//a", "/a/../b", "/a b", "file:///a", "/a//b"]
)
def test_a_root_is_an_absolute_directory(root: str):
    assert root_problem(root) is not None


@pytest.mark.parametrize("root", ["", "/a", "/a/", "/srv/rec_1/x.d"])
def test_a_root_may_be_missing_and_may_end_with_a_slash(root: str):
    assert root_problem(root) is None
