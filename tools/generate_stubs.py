"""Generates service/callcontrol/v1 from proto/, or checks that it is up to date.

Messages and typing stubs for every file, gRPC code only for files with services (the plugin would
write an empty module for the others). Run without arguments it writes, with `--check` it generates
into a temporary directory, compares and fails when anything differs.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from grpc_tools import protoc

ROOT: Final = Path(__file__).resolve().parent.parent
PROTO: Final = ROOT / "proto"
PACKAGE: Final = Path("callcontrol/v1")
TARGET: Final = ROOT / "service" / PACKAGE
SCRIPTS: Final = Path(sys.executable).parent
PLUGINS: Final = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
INIT: Final = '"""Generated from proto/callcontrol/v1; do not edit."""\n'


def has_service(proto: Path) -> bool:
    """Whether a proto file defines a service."""
    return any(line.startswith("service ") for line in proto.read_text().splitlines())


def run_protoc(out: Path, options: list[str], protos: list[Path]) -> None:
    """Run the compiler once; exits with its message on the terminal when it fails."""
    bundled = files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{PROTO}", f"-I{bundled}"]
    arguments += [f"--plugin={name}={SCRIPTS / name}" for name in PLUGINS]
    arguments += [f"--{option}{out}" for option in options]
    arguments += [str(proto.relative_to(PROTO)) for proto in protos]
    if protoc.main(arguments) != 0:
        sys.exit("protoc failed")


def generate(out: Path) -> None:
    """Write the whole package below `out`, a source root."""
    protos = sorted((PROTO / PACKAGE).glob("*.proto"))
    services = [proto for proto in protos if has_service(proto)]
    run_protoc(out, ["python_out=", "mypy_out=quiet:"], protos)
    run_protoc(out, ["grpc_python_out=", "mypy_grpc_out=quiet:"], services)
    (out / PACKAGE / "__init__.py").write_text(INIT)


def generated_files(package: Path) -> dict[str, bytes]:
    """Name and content of everything in a generated package."""
    return {path.name: path.read_bytes() for path in package.glob("*.py*") if path.is_file()}


def differences(fresh: Path) -> Iterator[str]:
    """What differs between a fresh package and the committed one, a line each."""
    new, old = generated_files(fresh), generated_files(TARGET)
    for name in sorted(new.keys() | old.keys()):
        if name not in old:
            yield f"{TARGET.relative_to(ROOT)}/{name} is missing"
        elif name not in new:
            yield f"{TARGET.relative_to(ROOT)}/{name} comes from no proto file"
        elif new[name] != old[name]:
            yield f"{TARGET.relative_to(ROOT)}/{name} differs from its proto file"


def main() -> None:
    """Generate, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        generate(fresh)
        if check:
            if found := list(differences(fresh / PACKAGE)):
                sys.exit("\n".join([*found, "run make proto"]))
            return
        TARGET.mkdir(parents=True, exist_ok=True)
        wanted = generated_files(fresh / PACKAGE)
        for name in generated_files(TARGET).keys() - wanted.keys():
            (TARGET / name).unlink()
        for name, content in wanted.items():
            (TARGET / name).write_bytes(content)


if __name__ == "__main__":
    main()
