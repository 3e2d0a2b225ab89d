"""The workers that the documents show work as they stand there."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.played_service import PlayedService, played_service
from tests.support.small_programs import ROOT, RunningProgram, running

from callcontrol.v1 import call_control_service_pb2 as calls
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Destination, WorkerApplication

BIN = Path(sys.executable).parent
OPERATORS = Destination(worker=WorkerApplication(name="operators"))
GIVES = {"go": "return call.Release(operators)", "ts": "await call.release(operators);"}
INSTEAD = {
    "gives": GIVES,
    "leaves": {"go": "_ = operators; return nil", "ts": ""},
    "gives to what is too long": {
        "go": "operators.GetWorker().Name = fmt.Sprintf(`%300000d`, 1); " + GIVES["go"],
        "ts": "operators.kind.worker.name = 'x'.repeat(300_000); " + GIVES["ts"],
    },
    "fails": {"go": "_ = operators; return fmt.Errorf(`no`)", "ts": "throw new Error('no');"},
}
"""What other handlers do with a call that goes on."""


def shown(document: str, language: str) -> str:
    """The first program in that language that a document shows."""
    text = (ROOT.parent / document).read_text()
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


async def build_go(code: str, where: Path) -> list[str]:
    """Build it beside the packages that it uses; a directory that begins so is none of them."""
    place = Path(tempfile.mkdtemp(prefix="_readme", dir=ROOT / "go"))
    try:
        (place / "main.go").write_text(code)
        process = await asyncio.create_subprocess_exec(
            *(BIN / "go", "build", "-o", where / "hello", f"./{place.name}"),
            cwd=ROOT / "go",
            env=os.environ,
        )
        assert await process.wait() == 0
    finally:
        shutil.rmtree(place)
    return [str(where / "hello")]


def write_typescript(code: str, where: Path) -> list[str]:
    """As it has no types of its own, it runs as it is."""
    built = ROOT / "typescript" / "dist"
    (where / "hello.mjs").write_text(re.sub(r'from "\./(.*?)"', rf'from "{built}/\1.js"', code))
    return [str(BIN / "node"), str(where / "hello.mjs")]


@asynccontextmanager
async def hello(
    language: str, code: str, where: Path
) -> AsyncIterator[tuple[PlayedService, RunningProgram]]:
    """It runs, for a service that a test plays."""
    words = await build_go(code, where) if language == "go" else write_typescript(code, where)
    async with (
        played_service() as service,
        running(language, *words, target=service.target) as program,
    ):
        yield service, program


@pytest.mark.parametrize(
    ("language", "document"),
    [("go", "clients/go/README.md"), ("ts", "clients/typescript/README.md")],
)
@pytest.mark.parametrize("how", INSTEAD)
async def test_hello_gives_its_calls_to_another_worker_and_keeps_none_that_it_leaves(
    tmp_path: Path, language: str, document: str, how: str
):
    code = shown(document, language)
    assert GIVES[language] in code
    code = code.replace(GIVES[language], INSTEAD[how][language])
    async with hello(language, code, tmp_path) as (service, program):
        line = await service.line()
        wanted = pb.RegisterWorker(worker_name="hello-1", applications=["hello"], max_calls=10)
        assert await line.registered() == wanted
        await line.give("a")
        (await service.command("Answer")).answer(calls.AnswerResponse())
        released = (await line.heard("release")).release
        destination = OPERATORS if how == "gives" else None
        assert released == pb.ReleaseCall(call_id="a", destination=destination)
        line.release("a")
        await program.until("released")
        failed = {"fails": "UNKNOWN", "gives to what is too long": "RESOURCE_EXHAUSTED"}
        told = [line for line in program.lines if line.startswith("failed")]
        assert told == [f"failed: {failed[how]}" for how in [how] if how in failed]


async def test_the_worker_in_python_asks_for_a_digit_and_hands_on(tmp_path: Path):
    (tmp_path / "worker.py").write_text(shown("docs/outbound.md", "python"))
    words = (sys.executable, str(tmp_path / "worker.py"))
    async with (
        played_service() as service,
        running("python", *words, target=service.target),
    ):
        line = await service.line()
        assert list((await line.registered()).applications) == ["ivr"]
        await line.give("a")
        (await service.command("Answer")).answer(calls.AnswerResponse())
        (await service.command("CollectDigits")).answer(calls.CollectDigitsResponse())
        assert (await line.heard("release")).release.destination == OPERATORS
        line.release("a")
