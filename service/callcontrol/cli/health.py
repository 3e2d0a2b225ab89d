"""`callcontrol health`: the service's own word on whether it serves, as an exit status."""

import asyncio
from typing import Annotated

import typer

from callcontrol.cli.options import Target, Timeout
from callcontrol.client.client import Client


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(health)


def health(
    *,
    target: Target = "",
    service: Annotated[
        str, typer.Option(help="liveness, readiness, or the full name of a service.")
    ] = "readiness",
    timeout: Timeout = 3.0,
) -> None:
    """Say whether the service serves; exit status 0 if it does."""
    serves = asyncio.run(check(target, service, timeout))
    typer.echo(f"{service}: {'serving' if serves else 'not serving'}")
    if not serves:
        raise typer.Exit(1)


async def check(target: str, service: str, timeout_s: float) -> bool:
    """Ask once."""
    async with Client(target) as client:
        return await client.is_serving(service, timeout_s)
