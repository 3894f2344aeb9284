"""Pictures of a screen of its own, and the program to take them of."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.desktop.screen import XWindow, find_tool


class Camera:
    """Takes pictures of a screen of its own; it knows how finely that is drawn on."""

    def __init__(self, out: Path, theme: str, scale: int, language: str = "") -> None:
        self.theme, self.scale, self.language = theme, scale, language
        self._out = out

    async def take(self, name: str, still: float = 0.3) -> None:
        """Take a picture of the screen as soon as it keeps still for so many seconds."""
        before = b""
        while (now := await _picture()) != before:
            before = now
            await trio.sleep(still)
        scale = "" if self.scale == 1 else f"-{self.scale}00%"
        language = f"-{self.language}" if self.language else ""
        path = self._out / f"{name}-{self.theme}{language}{scale}.png"
        await trio.Path(path).write_bytes(now)
        sys.stdout.write(f"{path}\n")

    async def resize(self, window: XWindow, width: int, height: int) -> None:
        """Make a window as large as that, in what are pixels on a usual screen."""
        await window.size(width * self.scale, height * self.scale)

    async def click(self, window: XWindow, x: int, y: int) -> None:
        """Click at a place, in the same measure."""
        await window.click(x * self.scale, y * self.scale)


@asynccontextmanager
async def client(
    *arguments: str, title: str = "Chat", config: str | None = None
) -> AsyncIterator[XWindow]:
    """Run the program; gives its window once it has this title."""
    environment = None if config is None else {**os.environ, "XDG_CONFIG_HOME": config}
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "client", *arguments], env=environment
    )
    try:
        yield await XWindow.find(title)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _picture() -> bytes:
    command = [find_tool("import"), "-window", "root", "-strip", "png:-"]
    return (await trio.run_process(command, capture_stdout=True)).stdout
