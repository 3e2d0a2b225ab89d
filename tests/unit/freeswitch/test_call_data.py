"""What the answer to `connect` says of a call; the recorded ones are of a real switch."""

from collections.abc import Mapping

import pytest
from tests.support.transcripts import recording

from callcontrol.esl.messages import ApiResponse, Reply
from callcontrol.esl.protocol import Answered, Connection
from callcontrol.esl.session_commands import Connect
from callcontrol.freeswitch.call_data import NotACall, read_call_data

GOOD: Mapping[str, str] = {
    "Event-Name": "CHANNEL_DATA",
    "Core-UUID": "core",
    "Unique-ID": "call",
    "Socket-Mode": "async",
    "Control": "full",
}


def test_what_a_real_switch_says_of_its_modes_is_read():
    talk = recording("outbound-connect-data")
    found = []
    for name in talk.connections:
        connection: Connection[None] = Connection()
        connection.send(Connect(), None)
        (answered, *_) = connection.receive_data(talk.stream(name, from_switch=True))
        assert isinstance(answered, Answered)
        data = read_call_data(answered.answer)
        assert len(data.call_id) == len(data.core_uuid) == 36
        assert (data.hostname, data.socket_host) == ("fs-lab", "127.0.0.1")
        found.append((data.is_async, data.is_full))
    assert found == [(True, True), (False, True), (True, False), (False, False)]


def test_a_call_is_read():
    data = read_call_data(Reply("+OK", GOOD))
    assert (data.call_id, data.core_uuid, data.application) == ("call", "core", "")
    assert (data.is_async, data.is_full) == (True, True)


def test_a_socket_without_words_is_neither():
    data = read_call_data(Reply("+OK", {**GOOD, "Socket-Mode": "static", "Control": "single"}))
    assert (data.is_async, data.is_full) == (False, False)


def test_the_variable_names_the_application_and_else_the_path():
    path = {"variable_socket_path": "path"}
    both = path | {"variable_callcontrol_application": "name"}
    by_path = read_call_data(Reply("+OK", {**GOOD, **path}))
    by_name = read_call_data(Reply("+OK", {**GOOD, **both}))
    assert (by_path.application, by_path.is_named_by_path) == ("path", True)
    assert (by_name.application, by_name.is_named_by_path) == ("name", False)


@pytest.mark.parametrize("header", ["Unique-ID", "Core-UUID"])
@pytest.mark.parametrize("value", ["", "a b", "a\tb", "é", "x" * 256])
def test_an_id_that_no_command_could_carry_is_none(header: str, value: str):
    with pytest.raises(NotACall):
        read_call_data(Reply("+OK", {**GOOD, header: value}))


@pytest.mark.parametrize(
    "other", [Reply("-ERR command not found"), Reply("", {}), ApiResponse(b"anything")]
)
def test_any_other_answer_is_no_call(other: Reply | ApiResponse):
    with pytest.raises(NotACall):
        read_call_data(other)
