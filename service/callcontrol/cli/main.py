"""Which commands the program has, and what becomes of errors: a line on stderr and an exit status.

Exit status: 0 all went well, 1 it did not, 2 the command line or configuration is wrong, 3 the call
was placed but not answered, 130 interrupted.
"""

import sys
from importlib.metadata import version
from typing import Annotated, Final

import grpc.aio
import typer

from callcontrol.cli import calling, conferences, demo, health, nodes, serving, watching
from callcontrol.cli.words import SHOWN_OF_CALL_ID
from callcontrol.client.failure import Failure, failure_of
from callcontrol.config_problems import ConfigurationError

app: Final = typer.Typer(
    name="callcontrol",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # [/CONTEXT] in a help text is no markup
    pretty_exceptions_enable=False,
)
for module in (serving, demo, health, calling, conferences, nodes, watching):
    module.register(app)


def print_version(*, wanted: bool) -> None:
    """Print the version and end, if it is wanted."""
    if wanted:
        typer.echo(f"callcontrol {version('callcontrol')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: print_version(wanted=wanted),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Control telephone calls on FreeSWITCH over gRPC."""


def hint(failure: Failure) -> str:
    """What a person can do about it, where that is not plain; may be empty."""
    call_id = (failure.metadata or {}).get("call_id", "")
    if failure.reason == "CALL_NOT_FOUND" and len(call_id) == SHOWN_OF_CALL_ID:
        return "\n  give the whole id, as `callcontrol calls` shows it"
    if not failure.reason and "connection refused" in failure.message:
        return "\n  is `callcontrol serve` running? --target or CALLCONTROL_TARGET say where"
    return ""


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app()
    except ConfigurationError as error:
        sys.exit(_tell("\n".join(error.problems), 2))
    except grpc.aio.AioRpcError as error:
        failure = failure_of(error)
        sys.exit(_tell(f"{failure}{hint(failure)}", 1))
    except OSError as error:
        sys.exit(_tell(str(error), 1))
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(problem: str, status: int) -> int:
    for line in problem.splitlines():
        typer.echo(f"callcontrol: {line}", err=True)
    return status
