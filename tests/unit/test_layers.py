"""The layers of the program: which folder may import which."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
GATEWAY: Final = ROOT / "gateway"
MOST_LINES: Final = 400

GATEWAY_LAYERS: Final[dict[str, set[str]]] = {
    "wire": set(),
    "process": set(),
    "observability": set(),
    "auth": {"wire"},
    "policy": {"wire"},
    "net": {"wire"},
    "backplane/redis": set(),
    "backplane": {"backplane/redis", "policy", "wire"},
    "delivery": {"backplane", "net", "observability", "wire"},
    "sessions": {
        "auth", "backplane", "config", "delivery", "net", "observability", "policy", "wire",
    },
    "cluster": {"backplane", "delivery", "sessions"},
    "server": {"net", "observability", "sessions", "wire"},
    "config": set(),
}  # fmt: skip
"""Each folder, and the modules at the root that everybody may import, with what it may import.

What is at the root and not named here puts the parts together, and may import all of them.
"""

CLOCKS: Final = {
    "observability/log_writer.py": "its thread lives outside Trio",
    "observability/logs.py": "each line says when it was logged",
    "observability/metrics.py": "when the process started, and its CPU time",
}
"""The files that tell the time by another clock than Trio's or Redis's, and what for."""
READS_A_CLOCK: Final = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "processors.TimeStamper",
}  # fmt: skip


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def title(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, inside functions too, by its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def layer_of(parts: tuple[str, ...]) -> str | None:
    """The layer of a module of the gateway given as the parts of its name; None at the root."""
    for length in (2, 1):
        if (layer := "/".join(parts[:length])) in GATEWAY_LAYERS:
            return layer
    return None


def layer_of_file(path: Path) -> str | None:
    return layer_of(path.relative_to(GATEWAY).with_suffix("").parts)


def layers_imported(path: Path) -> set[str | None]:
    names = [name.split(".")[1:] for name in imported(path) if name.startswith("gateway.")]
    return {layer_of(tuple(name)) for name in names}


@pytest.mark.parametrize("path", files(GATEWAY), ids=title)
def test_each_folder_imports_only_those_below_it(path: Path) -> None:
    layer = layer_of_file(path)
    if layer is None:
        assert path.parent == GATEWAY, f"{title(path)} is in a folder that is in no layer"
        return
    assert layers_imported(path) <= {layer, *GATEWAY_LAYERS[layer]}


def test_layers_form_no_circle() -> None:
    below: dict[str, set[str]] = {}
    for layer in list(GATEWAY_LAYERS):
        reached, found = set(GATEWAY_LAYERS[layer]), {layer}
        while reached - found:
            found |= reached
            reached |= {low for each in reached for low in GATEWAY_LAYERS[each]}
        below[layer] = reached
    assert all(layer not in reached for layer, reached in below.items())


@pytest.mark.parametrize("layer", GATEWAY_LAYERS)
def test_each_layer_is_there(layer: str) -> None:
    assert (GATEWAY / layer).is_dir() or (GATEWAY / f"{layer}.py").is_file()


@pytest.mark.parametrize("path", files(GATEWAY), ids=title)
def test_only_the_backplane_knows_redis(path: Path) -> None:
    if path.is_relative_to(GATEWAY / "backplane"):
        return
    assert not packages(path) & {"redis", "hiredis"}
    assert not any(name.startswith("gateway.backplane.redis.") for name in imported(path))
    reached = {
        n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)
    }
    assert not reached & {"link", "subscription"}


@pytest.mark.parametrize("path", files(GATEWAY / "wire"), ids=title)
def test_the_wire_needs_nothing_but_msgspec(path: Path) -> None:
    assert packages(path) <= {"__future__", "gateway", "msgspec", "typing"}


@pytest.mark.parametrize(
    "folder", [GATEWAY / "wire", GATEWAY / "auth", GATEWAY / "policy"], ids=title
)
def test_pure_folders_do_no_io(folder: Path) -> None:
    for path in files(folder):
        assert not packages(path) & {"trio", "socket", "os", "subprocess", "time"}, path


def test_only_trios_clock_tells_the_time() -> None:
    """So that a whole cluster can run on a clock that a test sets."""
    found = {path.relative_to(GATEWAY).as_posix() for path in files(GATEWAY) if has_a_clock(path)}
    assert found == CLOCKS.keys()


def has_a_clock(path: Path) -> bool:
    """Whether a file tells the time by another clock than Trio's or Redis's."""
    attributes = [
        n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Attribute)
    ]
    asked = {f"{ast.unparse(n.value).rpartition('.')[2]}.{n.attr}" for n in attributes}
    return "time" in packages(path) or bool(asked & READS_A_CLOCK)


@pytest.mark.parametrize("folder", sorted({p.parent for p in files(GATEWAY)}), ids=title)
def test_each_folder_says_what_belongs_there(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


@pytest.mark.parametrize("top", ["gateway", "client", "tests"])
def test_no_file_is_too_long_to_read(top: str) -> None:
    lengths = {title(path): len(path.read_text("utf-8").splitlines()) for path in files(ROOT / top)}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
