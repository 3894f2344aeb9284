"""The appearance settings of the person's system: light or dark, and the screen's resolution.

There is no one way to ask all systems, so the programs that come with each are asked. One that is
missing, fails or takes long is ignored.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

import trio

from client.desktop.theme.palette import Mode

PATIENCE_SECONDS: Final = 0.5
_MODE_QUESTIONS: Final = (
    (
        "gdbus", "call", "--session", "--timeout=1", "--dest=org.freedesktop.portal.Desktop",
        "--object-path=/org/freedesktop/portal/desktop",
        "--method=org.freedesktop.portal.Settings.Read",
        "org.freedesktop.appearance", "color-scheme",
    ),
    ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme"),
    ("defaults", "read", "-g", "AppleInterfaceStyle"),
    (
        "reg", "query", r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
        "/v", "AppsUseLightTheme",
    ),
)  # fmt: skip
_DARK: Final = re.compile(r"\buint32 1\b|\bprefer-dark\b|^Dark$|\b0x0\b", re.MULTILINE)
_LIGHT: Final = re.compile(r"\buint32 2\b|\bprefer-light\b|\b0x1\b")
_DPI: Final = re.compile(r"^Xft\.dpi:\s*(\d+(?:\.\d+)?)$", re.MULTILINE)


async def system_mode() -> Mode:
    """Return the look that the system prefers; light if it has no preference."""
    with trio.move_on_after(PATIENCE_SECONDS):
        for question in _MODE_QUESTIONS:
            answer = await _ask(question)
            if _DARK.search(answer):
                return "dark"
            if _LIGHT.search(answer):
                return "light"
    return "light"


async def system_dpi() -> float | None:
    """Return the dots per inch that are set for all programs (on X11); None if none are."""
    with trio.move_on_after(PATIENCE_SECONDS):
        found = _DPI.search(await _ask(("xrdb", "-query")))
        if found and 48 <= (dpi := float(found[1])) <= 480:  # noqa: PLR2004 - half and 5 times usual
            return dpi
    return None


async def _ask(command: Sequence[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = await trio.run_process(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.decode(errors="replace")
