"""What the program says of itself."""

import grpc
import pytest
from typer.testing import CliRunner

from callcontrol.cli.main import app, hint
from callcontrol.client.failure import Failure

NAMES = [command.callback.__name__ for command in app.registered_commands if command.callback]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_a_help(name: str):
    result = CliRunner().invoke(app, [name, "--help"])
    assert (result.exit_code, result.exception) == (0, None)
    assert f"callcontrol {name} [OPTIONS]" in result.output
    assert "<list[" not in result.output, "an option says what it takes, not of which type that is"


def test_the_help_shows_brackets_as_they_are():
    result = CliRunner().invoke(app, ["originate", "--help"], env={"COLUMNS": "200"})
    assert "loopback/EXTENSION[/CONTEXT]" in result.output


def test_the_help_of_serve_says_where_every_setting_is():
    result = CliRunner().invoke(app, ["serve", "--help"])
    assert result.output.rstrip().endswith("Every setting: see README, Configuration.")


def test_who_finds_no_service_is_told_how_to_say_where_it_is():
    refused = Failure(grpc.StatusCode.UNAVAILABLE, "no connection to [::1]:1: connection refused")
    assert "CALLCONTROL_TARGET" in hint(refused)


def test_a_service_that_finds_no_switch_gives_no_such_hint():
    message = "connection refused by node fs1"
    assert not hint(Failure(grpc.StatusCode.UNAVAILABLE, message, "NODE_UNREACHABLE"))
