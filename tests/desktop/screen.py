"""A screen of its own for tests (Xvfb), and real keys and clicks on it (xdotool)."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from tests import PATIENCE
from tests.ports import free_port
from tests.waiting import until

PACKAGES = {"Xvfb": "xvfb", "xdotool": "xdotool", "import": "imagemagick", "convert": "imagemagick"}


def find_tool(name: str) -> str:
    """Give the path of a program that the tests need, or say how to get it."""
    path = shutil.which(name)
    if path is None:
        raise RuntimeError(f"{name} is missing: sudo apt install {PACKAGES[name]}")
    return path


@contextmanager
def virtual_screen(size: str = "1936x1290", dpi: int = 96) -> Iterator[str]:
    """Run an X server with a screen of this size and fineness; gives what to set DISPLAY to."""
    name = _free_display()
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [
            find_tool("Xvfb"),
            name,
            "-displayfd",
            str(write_end),
            "-screen",
            "0",
            f"{size}x24",
            "-dpi",
            str(dpi),
            "-noreset",
            "-r",  # no key repeats itself because a busy machine releases it late
        ],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as number:
            if not number.readline().strip():
                raise RuntimeError("Xvfb did not start")
        yield name
    finally:
        process.terminate()
        process.wait()


def _free_display() -> str:
    """Return a name that no other test process takes; servers that choose may choose the same."""
    while Path(f"/tmp/.X11-unix/X{(number := free_port())}").exists():  # noqa: S108 - X's own place
        pass  # of a server that outlived its tests
    return f":{number}"


class XWindow:
    """A window of another process, handled as a person does."""

    def __init__(self, number: str) -> None:
        self.number = number

    @classmethod
    async def find(cls, title: str = "Chat") -> XWindow:
        """Wait until a window with this title is on the screen."""
        found: list[str] = []

        async def look() -> bool:
            search = await _xdotool("search", "--onlyvisible", "--name", f"^{title}$", check=False)
            found[:] = search.split()
            return bool(found)

        await until(look, f"a window {title!r}")
        return cls(found[0])

    async def move(self, x: int, y: int) -> None:
        """Put it at a place of the screen."""
        await _xdotool("windowmove", self.number, str(x), str(y))

    async def size(self, width: int, height: int) -> None:
        """Make it as large as that."""
        await _xdotool("windowsize", self.number, str(width), str(height))

    async def type(self, text: str) -> None:
        """Type text into whatever has the focus in it; a newline at its end is the Return key."""
        await _xdotool("windowfocus", self.number)
        await _xdotool("type", "--delay", "4", text.removesuffix("\n"))
        if text.endswith("\n"):
            await _xdotool("key", "Return")

    async def press(self, *keys: str) -> None:
        """Press keys such as ``ctrl+a``."""
        await _xdotool("windowfocus", self.number)
        await _xdotool("key", *keys)

    async def click(self, x: int, y: int) -> None:
        """Click at a place in it."""
        await _xdotool("mousemove", "--window", self.number, str(x), str(y), "click", "1")

    @asynccontextmanager
    async def held(self, x: int, y: int) -> AsyncIterator[None]:
        """Hold the mouse button down at a place in it."""
        at = ("mousemove", "--window", self.number, str(x), str(y))
        await _xdotool(*at, "mousedown", "1")
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await _xdotool("mouseup", "1")

    async def read(self, x: int, y: int) -> str:
        """Read the text widget at a place, as a person copies it: click, select all, copy."""
        await self.click(x, y)
        await self.press("ctrl+a", "ctrl+c")
        script = "import tkinter; print(tkinter.Tk().selection_get(selection='CLIPBOARD'))"
        with trio.fail_after(PATIENCE):
            # Nothing may be copied yet.
            done = await trio.run_process(
                [sys.executable, "-c", script],
                capture_stdout=True, stderr=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        return done.stdout.decode()

    def close(self) -> None:
        """Ask it to close, as the cross in its frame does; xdotool cannot."""
        x11 = ctypes.CDLL(ctypes.util.find_library("X11"))
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(os.environ["DISPLAY"].encode()))

        def atom(name: bytes) -> int:
            return int(x11.XInternAtom(display, name, 0))

        window = int(self.number)
        event = _ClientMessage(
            type=33,
            window=window,
            message_type=atom(b"WM_PROTOCOLS"),
            format=32,
            data=(ctypes.c_long * 5)(atom(b"WM_DELETE_WINDOW")),
        )
        x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
        x11.XCloseDisplay(display)


class _ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, filled up to the size of an XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 12),
    )


async def _xdotool(*arguments: str, check: bool = True) -> str:
    command = [find_tool("xdotool"), *arguments]
    with trio.fail_after(PATIENCE):
        done = await trio.run_process(command, capture_stdout=True, check=check)
    return done.stdout.decode()
