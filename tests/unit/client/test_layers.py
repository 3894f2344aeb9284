"""Which folder of the client may import which, and what none of them may."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLIENT = sorted((ROOT / "client").rglob("*.py"))
MOST_LINES = 400

_SHARED = {"addresses", "errors", "events", "i18n"}
_DRAWING = {"desktop/theme", "desktop/tk", "desktop/widgets"}
MAY_IMPORT: dict[str, set[str]] = {
    "i18n": set(),
    "text": set(),
    "errors": set(),
    "events": set(),
    "addresses": {"i18n"},
    "session": _SHARED,
    "model": {"errors", "events", "i18n", "text"},
    "desktop/tk": set(),
    "desktop/theme": {"desktop/tk"},
    "desktop/widgets": {"i18n", "desktop/theme", "desktop/tk"},
    "desktop/settings": {"addresses", "i18n"},
    "desktop/control": _SHARED | {"model", "session", "text", "desktop/settings", "desktop/theme"},
    "desktop/conversation": _DRAWING | {"i18n", "model", "text"},
    "desktop/pages": _DRAWING
    | {"addresses", "i18n", "model", "text"}
    | {"desktop/control", "desktop/conversation", "desktop/settings"},
    "desktop": _SHARED
    | _DRAWING
    | {"model", "session", "text", "desktop/control", "desktop/pages", "desktop/settings"},
    "__main__": {"addresses", "i18n", "desktop"},
}
"""Folder, or module beside the folders: the others that it may import."""


def folder_of(path: Path) -> str:
    """Return the row of `MAY_IMPORT` that a file belongs to."""
    inside = path.relative_to(ROOT / "client")
    return inside.parent.as_posix() if inside.parent.name else inside.stem


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if is_module(name) or node.module == "gateway" else node.module


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def folders_imported(path: Path) -> set[str]:
    names = (name for name in imported(path) if name.split(".")[0] == "client" != name)
    paths = (ROOT.joinpath(*name.split(".")) for name in names)
    return {folder_of((path if path.is_dir() else path.parent) / path.name) for path in paths}


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [p for p in CLIENT if folder_of(p) != "__init__"], ids=ids)
def test_a_folder_imports_only_those_below_it(path: Path) -> None:
    folder = folder_of(path)
    assert folders_imported(path) <= MAY_IMPORT[folder] | {folder}


def test_the_table_has_no_circle_and_no_row_for_what_is_not_there() -> None:
    assert MAY_IMPORT.keys() == {folder_of(path) for path in CLIENT} - {"__init__"}
    left = dict(MAY_IMPORT)
    while lowest := {folder for folder, allowed in left.items() if not allowed & left.keys()}:
        for folder in lowest:
            del left[folder]
    assert not left, "these import each other"


@pytest.mark.parametrize("path", CLIENT, ids=ids)
def test_the_client_knows_nothing_of_the_gateway_but_the_wire(path: Path) -> None:
    names = set(imported(path))
    of_gateway = {name for name in names if name.split(".")[0] == "gateway"}
    assert all(name.split(".")[:2] == ["gateway", "wire"] for name in of_gateway), of_gateway
    assert not {name.split(".")[0] for name in names} & {"redis", "hiredis"}


def test_importing_the_model_does_not_import_trio() -> None:
    modules = [
        "client.model",
        *(f"client.model.{p.stem}" for p in CLIENT if p.parent.name == "model"),
    ]
    script = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
    script += "print({name.split('.')[0] for name in sys.modules} & {'trio', 'tkinter'})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_no_file_is_too_long_to_read() -> None:
    lengths = {ids(path): len(path.read_text("utf-8").splitlines()) for path in CLIENT}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_folder_says_what_belongs_in_it() -> None:
    for path in CLIENT:
        documented = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert documented, ids(path)
        assert (path.parent / "__init__.py").exists(), ids(path)


def test_no_class_name_means_two_things() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path in (*CLIENT, *sorted((ROOT / "gateway").rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(ids(path))
    twice = {
        name: found
        for name, found in places.items()
        if len(found) > 1 and any(place.startswith("client/") for place in found)
    }
    assert twice == {}
