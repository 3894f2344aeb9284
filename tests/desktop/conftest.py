"""Fixtures of the desktop tests. What is missing fails them, and is never a reason to skip."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.desktop.screen import virtual_screen
from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen of its own, which DISPLAY names from here on."""
    if find_spec("tkinter") is None or find_spec("_tkinter") is None:
        pytest.fail("tkinter is missing: sudo apt install python3-tk")
    with virtual_screen() as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", name)
        yield name


@pytest.fixture(autouse=True)
def somebody_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of whoever runs the tests, and nothing is left to them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture(autouse=True)
def nothing_left_over() -> Iterator[None]:
    """Delete here what Tk drew: Python may do it on Trio's thread later, where Tk lets nobody."""
    yield
    gc.collect()


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with RedisServer(tmp_path) as server:
        yield server
