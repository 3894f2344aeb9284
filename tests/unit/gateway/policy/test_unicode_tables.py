"""The Unicode data are of one version, whatever the Python."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from gateway.policy import unicode_tables

ROOT = Path(__file__).parents[4]
OF_PYTHON = {
    "casefold",
    "upper",
    "isprintable",
    "isalpha",
    "isspace",
    "isdigit",
    "isdecimal",
    "title",
}


def test_the_tables_and_the_library_are_of_one_version() -> None:
    assert unicode_tables.VERSION == unicode_tables.INSTALLED_VERSION


def test_the_package_requires_just_that_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"unicodedata2=={unicode_tables.VERSION}" in project["dependencies"]


def test_no_rule_for_names_asks_the_running_python() -> None:
    for path in (ROOT / "gateway" / "policy").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not asked & OF_PYTHON, path
        assert "unicodedata" not in imported, path
