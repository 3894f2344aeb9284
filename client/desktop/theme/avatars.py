"""Avatars: a disc in somebody's colour with their initial, and a mark of their status."""

from __future__ import annotations

import tkinter as tk
from typing import Final, NamedTuple

from client.desktop.theme.palette import PresenceState
from client.desktop.theme.theme import Theme

_LETTER: Final = 0.46
_MARK: Final = 0.44
"""How large the letter and the mark of a status are, of the whole."""


def initial(nick: str) -> str:
    """Return the letter that stands for a nickname."""
    return next((c for c in nick if c.isalnum()), nick[:1]).upper()[:1]


class Spot(NamedTuple):
    """The place of an avatar on a canvas: its upper left corner and its size."""

    left: int
    top: int
    size: int


def draw_avatar(canvas: tk.Canvas, theme: Theme, nick: str, spot: Spot) -> None:
    """Draw somebody's avatar."""
    left, top, size = spot
    disc = theme.pictures.disc(size, theme.palette.of_sender(nick))
    canvas.create_image(left, top, image=disc, anchor="nw")
    canvas.create_text(
        left + size / 2,
        top + size / 2,
        text=initial(nick),
        fill=theme.palette.background,
        font=theme.letter(round(size * _LETTER)),
    )


def draw_presence(
    canvas: tk.Canvas, theme: Theme, presence: PresenceState, spot: Spot, ground: str
) -> None:
    """Draw the mark of a status at the lower right of an avatar; ``ground`` is its background."""
    width, edge = round(spot.size * _MARK), theme.px(2)
    colour = theme.palette.of_presence(presence)
    mark = theme.pictures.presence(width, presence, colour, ground)
    right, bottom = spot.left + spot.size + edge, spot.top + spot.size + edge
    canvas.create_image(right, bottom, image=mark, anchor="se")
