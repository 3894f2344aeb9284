"""The look, the size of the text and the place of the window: as the person left them."""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Final

import trio

from client.desktop.settings.preferences import LARGEST_FONT, SMALLEST_FONT, Look, PreferencesFile
from client.desktop.theme.system_appearance import system_mode
from client.desktop.theme.theme import Theme

_GEOMETRY: Final = re.compile(r"(\d+x\d+)\+(-?\d+)\+(-?\d+)")
_LEAST_IN_SIGHT: Final = 80


class Appearance:
    """Changes what the person wants to look otherwise, and remembers it.

    ``actions`` are those of the shortcuts of the same names.
    """

    def __init__(self, root: tk.Tk, theme: Theme, kept: PreferencesFile) -> None:
        self._root, self._theme, self._kept = root, theme, kept
        self._asked = trio.Event()
        self.actions: Mapping[str, Callable[[], object]] = {
            "larger": lambda: self._resize(theme.size + 1),
            "smaller": lambda: self._resize(theme.size - 1),
            "usual_size": lambda: self._resize(None),
            "theme": lambda: self.choose("dark" if theme.mode == "light" else "light"),
        }
        self._place(kept.preferences.geometry)
        root.bind("<Configure>", self._moved, add="+")
        root.bind("<FocusIn>", self._focused, add="+")

    async def run(self) -> None:
        """Look as the person wants, until cancelled; the system is asked anew at each return."""
        while True:
            self._asked = trio.Event()
            look = self._kept.preferences.look
            mode = await system_mode() if look == "system" else look
            if mode != self._theme.mode:
                self._theme.show(mode)
            await self._asked.wait()

    def choose(self, look: Look) -> None:
        """Look like this from now on."""
        self._kept.change(look=look)
        self._asked.set()

    def _resize(self, size: int | None) -> None:
        if size is not None:
            size = min(max(size, SMALLEST_FONT), LARGEST_FONT)
        self._kept.change(font_size=size)
        self._theme.resize(size)

    def _place(self, geometry: str | None) -> None:
        """Put the window where it was; only its size counts if the screen it was on is gone."""
        found = _GEOMETRY.fullmatch(geometry or "")
        if found is None:
            return
        x, y, root = int(found[2]), int(found[3]), self._root
        inside = (
            -_LEAST_IN_SIGHT <= x <= root.winfo_vrootwidth() - _LEAST_IN_SIGHT
            and -_LEAST_IN_SIGHT <= y <= root.winfo_vrootheight() - _LEAST_IN_SIGHT
        )
        root.geometry(found[0] if inside else found[1])

    def _moved(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root and self._root.state() == "normal":
            self._kept.change(geometry=self._root.geometry())

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root and self._kept.preferences.look == "system":
            self._asked.set()
