"""The commands that run until they are stopped: `serve` and `simulate`."""

import asyncio
import logging
import os
import sys
from contextlib import AsyncExitStack
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from callcontrol.addresses import split_address
from callcontrol.app import running_service
from callcontrol.cli.options import ConfigFile
from callcontrol.cli.running import run, stop_on_signal
from callcontrol.config import Config
from callcontrol.config_problems import ConfigurationError
from callcontrol.config_sources import load, unknown_problems, unknown_settings
from callcontrol.garbage import resting
from callcontrol.listening import told_by
from callcontrol.simulator import Simulator
from callcontrol.telemetry import logging_to

log: Final = logging.getLogger(__name__)


class LogFormat(Enum):
    """How logs are written."""

    auto = "auto"
    json = "json"
    text = "text"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Every setting: see README, Configuration.")(serve)
    app.command()(simulate)


def serve(
    *,
    config: ConfigFile = None,
    node: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HOST:PORT", help="A switch; may be repeated."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to serve gRPC.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Has the event socket password.")
    ] = None,
    allow_default_password: Annotated[
        bool | None,
        typer.Option("--allow-default-password", help="Use ClueCon beyond loopback as well."),
    ] = None,
    metrics_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to serve metrics.")
    ] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="How to log.")] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
) -> None:
    """Run the service. Every option, and more, can be set by CALLCONTROL_... or in a file."""
    flags = {
        "nodes": node or None,
        "listen": listen,
        "password_file": password_file,
        "allow_default_password": allow_default_password,
        "metrics_listen": metrics_listen,
        "log_format": log_format.value if log_format else None,
        "log_level": log_level,
    }
    try:
        settings = load(flags, config)
        settings.node_settings()
    except ConfigurationError as error:
        misspelled = unknown_problems(os.environ)
        raise ConfigurationError([*error.problems, *misspelled]) from error
    with logging_to(sys.stderr, settings.log_format, settings.log_level):
        run(serve_until_stopped(settings), settings.event_loop)


async def serve_until_stopped(settings: Config) -> None:
    """Serve until SIGTERM or SIGINT, then say goodbye."""
    if unknown := unknown_settings(os.environ):
        log.warning("settings unknown", extra={"settings": unknown})
    with stop_on_signal() as stop:
        async with running_service(settings), resting():
            await stop.wait()
            log.info("stopping")
    log.info("stopped")


def simulate(
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT")] = "127.0.0.1:8021",
    password: Annotated[str, typer.Option(help="Event socket password.")] = "ClueCon",
    log_format: Annotated[LogFormat, typer.Option(help="How to log.")] = LogFormat.auto,
    log_level: Annotated[
        str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = "info",
) -> None:
    """Run a FreeSWITCH event socket without a FreeSWITCH, for trying things out.

    What a call does is chosen by what is dialled: answer, answer-2, ring, ring-answer, busy,
    reject, early, short, dtmf-123, hangup-NO_ANSWER and more, for example
    callcontrol originate sofia/internal/ring-answer@example.org.
    """
    try:
        host, port = split_address(listen)
    except ValueError as error:
        raise ConfigurationError([f"--listen: {error}"]) from error
    with logging_to(sys.stderr, log_format.value, log_level):
        asyncio.run(simulate_until_stopped(host, port, password))


async def simulate_until_stopped(host: str, port: int, password: str) -> None:
    """Be a switch until SIGTERM or SIGINT."""
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        with told_by("--listen", f"{host}:{port}"):
            simulator = Simulator(host, port, password=password)
            await stack.enter_async_context(simulator)
        log.info("simulating a switch", extra={"host": host, "port": simulator.port})
        await stop.wait()
