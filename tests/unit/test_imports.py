"""The walls of the house, by its imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GATEWAY = sorted((ROOT / "gateway").rglob("*.py"))

FLOORS = (
    {"__main__"},
    {"cli"},
    {"node", "demo", "admin"},
    {"listener", "door"},
    {"endpoints"},
    {"session"},
    {"answers"},
    {"lease", "personal", "services"},
    {"sweep"},
    {"standings"},
    {"relay"},
    {"presence"},
    {"history", "inbox", "listing"},
    {"hub"},
    {"claims", "follower"},
    {"standing"},
    {"agreement", "roster", "sequence", "outbox", "metrics", "parking"},
    {"embedded"},
    {"backplane"},
    {"erasure"},
    {"nicknames", "room_names", "splicing", "websocket", "who"},
    {"wire", "closing", "config", "flood", "identity", "logs", "signals", "stdio"},
    {"log_writer"},
)
"""From the roof down: a module may import those on floors below its own."""


def floor_of(module: str) -> int:
    found = [number for number, floor in enumerate(FLOORS) if module in floor]
    assert found, f"gateway/{module} is on no floor: say in FLOORS where it belongs"
    return found[0]


def imported(path: Path) -> set[str]:
    """Every module that a file imports, inside functions too, by its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            # ``from gateway import wire`` imports gateway.wire.
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= parts if node.module == "gateway" else {node.module}
    return found


def floors_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("gateway.")}


def own_name(path: Path) -> str:
    """The part of the gateway that a file belongs to."""
    first = path.relative_to(ROOT / "gateway").parts[0]
    return first.removesuffix(".py")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", [p for p in GATEWAY if own_name(p) != "__init__"], ids=ids)
def test_imports_run_one_way(path: Path) -> None:
    own = own_name(path)
    for other in floors_imported(path) - {own}:
        assert floor_of(other) > floor_of(own), f"{own} imports {other}"


def test_only_the_backplane_knows_redis() -> None:
    knowing = {own_name(p) for p in GATEWAY if packages(p) & {"redis", "hiredis"}}
    assert knowing == {"backplane"}


@pytest.mark.parametrize("path", [p for p in GATEWAY if own_name(p) == "wire"], ids=ids)
def test_the_wire_imports_nothing_of_the_gateway(path: Path) -> None:
    assert floors_imported(path) <= {"wire"}
    assert packages(path) <= {"__future__", "gateway", "msgspec", "typing"}


@pytest.mark.parametrize(
    "module",
    [
        "closing",
        "config",
        "erasure",
        "flood",
        "identity",
        "nicknames",
        "parking",
        "sequence",
        "splicing",
        "websocket",
        "who",
    ],
)
def test_pure_modules_do_no_io(module: str) -> None:
    assert not packages(ROOT / "gateway" / f"{module}.py") & {"trio", "trio_websocket"}


MOST_LINES = 400


def test_no_file_is_too_long_to_read() -> None:
    too_long = {
        ids(path): lines
        for path in GATEWAY
        if (lines := len(path.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert too_long == {}
