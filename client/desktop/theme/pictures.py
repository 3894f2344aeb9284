"""Small pictures with smooth edges, which Tk cannot draw: boxes, discs, marks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageTk

from client.desktop.theme.palette import PresenceState

_FINER: Final = 4
"""How many times larger a picture is drawn than it is shown, for its edges to be smooth."""
_MOST_KEPT: Final = 512
_CLEAR: Final = (0, 0, 0, 0)

Picture = ImageTk.PhotoImage
Mark = Literal["tick", "dot", "none"]


class Pictures:
    """Draws each picture once, and keeps the latest; a picture in use has to be referred to."""

    def __init__(self, root: tk.Misc) -> None:
        self._root = root
        self.box = lru_cache(maxsize=_MOST_KEPT)(self._box)
        self.disc = lru_cache(maxsize=_MOST_KEPT)(self._disc)
        self.presence = lru_cache(maxsize=_MOST_KEPT)(self._presence)
        self.registered = lru_cache(maxsize=_MOST_KEPT)(self._registered)
        self.tick_box = lru_cache(maxsize=_MOST_KEPT)(self._tick_box)
        self.choice = lru_cache(maxsize=_MOST_KEPT)(self._choice)

    def _box(
        self, width: int, height: int, radius: int, fill: str, edge: tuple[str, int] = ("", 0)
    ) -> Picture:
        """Draw a box with round corners; ``edge`` is a colour and a thickness."""
        colour, thickness = edge
        radius = min(radius, width // 2, height // 2)
        corner = max(radius, thickness)
        side = (min(width, 2 * corner + 1), min(height, 2 * corner + 1))

        def draw(pen: ImageDraw.ImageDraw) -> None:
            shape = (0, 0, side[0] * _FINER - 1, side[1] * _FINER - 1)
            pen.rounded_rectangle(
                shape, radius * _FINER, fill or _CLEAR, colour or _CLEAR, thickness * _FINER
            )

        return self._shown(_stretched(self._draw(*side, draw), width, height, corner))

    def _disc(self, size: int, fill: str) -> Picture:
        """Draw a disc."""

        def draw(pen: ImageDraw.ImageDraw) -> None:
            pen.ellipse((0, 0, size * _FINER - 1, size * _FINER - 1), fill)

        return self._shown(self._draw(size, size, draw))

    def _presence(
        self, size: int, presence: PresenceState, colour: str, ground: str = ""
    ) -> Picture:
        """Draw the mark of a status, on a disc in the colour of the ground if that is given.

        Each has its own shape: a disc, a crescent, a barred disc; a ring for somebody who is gone.
        """

        def draw(pen: ImageDraw.ImageDraw) -> None:
            whole = size * _FINER - 1
            rim = whole / 6

            def disc(inset: float, fill: str, shift: float = 0.0) -> None:
                first, last = inset + shift, whole - inset + shift
                pen.ellipse((first, first, last, last), fill or _CLEAR)

            disc(0, ground)
            disc(rim, colour)
            if presence == "gone":
                disc(1.9 * rim, ground)
            elif presence == "away":
                disc(1.7 * rim, ground, -0.9 * rim)
            elif presence == "busy":
                middle = whole / 2
                bar = (2 * rim, middle - 0.45 * rim, whole - 2 * rim, middle + 0.45 * rim)
                pen.rectangle(bar, ground or _CLEAR)

        return self._shown(self._draw(size, size, draw))

    def _choice(self, size: int, mark: Mark, colour: str) -> Picture:
        """Draw the mark of a chosen entry, or an empty picture of the same size."""

        def draw(pen: ImageDraw.ImageDraw) -> None:
            whole = size * _FINER - 1
            if mark == "tick":
                stroke = [(0.2 * whole, 0.52 * whole), (0.42 * whole, 0.74 * whole),
                          (0.82 * whole, 0.28 * whole)]  # fmt: skip
                pen.line(stroke, colour, round(0.11 * whole), joint="curve")
            elif mark == "dot":
                pen.ellipse((0.32 * whole, 0.32 * whole, 0.68 * whole, 0.68 * whole), colour)

        return self._shown(self._draw(size, size, draw))

    def _registered(self, size: int, colour: str) -> Picture:
        """Draw the sign of a nickname that is an account's: a tick in a ring."""

        def draw(pen: ImageDraw.ImageDraw) -> None:
            whole = size * _FINER - 1
            inset, width = 0.1 * whole, round(0.09 * whole)
            pen.ellipse((inset, inset, whole - inset, whole - inset), outline=colour, width=width)
            stroke = [(0.31 * whole, 0.52 * whole), (0.45 * whole, 0.66 * whole),
                      (0.7 * whole, 0.37 * whole)]  # fmt: skip
            pen.line(stroke, colour, width, joint="curve")

        return self._shown(self._draw(size, size, draw))

    def _tick_box(self, size: int, edge: str, fill: str, tick: str) -> Picture:
        """Draw a box to tick; it is ticked if ``tick`` is a colour, and not an empty one."""

        def draw(pen: ImageDraw.ImageDraw) -> None:
            whole = size * _FINER - 1
            inset = 0.08 * whole
            box = (inset, inset, whole - inset, whole - inset)
            pen.rounded_rectangle(box, 0.16 * whole, fill or _CLEAR, edge, round(0.07 * whole))
            if tick:
                stroke = [(0.26 * whole, 0.52 * whole), (0.43 * whole, 0.69 * whole),
                          (0.75 * whole, 0.33 * whole)]  # fmt: skip
                pen.line(stroke, tick, round(0.1 * whole), joint="curve")

        return self._shown(self._draw(size, size, draw))

    def _shown(self, image: Image.Image) -> Picture:
        return ImageTk.PhotoImage(image, master=self._root)

    @staticmethod
    def _draw(width: int, height: int, draw: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
        large = Image.new("RGBA", (width * _FINER, height * _FINER), _CLEAR)
        draw(ImageDraw.Draw(large))
        # The corners must not be darker for being mixed with clear black: RGBa is mixed by weight.
        small = large.convert("RGBa").resize((width, height), Image.Resampling.BOX)
        return small.convert("RGBA")


def _stretched(image: Image.Image, width: int, height: int, corner: int) -> Image.Image:
    """Enlarge a picture by its middle column and row, and leave its corners as they are."""
    wide = Image.new("RGBA", (width, image.height))
    wide.paste(image.resize((width, image.height), box=(corner, 0, corner + 1, image.height)))
    wide.paste(image.crop((0, 0, corner, image.height)))
    right = image.width - corner
    wide.paste(image.crop((right, 0, image.width, image.height)), (width - corner, 0))
    high = Image.new("RGBA", (width, height))
    high.paste(wide.resize((width, height), box=(0, corner, width, corner + 1)))
    high.paste(wide.crop((0, 0, width, corner)))
    low = wide.height - corner
    high.paste(wide.crop((0, low, width, wide.height)), (0, height - corner))
    return high
