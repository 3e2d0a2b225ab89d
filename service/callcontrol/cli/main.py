"""Which commands the program has, and what becomes of errors: a line on stderr and an exit status.

Exit status: 0 all went well, 1 it did not, 2 the command line or configuration is wrong, 3 the call
was placed but not answered, 130 interrupted.
"""

import sys
from typing import Final

import grpc.aio
import typer

from callcontrol.cli import calling, demo, health, serving, watching
from callcontrol.client.failure import failure_of
from callcontrol.config import ConfigurationError

app: Final = typer.Typer(
    name="callcontrol",
    help="Control telephone calls on FreeSWITCH over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # [/CONTEXT] in a help text is no markup
    pretty_exceptions_enable=False,
)
for module in (serving, demo, health, calling, watching):
    module.register(app)


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app()
    except ConfigurationError as error:
        sys.exit(_tell("\n".join(error.problems), 2))
    except grpc.aio.AioRpcError as error:
        sys.exit(_tell(str(failure_of(error)), 1))
    except OSError as error:
        sys.exit(_tell(str(error), 1))
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(problem: str, status: int) -> int:
    for line in problem.splitlines():
        typer.echo(f"callcontrol: {line}", err=True)
    return status
