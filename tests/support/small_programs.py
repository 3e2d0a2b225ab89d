"""The small programs of `clients/`, in each language, as processes of their own."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent / "clients"
LIMIT_S: Final = 40.0

_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "python": ("{bin}/python", "{root}/python/{program}.py"),
    "go": ("{root}/go/bin/{program}",),
    "typescript": ("{bin}/node", "{root}/typescript/dist/{program}.js"),
}
LANGUAGES: Final = tuple(_COMMANDS)


def command(language: str, program: str) -> list[str]:
    """How a program is started. Fails where it is not built."""
    places = {"bin": Path(sys.executable).parent, "root": ROOT, "program": program}
    words = [word.format(**places) for word in _COMMANDS[language]]
    missing = [word for word in words if not Path(word).exists()]
    assert not missing, f"{missing} not there: make clients"
    return words


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said on stdout; stderr is for people."""

    status: int | None
    lines: list[str]


@asynccontextmanager
async def started(
    language: str, program: str, *words: str, target: str
) -> AsyncIterator["RunningProgram"]:
    """A program that runs; killed at the end of the block if it still does."""
    async with running(language, *command(language, program), *words, target=target) as program_now:
        yield program_now


@asynccontextmanager
async def running(language: str, *words: str, target: str) -> AsyncIterator["RunningProgram"]:
    """The same for any program, started by these words."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={"PATH": "/usr/bin:/bin", "CALLCONTROL_TARGET": target},
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            yield RunningProgram(language, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class RunningProgram:
    """Its lines are read as they come."""

    def __init__(self, language: str, process: Process) -> None:
        self.language, self.process = language, process
        self.lines: list[str] = []

    async def line(self) -> str:
        """The next line of stdout. Raises EOFError at its end."""
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        if not line:
            raise EOFError(self.language)
        self.lines.append(line.removesuffix("\n"))
        return self.lines[-1]

    async def until(self, line: str) -> None:
        """Return when it has said that."""
        while await self.line() != line:
            pass

    async def failure(self) -> str:
        """The next line of stderr."""
        assert self.process.stderr is not None
        return (await self.process.stderr.readline()).decode().removesuffix("\n")

    async def end(self) -> Ended:
        """Wait for its end."""
        out, _ = await self.process.communicate()
        self.lines += out.decode().splitlines()
        return Ended(self.process.returncode, self.lines)


async def run_all(program: str, *words: str, target: str) -> dict[str, Ended]:
    """How the program ends in each language, all at the same time."""

    async def run(language: str) -> Ended:
        async with started(language, program, *words, target=target) as running:
            return await running.end()

    async with asyncio.TaskGroup() as runs:
        tasks = {language: runs.create_task(run(language)) for language in LANGUAGES}
    return {language: task.result() for language, task in tasks.items()}


def alike(status: int, *lines: str) -> dict[str, Ended]:
    """What `run_all` gives where every language says this."""
    return dict.fromkeys(LANGUAGES, Ended(status, list(lines)))
