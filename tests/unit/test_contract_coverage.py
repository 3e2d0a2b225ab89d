"""Every RPC of every service has a contract test; one that is not served has one that shows it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.rpc import replica

from callcontrol.rpc.methods import SERVICES, Method

CONTRACT = Path(__file__).parents[1] / "contract"
METHODS = [method for methods in SERVICES.values() for method in methods]
REFUSED = "UNIMPLEMENTED"


@dataclass(frozen=True)
class Piece:
    """A function of the contract suite, or what is outside of all functions of a module."""

    calls: frozenset[str]
    """Names of methods that it calls on a stub, or has a request for in a table."""
    expects_refusal: bool


def pieces(tree: ast.Module) -> Iterator[Piece]:
    """The functions of a module, and the rest of it."""
    messages = set(modules_of_messages(tree))
    functions = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef)]
    functions += [node for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body
                  if isinstance(node, ast.AsyncFunctionDef)]  # fmt: skip
    rest = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    for piece in (*functions, *rest):
        names = {node.attr for node in ast.walk(piece) if isinstance(node, ast.Attribute)}
        yield Piece(frozenset(called(piece, messages)), REFUSED in names)


def modules_of_messages(tree: ast.Module) -> Iterator[str]:
    """Names by which a module knows generated messages: to make one is not to call an RPC."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name.endswith("_pb2"):
                    yield alias.asname or alias.name


def called(tree: ast.AST, messages: set[str]) -> Iterator[str]:
    """The methods that are called on anything but messages, or stand in a table of requests."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module))) if module in messages:
                pass
            case ast.Call(func=ast.Attribute(attr=name)):
                yield name
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    match key, value:
                        case ast.Constant(value=str(name)), ast.Lambda():
                            yield name


SUITE = [
    piece for file in sorted(CONTRACT.glob("*.py")) for piece in pieces(ast.parse(file.read_text()))
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
async def test_every_rpc_has_a_contract_test_of_what_it_does_or_that_it_is_refused(
    method: Method,
) -> None:
    async with replica() as running:
        is_served = method in running.server.served
    tests = [piece for piece in SUITE if method.name in piece.calls]
    assert any(piece.expects_refusal is not is_served for piece in tests)


def test_no_two_services_have_an_rpc_of_one_name() -> None:
    """Or a call by name alone would not say which of them was tested."""
    names = [method.name for method in METHODS]
    assert len(names) == len(set(names))
