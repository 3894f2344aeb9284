"""The codes that the gateway sends, found in its source."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.unit.gateway.wire.document import GATEWAY

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Call(NamedTuple):
    """A call, and the innermost function that it stands in."""

    path: Path
    node: ast.Call
    inside: Function | None

    @property
    def name(self) -> str:
        """What is called, without what it is an attribute of."""
        function = self.node.func
        return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def values_given(*functions: str, position: int, keyword: str) -> set[Any]:
    """Every constant that the gateway passes as one argument of these functions.

    Where it passes on a parameter of its own, the constants that are passed as that one. Attributes
    are left out: they repeat what was passed before.
    """
    found: set[Any] = set()
    for call in _calls():
        if call.name in functions:
            by_name = [word.value for word in call.node.keywords if word.arg == keyword]
            for value in by_name or call.node.args[position : position + 1]:
                found |= _values(value, call)
    return found


def _values(value: ast.expr, call: Call) -> set[Any]:
    match value:
        case ast.Constant():
            return {value.value}
        case ast.IfExp():
            return _values(value.body, call) | _values(value.orelse, call)
        case ast.Name(id=name) if name in _constants(call.path):
            return {_constants(call.path)[name]}
        case ast.Name(id=name) if call.inside and name in _parameters(call.inside):
            if call.inside.name == "__init__":
                return set()  # of a subclass, which is asked for by its own name
            position = _parameters(call.inside).index(name)
            return values_given(call.inside.name, position=position, keyword=name)
        case ast.Attribute() | ast.Starred():
            return set()
        case _:
            where = f"{call.path.relative_to(GATEWAY)}:{value.lineno}"
            raise AssertionError(f"{where}: no constant is passed to {call.name} here")


def _parameters(function: Function) -> list[str]:
    names = [argument.arg for argument in function.args.args + function.args.kwonlyargs]
    return names[1:] if names[:1] == ["self"] else names


@cache
def _calls() -> list[Call]:
    found: list[Call] = []

    def visit(node: ast.AST, path: Path, inside: Function | None) -> None:
        if isinstance(node, ast.Call):
            found.append(Call(path, node, inside))
        inside = node if isinstance(node, Function) else inside
        for child in ast.iter_child_nodes(node):
            visit(child, path, inside)

    for path in sorted(GATEWAY.rglob("*.py")):
        visit(ast.parse(path.read_text("utf-8")), path, None)
    return found


@cache
def _constants(path: Path) -> dict[str, Any]:
    """The constants at the top of a file, by name."""
    found = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found[ast.unparse(target)] = node.value.value
    return found
