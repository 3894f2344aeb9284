"""Saving what did not fit into the input field to a file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import platformdirs
import trio

from client.model import Overflow

_NAME: Final = "unsent"


async def save_overflow(overflow: Overflow, on_change: Callable[[], None]) -> None:
    """Write the rest to a new file among the person's downloads, and note in it how that went."""
    size = overflow.size
    try:
        path = await trio.to_thread.run_sync(_write, overflow.rest)
    except OSError as error:
        overflow.fail(str(error))
    else:
        overflow.settle(str(path), size)
    on_change()


def _write(text: str) -> Path:
    folder = platformdirs.user_downloads_path()
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = folder / (f"{_NAME}-{number}.txt" if number > 1 else f"{_NAME}.txt")
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with open(file, "wb") as stream:  # noqa: PTH123 - it is open already
            stream.write(text.encode(errors="replace"))
        return path
    raise AssertionError
