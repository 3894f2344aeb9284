"""The layers of the program: which folder may import which, and what holds for every file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
MOST_LINES: Final = 400

_SHARED: Final = {"client/addresses", "client/errors", "client/events", "client/i18n"}
_DRAWING: Final = {"client/desktop/theme", "client/desktop/tk", "client/desktop/widgets"}

LAYERS: Final[dict[str, set[str]]] = {
    "gateway/wire": set(),
    "gateway/process": set(),
    "gateway/observability": set(),
    "gateway/config": {"gateway/process"},
    "gateway/state_machine": set(),
    "gateway/auth": set(),
    "gateway/credentials": {"gateway/auth", "gateway/process"},
    "gateway/policy": set(),
    "gateway/net": {"gateway/process"},
    "gateway/backplane/redis": set(),
    "gateway/backplane": {"gateway/auth", "gateway/backplane/redis", "gateway/policy"},
    "gateway/delivery": {
        "gateway/auth", "gateway/backplane", "gateway/net", "gateway/observability",
        "gateway/policy", "gateway/state_machine",
    },
    "gateway/sessions": {
        "gateway/auth", "gateway/backplane", "gateway/config", "gateway/credentials",
        "gateway/delivery", "gateway/net", "gateway/observability", "gateway/policy",
        "gateway/state_machine",
    },
    "gateway/cluster": {
        "gateway/auth", "gateway/backplane", "gateway/delivery", "gateway/sessions",
    },
    "gateway/server": {
        "gateway/config", "gateway/net", "gateway/observability", "gateway/policy",
        "gateway/sessions",
    },
    "gateway/operator": {
        "gateway/auth", "gateway/backplane", "gateway/net", "gateway/observability",
        "gateway/policy", "gateway/process", "gateway/server", "gateway/sessions",
    },
    "client/i18n": set(),
    "client/text": set(),
    "client/errors": set(),
    "client/events": set(),
    "client/addresses": {"client/i18n"},
    "client/session": _SHARED | {"client/text"},
    "client/model": {"client/errors", "client/events", "client/i18n", "client/text"},
    "client/desktop/tk": set(),
    "client/desktop/theme": {"client/desktop/tk"},
    "client/desktop/widgets": {
        "client/i18n", "client/text", "client/desktop/theme", "client/desktop/tk",
    },
    "client/desktop/settings": {"client/addresses", "client/i18n"},
    "client/desktop/control": _SHARED | {
        "client/model", "client/session", "client/text", "client/desktop/settings",
        "client/desktop/theme",
    },
    "client/desktop/conversation": _DRAWING | {"client/i18n", "client/model", "client/text"},
    "client/desktop/pages": _DRAWING | {
        "client/addresses", "client/i18n", "client/model", "client/text",
        "client/desktop/control", "client/desktop/conversation", "client/desktop/settings",
    },
    "client/desktop": _SHARED | _DRAWING | {
        "client/model", "client/session", "client/text",
        "client/desktop/control", "client/desktop/pages", "client/desktop/settings",
    },
}  # fmt: skip
"""Each folder, or module beside the folders, with the others that it may import.

All may import ``gateway/wire``. What is at the top of a package and has no row puts its parts
together, and may import them all.
"""

CLOCKS: Final = {
    "credentials/jwt_verifier.py": "whether a token has expired",
    "net/certificates.py": "whether a certificate is valid today",
    "observability/log_writer.py": "its thread lives outside Trio",
    "observability/logs.py": "each line says when it was logged",
    "observability/metrics.py": "when the process started, and its CPU time",
    "server/http/response.py": "the header Date",
}
"""The files that tell the time by another clock than Trio's or Redis's, and what for."""
READS_A_CLOCK: Final = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "processors.TimeStamper",
    "utils.formatdate",
}  # fmt: skip


@cache
def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def title(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PROGRAM: Final = [*files("gateway"), *files("client")]


@cache
def imported(path: Path) -> frozenset[str]:
    """Every name that a file imports, inside functions too, with its module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def layer_of(parts: list[str]) -> str | None:
    """The row of a module, given as the parts of its name; None if it has none."""
    names = ("/".join(parts[:length]) for length in (3, 2))
    return next((name for name in names if name in LAYERS), None)


def layer_of_file(path: Path) -> str | None:
    return layer_of(title(path).removesuffix(".py").split("/"))


@pytest.mark.parametrize("path", PROGRAM, ids=title)
def test_each_folder_imports_only_those_below_it(path: Path) -> None:
    layer = layer_of_file(path)
    names = (name.split(".") for name in imported(path))
    reached = {layer_of(name) for name in names if name[0] in {"gateway", "client"}}
    if layer is None:
        assert path.parent.parent == ROOT, f"{title(path)} is in a folder that has no row"
    else:
        assert reached <= {layer, "gateway/wire", *LAYERS[layer]}


