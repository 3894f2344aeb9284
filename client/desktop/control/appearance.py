"""The look, the text size and the place of the window, which are remembered."""

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
    """Changes the look, the text size and the place of the window, and saves them.

    ``actions`` are those of the shortcuts of the same names.
    """

    def __init__(self, root: tk.Tk, theme: Theme, settings: PreferencesFile) -> None:
        self._root, self._theme, self._settings = root, theme, settings
        self._asked = trio.Event()
        self.actions: Mapping[str, Callable[[], object]] = {
            "larger": lambda: self._resize(theme.size + 1),
            "smaller": lambda: self._resize(theme.size - 1),
            "usual_size": lambda: self._resize(None),
            "theme": lambda: self.choose("dark" if theme.mode == "light" else "light"),
        }
        self._place(settings.preferences.geometry)
        root.bind("<Configure>", self._moved, add="+")
        root.bind("<FocusIn>", self._focused, add="+")

    async def run(self) -> None:
        """Apply the chosen look until cancelled.

        If that is the look of the system, it is read again whenever the window gets the focus.
        """
        while True:
            self._asked = trio.Event()
            look = self._settings.preferences.look
            mode = await system_mode() if look == "system" else look
            if mode != self._theme.mode:
                self._theme.show(mode)
            await self._asked.wait()

    def choose(self, look: Look) -> None:
        """Choose a look."""
        self._settings.change(look=look)
        self._asked.set()

    def _resize(self, size: int | None) -> None:
        if size is not None:
            size = min(max(size, SMALLEST_FONT), LARGEST_FONT)
        self._settings.change(font_size=size)
        self._theme.resize(size)

    def _place(self, geometry: str | None) -> None:
        """Put the window where it was; if that screen is gone, only its size is restored."""
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
            self._settings.change(geometry=self._root.geometry())

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root and self._settings.preferences.look == "system":
            self._asked.set()
