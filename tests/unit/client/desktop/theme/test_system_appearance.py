"""What the system says of looks, with stand-ins for the programs that tell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from client.desktop.theme.system_appearance import system_dpi, system_mode
from tests import PATIENCE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where programs are found; they may take their time."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("client.desktop.theme.system_appearance.PATIENCE_SECONDS", 30.0)
    return tmp_path


def stand_in(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!{sys.executable} -SE\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("program", "answer", "mode"),
    [
        ("gdbus", "(<<uint32 1>>,)", "dark"),
        ("gdbus", "(<<uint32 2>>,)", "light"),
        ("gdbus", "(<<uint32 0>>,)", "light"),
        ("gsettings", "'prefer-dark'", "dark"),
        ("gsettings", "'default'", "light"),
        ("defaults", "Dark", "dark"),
        ("reg", "    AppsUseLightTheme    REG_DWORD    0x0", "dark"),
        ("reg", "    AppsUseLightTheme    REG_DWORD    0x1", "light"),
    ],
)
async def test_the_system_says_light_or_dark(
    folder: Path, program: str, answer: str, mode: str
) -> None:
    stand_in(folder, program, f"print({answer!r})")
    assert await system_mode() == mode


async def test_the_first_that_knows_decides(folder: Path) -> None:
    stand_in(folder, "gdbus", "raise SystemExit(1)")
    stand_in(folder, "gsettings", "print('prefer-dark')")
    stand_in(folder, "reg", "print('0x1')")
    assert await system_mode() == "dark"


async def test_a_system_that_says_nothing_is_light_and_as_the_screen_says() -> None:
    assert await system_mode() == "light"
    assert await system_dpi() is None


async def test_who_does_not_answer_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.desktop.theme.system_appearance.PATIENCE_SECONDS", 0.3)
    for name in ("gdbus", "xrdb"):
        stand_in(folder, name, "import time; time.sleep(60)")
    with trio.fail_after(PATIENCE):
        assert await system_mode() == "light"
        assert await system_dpi() is None


@pytest.mark.parametrize(
    ("resources", "dpi"),
    [
        ("*color: red\nXft.dpi:\t192\nXft.hinting: 1", 192),
        ("Xft.dpi: 110.5", 110.5),
        ("Xft.dpi: 0", None),
        ("Xft.dpi: 100000", None),
        ("Xft.dpi: many", None),
    ],
)
async def test_the_dots_per_inch_are_those_set(
    folder: Path, resources: str, dpi: float | None
) -> None:
    stand_in(folder, "xrdb", f"print({resources!r})")
    assert await system_dpi() == dpi