def test_the_table_has_no_circle_and_no_row_for_what_is_not_there() -> None:
    assert all((ROOT / row).is_dir() or (ROOT / f"{row}.py").is_file() for row in LAYERS)
    left = dict(LAYERS)
    while lowest := {row for row, allowed in left.items() if not allowed & left.keys()}:
        for row in lowest:
            del left[row]
    assert not left, "these import each other"


@pytest.mark.parametrize("path", files("gateway"), ids=title)
def test_only_the_backplane_knows_redis(path: Path) -> None:
    if path.is_relative_to(ROOT / "gateway/backplane"):
        return
    assert not packages(path) & {"redis", "hiredis"}
    assert not any(name.startswith("gateway.backplane.redis.") for name in imported(path))
    tree = ast.parse(path.read_text("utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & {"link", "subscription"}


@pytest.mark.parametrize("path", files("client"), ids=title)
def test_a_client_knows_nothing_of_the_gateway_but_the_wire(path: Path) -> None:
    of_gateway = {name for name in imported(path) if name.split(".")[0] == "gateway"}
    assert all(f"{name}.".startswith("gateway.wire.") for name in of_gateway), of_gateway
    assert not packages(path) & {"redis", "hiredis"}


@pytest.mark.parametrize("path", files("gateway/wire"), ids=title)
def test_the_wire_needs_nothing_but_msgspec(path: Path) -> None:
    allowed = {"__future__", "collections", "gateway", "msgspec", "typing"}
    if path.name == "mentions.py" or path.parent.name == "text":  # which read texts
        allowed |= {"bisect", "functools", "re", "unicodedata", "urllib"}
    if path.name == "__main__.py":  # which writes files
        allowed |= {"pathlib"}
    if path.name == "passwords.py":  # which nothing else of the wire imports
        allowed |= {"functools", "math", "precis_i18n", "threading", "unicodedata2", "zxcvbn"}
    assert packages(path) <= allowed


@pytest.mark.parametrize("path", files("gateway/wire"), ids=title)
def test_only_who_asks_for_the_rules_of_passwords_gets_what_they_need(path: Path) -> None:
    assert "passwords" not in {part for name in imported(path) for part in name.split(".")}


@pytest.mark.parametrize("folder", ["gateway/wire", "gateway/auth", "gateway/policy"])
def test_pure_folders_do_no_io(folder: str) -> None:
    for path in files(folder):
        assert not packages(path) & {"trio", "socket", "os", "subprocess", "time"}, path


def test_only_trios_clock_tells_the_time() -> None:
    """So that a whole cluster can run on a clock that a test sets."""
    found = {title(path).removeprefix("gateway/") for path in files("gateway") if has_a_clock(path)}
    assert found == CLOCKS.keys()


def has_a_clock(path: Path) -> bool:
    """Whether a file tells the time by another clock than Trio's or Redis's."""
    attributes = [
        n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Attribute)
    ]
    asked = {f"{ast.unparse(n.value).rpartition('.')[2]}.{n.attr}" for n in attributes}
    return "time" in packages(path) or bool(asked & READS_A_CLOCK)


def test_importing_the_model_does_not_import_trio() -> None:
    modules = ["client.model", *(f"client.model.{p.stem}" for p in files("client/model"))]
    modules.remove("client.model.__init__")
    script = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
    script += "print({name.split('.')[0] for name in sys.modules} & {'trio', 'tkinter'})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("folder", sorted({path.parent for path in PROGRAM}), ids=title)
def test_each_folder_says_what_belongs_there(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


@pytest.mark.parametrize("top", ["gateway", "client", "tests"])
def test_no_file_is_too_long_to_read(top: str) -> None:
    lengths = {title(path): len(path.read_text("utf-8").splitlines()) for path in files(top)}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_test_reaches_into_another_object() -> None:
    """A private name is for self and cls alone; a test drives a thing from outside."""
    found = {
        f"{title(path)}: {ast.unparse(node)}"
        for path in files("tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if reaches_inside(node)
    }
    assert found == set()


def reaches_inside(node: ast.AST) -> bool:
    """Whether it reads, imports or patches a private name that is not of self or cls."""
    names: list[str] = []
    if isinstance(node, ast.Attribute):
        names = [node.attr] if ast.unparse(node.value) not in {"self", "cls"} else []
    elif isinstance(node, ast.ImportFrom):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("attr"):
        given = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
        names = [str(value).rpartition(".")[2] for value in given]
    return any(re.match(r"_\w", name) and not name.endswith("__") for name in names)


def test_no_class_name_means_two_things() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in PROGRAM:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(title(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
