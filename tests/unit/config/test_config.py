"""What an operator may set, and what is said of mistakes."""

from pathlib import Path

import pytest

from callcontrol.calls.settings import ControlSettings
from callcontrol.config_problems import ConfigurationError
from callcontrol.config_sources import load, unknown_problems, unknown_settings
from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.token import Token


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests has no say."""
    import os

    for name in [name for name in os.environ if name.startswith("CALLCONTROL_")]:
        monkeypatch.delenv(name)


def problems(**flags: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(flags).node_settings()
    return str(caught.value)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "callcontrol.toml"
    file.write_text('command_links = 5\nconfirm_timeout_s = 9\nlisten = "127.0.0.1:1"\n')
    monkeypatch.setenv("CALLCONTROL_CONFIG", str(file))
    monkeypatch.setenv("CALLCONTROL_COMMAND_LINKS", "6")
    monkeypatch.setenv("CALLCONTROL_LISTEN", "127.0.0.1:2")
    config = load({"listen": "127.0.0.1:3", "password": None})
    assert (config.confirm_timeout_s, config.command_links) == (9, 6)
    assert config.listen == "127.0.0.1:3"


def test_nodes_are_read_from_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CALLCONTROL_NODES", "a=127.0.0.1:18021, b=localhost,c=[::1]:9")
    settings = load().node_settings()
    assert [(node.node_id, node.host, node.port) for node in settings] == [
        ("a", "127.0.0.1", 18021),
        ("b", "localhost", 8021),
        ("c", "::1", 9),
    ]


def test_nodes_in_a_file_may_have_passwords_of_their_own(tmp_path: Path):
    file = tmp_path / "callcontrol.toml"
    secret = tmp_path / "secret"
    secret.write_text("of b\n")
    file.write_text(
        'password = "common"\n'
        '[[nodes]]\nname = "a"\nhost = "10.0.0.1"\n'
        f'[[nodes]]\nname = "b"\nhost = "10.0.0.2"\npassword_file = "{secret}"\n'
    )
    first, second = load(config_file=file).node_settings()
    assert (first.password, second.password) == ("common", "of b")


def test_a_node_may_have_a_limit_of_its_own_and_begin_draining(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text(
        'password = "common"\nmax_calls = 500\n'
        '[[nodes]]\nname = "a"\nhost = "10.0.0.1"\n'
        '[[nodes]]\nname = "b"\nhost = "10.0.0.2"\nmax_calls = 0\ndraining = true\n'
    )
    first, second = load(config_file=file).node_settings()
    assert (first.max_calls, first.draining) == (500, False)
    assert (second.max_calls, second.draining) == (0, True)


def test_no_secret_is_in_the_repr_of_anything(tmp_path: Path):
    config = load({"nodes": ["a=10.0.0.1"], "password": "hunter2"})
    assert "hunter2" not in repr(config) + repr(config.node_settings())


def test_every_problem_is_told_by_the_name_of_its_setting():
    told = problems(nodes=["a b=c:1"], command_links=0, listen="here", log_level="loud", colour=1)
    for name in ("NODES)[0].name", "COMMAND_LINKS", "LISTEN", "LOG_LEVEL"):
        assert f"CALLCONTROL_{name}" in told
    assert "colour: there is no such setting" in told


def test_an_unknown_name_in_the_table_of_a_node_is_told_by_its_place():
    told = problems(nodes=[{"name": "a", "host": "127.0.0.1", "prot": 8021}])
    assert "nodes (CALLCONTROL_NODES)[0].prot: there is no such setting" in told


@pytest.mark.parametrize("context", ["my ctx", "", "undef", "a,b"])
def test_a_context_that_no_request_could_name_is_refused(context: str):
    assert "CALLCONTROL_DEFAULT_CONTEXT" in problems(nodes=["a=127.0.0.1"], default_context=context)


@pytest.mark.parametrize("root", ["sounds", "./sounds", "/a/../b", "/my sounds", "file:///a"])
def test_a_root_below_which_nothing_could_be_played_is_refused(root: str):
    told = problems(nodes=["a=127.0.0.1"], media_roots=f"/usr/share/sounds,{root}")
    assert "CALLCONTROL_MEDIA_ROOTS" in told


def test_a_root_may_end_with_a_slash():
    assert load({"media_roots": "/a/,/b"}).control_settings().media_roots == ("/a/", "/b")


def test_without_a_node_it_is_said_how_to_name_one():
    assert "fs1=127.0.0.1:8021" in problems()


def test_two_nodes_may_not_share_a_name():
    assert "used twice" in problems(nodes=["a=127.0.0.1:1", "a=127.0.0.1:2"])


def test_the_default_password_is_used_towards_loopback():
    (node,) = load({"nodes": ["a=127.0.0.1"]}).node_settings()
    assert node.password == "ClueCon"


@pytest.mark.parametrize("password", [None, "ClueCon"])
def test_the_default_password_goes_nowhere_else(password: str | None):
    told = problems(nodes=["a=10.0.0.1"], password=password)
    assert "CALLCONTROL_PASSWORD" in told
    assert "CALLCONTROL_ALLOW_DEFAULT_PASSWORD" in told


def test_the_default_password_goes_elsewhere_when_that_is_allowed():
    flags = {"nodes": ["a=10.0.0.1"], "allow_default_password": True}
    assert load(flags).node_settings()[0].password == "ClueCon"


def test_a_password_and_its_file_exclude_each_other(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("x")
    assert "not both" in problems(nodes=["a=10.0.0.1"], password="x", password_file=file)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not empty"),
        (b"two\nlines\n", "one line"),
        (b"nul\0", "one line"),
        (b"\xff", "UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_password_file_that_cannot_be_one_is_named(
    tmp_path: Path, content: bytes | None, told: str
):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    message = problems(nodes=["a=10.0.0.1"], password_file=file)
    assert told in message
    assert str(file) in message


def test_a_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no file"):
        load(config_file=tmp_path / "nowhere")
    bad = tmp_path / "bad.toml"
    bad.write_text("nodes = [")
    with pytest.raises(ConfigurationError, match=r"bad\.toml"):
        load(config_file=bad)


def test_a_misspelled_variable_is_found_and_what_kubernetes_sets_is_not():
    environ = {
        "CALLCONTROL_PASWORD": "x",
        "CALLCONTROL_TARGET": "x",
        "CALLCONTROL_NODES": "x",
        "CALLCONTROL_SERVICE_HOST": "10.0.0.1",
        "CALLCONTROL_PORT_50051_TCP": "tcp://10.0.0.1:50051",
    }
    assert unknown_settings(environ) == ["CALLCONTROL_PASWORD"]


def test_it_is_asked_whether_a_misspelled_variable_was_meant_to_be_another():
    environ = {"CALLCONTROL_PASWORD": "x", "CALLCONTROL_NODE": "x", "CALLCONTROL_XYZ": "x"}
    assert unknown_problems(environ) == [
        "CALLCONTROL_NODE: there is no such setting; did you mean CALLCONTROL_NODES?",
        "CALLCONTROL_PASWORD: there is no such setting; did you mean CALLCONTROL_PASSWORD?",
        "CALLCONTROL_XYZ: there is no such setting",
    ]


def test_what_a_node_may_be_called_is_told_in_words():
    told = problems(nodes=["a b=127.0.0.1"])
    assert told.startswith("nodes (CALLCONTROL_NODES)[0].name: must be a node name: 1 to 64 of ")


@pytest.mark.parametrize("address", ["", "fs1", "=1.2.3.4", "fs1=", "fs1=host:0x1", "fs1=h:99999"])
def test_a_node_that_cannot_be_read_is_refused(address: str):
    assert "CALLCONTROL_NODES" in problems(nodes=[address])


def test_a_root_of_recordings_that_could_lead_elsewhere_is_refused():
    told = problems(nodes=["a=127.0.0.1"], recording_root="/srv/../etc")
    assert "CALLCONTROL_RECORDING_ROOT" in told
    settings = load({"recording_root": "/srv/recordings"}).control_settings()
    assert settings.recording_root == "/srv/recordings"


def test_raw_access_is_a_list_of_names_and_patterns():
    settings = load(
        {"raw_apis": "status; sofia status.*", "raw_applications": ["playback /srv/.*, [a-z;]+"]}
    ).control_settings()
    assert [each.name for each in settings.raw_apis] == ["status", "sofia"]
    assert settings.raw_apis[1].admits("sofia", "status profile x")
    assert settings.raw_applications[0].admits("playback", "/srv/a, b;c")


def test_raw_access_is_off_until_it_is_listed():
    settings = load({}).control_settings()
    assert (settings.raw_apis, settings.raw_applications) == ((), ())


@pytest.mark.parametrize("entry", ["sofia status(", "json .*", "a-b"])
def test_an_entry_that_cannot_be_used_is_told(entry: str):
    assert "CALLCONTROL_RAW_APIS" in problems(nodes=["a=127.0.0.1"], raw_apis=[entry])


def test_variables_are_allowed_by_name():
    settings = load({"allowed_variables": "Api_Hangup_Hook,x"}).control_settings()
    assert settings.allowed_variables == {"api_hangup_hook", "x"}
    assert "ALLOWED_VARIABLES" in problems(nodes=["a=127.0.0.1"], allowed_variables="a b")


def test_raw_dial_strings_are_regular_expressions():
    settings = load({"raw_dial_strings": r"loopback/\d+/lab;user/[a-z]+"}).control_settings()
    assert [pattern.pattern for pattern in settings.raw_dial_strings] == [
        r"loopback/\d+/lab",
        "user/[a-z]+",
    ]
    assert "CALLCONTROL_RAW_DIAL_STRINGS" in problems(raw_dial_strings="(")


def test_replicas_with_one_key_read_each_others_resume_tokens(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("sixteen letters!\n")
    token = Token(b"12345678", 7)
    sealed = load({"token_key": "sixteen letters!"}).resume_key().seal(token)
    assert load({"token_key_file": file}).resume_key().open(sealed) == token
    with pytest.raises(ResumeTokenExpired):
        load({}).resume_key().open(sealed)


@pytest.mark.parametrize("flags", [{"token_key": "too short"}, {"token_key_file": "/nowhere"}])
def test_a_key_for_resume_tokens_that_is_none_is_told(flags: dict[str, str]):
    with pytest.raises(ConfigurationError, match="CALLCONTROL_TOKEN_KEY"):
        load(flags).resume_key()


def test_events_are_kept_on_disk_where_a_file_is_named(monkeypatch: pytest.MonkeyPatch):
    assert load({}).event_store is None
    monkeypatch.setenv("CALLCONTROL_EVENT_STORE", "/var/lib/callcontrol/events.db")
    assert load({}).event_store == Path("/var/lib/callcontrol/events.db")


def test_names_are_told_as_they_were_written():
    with pytest.raises(ConfigurationError, match=r": CHANNEL_ANSWR is no event of the switch"):
        load({"node_events": "CHANNEL_ANSWR"})


def test_no_calls_are_taken_by_their_socket_unless_an_address_is_given():
    assert load().outbound_settings() is None


def test_calls_are_taken_from_switches_on_this_machine_unless_others_are_named():
    here = load({"outbound_listen": "0.0.0.0:8084"}).outbound_settings()
    assert here is not None
    assert [str(network) for network in here.peers] == ["127.0.0.0/8", "::1/128"]
    assert (here.host, here.port, here.unknown_switches) == ("0.0.0.0", 8084, False)

    networks = {"outbound_peers": "10.1.0.0/16, ::2", "outbound_unknown_switches": True}
    settings = load({"outbound_listen": "[::]:1", **networks}).outbound_settings()
    assert settings is not None
    assert settings.unknown_switches
    assert [str(network) for network in settings.peers] == ["10.1.0.0/16", "::2/128"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outbound_peers", "10.0.0.1/8"),
        ("outbound_peers", "somewhere"),
        ("outbound_listen", "unix:/tmp/x"),
        ("outbound_listen", "8084"),
        ("outbound_handshake_timeout_s", "26"),
        ("outbound_max_connections", "0"),
    ],
)
def test_what_calls_cannot_be_taken_by_is_refused(name: str, value: str):
    assert f"CALLCONTROL_{name.upper()}" in problems(nodes=["a=127.0.0.1"], **{name: value})


def test_workers_get_some_seconds_for_an_offer_and_calls_without_one_are_not_kept():
    settings = load()
    offers = settings.offer_settings(settings.control_settings())
    assert (offers.offer_timeout_s, offers.wait_s, offers.wait_music) == (5.0, 0.0, "")
    assert (offers.resume_window_s, offers.lost_policy.value) == (30.0, "offer_again")


def test_a_replica_that_is_alone_leaves_no_call_to_others():
    assert load().offer_settings(ControlSettings()).others_first_s == 1.0
    alone = load({"outbound_offer_others_first_s": "0"})
    assert alone.offer_settings(ControlSettings()).others_first_s == 0.0


def test_what_a_waiting_call_hears_must_be_what_requests_may_play():
    settings = load({"outbound_offer_wait_music": "local_stream://default"})
    assert settings.offer_settings(settings.control_settings()).wait_music
    refused = load({"outbound_offer_wait_music": "shell_stream:///bin/ls"})
    with pytest.raises(ConfigurationError, match="CALLCONTROL_OUTBOUND_OFFER_WAIT_MUSIC"):
        refused.offer_settings(refused.control_settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outbound_offer_timeout_s", "0"),
        ("outbound_offer_wait_s", "-1"),
        ("outbound_offer_others_first_s", "-1"),
        ("outbound_offer_others_first_s", "61"),
        ("worker_lost_policy", "keep"),
        ("worker_max_calls", "0"),
        ("worker_max_calls", "5001"),
        ("max_workers", "0"),
    ],
)
def test_what_cannot_be_of_workers_is_refused(name: str, value: str):
    assert f"CALLCONTROL_{name.upper()}" in problems(nodes=["a=127.0.0.1"], **{name: value})
