"""The icon of the window: a speech bubble with the number of unread messages."""

from __future__ import annotations

import math
import struct
import tkinter as tk
import zlib
from functools import lru_cache
from typing import Final

_SIZES: Final = (64, 32)
_MOST_TOLD: Final = 9
"""More than this is only told to be more."""
_BUBBLE: Final = (0x24, 0x56, 0xC9)
_BADGE: Final = (0xC4, 0x2B, 0x1C)
_WHITE: Final = (0xFF, 0xFF, 0xFF)
_BADGE_AT: Final = (0.69, 0.31)
_DIGITS: Final = (
    "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717", "02720",
)  # fmt: skip
"""From 1 to 9, and a plus: five rows of three bits each."""

Pixel = tuple[float, float, float, float]
"""Red, green, blue and opacity; colours from 0 to 255, opacity from 0 to 1."""


class WindowIcon:
    """Shows the number of unread messages on the icon of the window."""

    def __init__(self, root: tk.Tk) -> None:
        self._root = root
        self._told: int | None = None
        self._images: list[tk.PhotoImage] = []
        self.show(0)

    def show(self, unread: int) -> None:
        """Show this number."""
        told = min(unread, _MOST_TOLD + 1)
        if told == self._told:
            return
        self._told = told
        # Kept here: what nothing refers to any more is gone from the window too.
        self._images = [tk.PhotoImage(master=self._root, data=icon(s, told)) for s in _SIZES]
        self._root.iconphoto(True, *self._images)  # noqa: FBT003 - for every window


@lru_cache(maxsize=2 * (_MOST_TOLD + 2))
def icon(size: int, unread: int) -> bytes:
    """Return the icon as a PNG."""
    lines = bytearray()
    for y in range(size):
        lines.append(0)  # no filter
        for x in range(size):
            red, green, blue, opacity = _pixel(x, y, size, unread)
            lines += bytes((round(red), round(green), round(blue), round(255 * opacity)))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def _pixel(x: int, y: int, size: int, unread: int) -> Pixel:
    at = ((x + 0.5) / size, (y + 0.5) / size)
    pixel: Pixel = (0.0, 0.0, 0.0, 0.0)
    pixel = _over(pixel, _BUBBLE, size * min(_to_box(at), _to_tail(at)))
    for middle in (0.27, 0.49, 0.71):
        pixel = _over(pixel, _WHITE, size * _to_circle(at, (middle, 0.5), 0.065))
    if unread:
        pixel = _over(pixel, _WHITE, size * _to_circle(at, _BADGE_AT, 0.31))
        pixel = _over(pixel, _BADGE, size * _to_circle(at, _BADGE_AT, 0.27))
        if _in_digit(x, y, size, unread):
            pixel = (*_WHITE, 1.0)
    return pixel


def _over(under: Pixel, colour: tuple[int, int, int], distance: float) -> Pixel:
    """Return a pixel with a colour laid over it; it is ``distance`` pixels outside the shape."""
    cover = min(max(0.5 - distance, 0.0), 1.0)
    rest = under[3] * (1 - cover)
    opacity = cover + rest
    if not opacity:
        return under
    red, green, blue = (
        (new * cover + old * rest) / opacity for new, old in zip(colour, under[:3], strict=True)
    )
    return (red, green, blue, opacity)


def _to_box(at: tuple[float, float]) -> float:
    """Return the distance to the bubble; negative inside."""
    x, y = abs(at[0] - 0.49) - 0.29, abs(at[1] - 0.5) - 0.2
    return math.hypot(max(x, 0), max(y, 0)) + min(max(x, y), 0) - 0.17


def _to_tail(at: tuple[float, float]) -> float:
    x, y = at
    return max(0.22 - x, x - 0.22 - (0.98 - y), 0.7 - y)


def _to_circle(at: tuple[float, float], middle: tuple[float, float], radius: float) -> float:
    return math.dist(at, middle) - radius


def _in_digit(x: int, y: int, size: int, unread: int) -> bool:
    dot = size // 16
    column = (x - round(_BADGE_AT[0] * size - 1.5 * dot)) // dot
    row = (y - round(_BADGE_AT[1] * size - 2.5 * dot)) // dot
    if not (0 <= column < 3 and 0 <= row < 5):  # noqa: PLR2004 - as large as a digit
        return False
    return bool(int(_DIGITS[unread - 1][row]) >> (2 - column) & 1)
