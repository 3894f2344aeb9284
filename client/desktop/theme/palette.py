"""The colours of the light and the dark look."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Literal

from gateway import wire

Mode = Literal["light", "dark"]
PresenceState = wire.State | Literal["gone"]
"""Somebody's status, or that they are not there."""


@dataclass(frozen=True)
class Palette:
    """Colours by purpose; every text is readable on every ground it is used on.

    - ``background``: behind the messages; ``surface``: behind what is beside them;
    - ``edge``: around fields; ``thumb``: of scrollbars;
    - ``senders``: for the names of people.
    """

    background: str
    surface: str
    hover: str
    selection: str
    line: str
    edge: str
    thumb: str
    text: str
    quiet: str
    link: str
    accent: str
    pressed: str
    on_accent: str
    good: str
    warning: str
    error: str
    mention: str
    mention_edge: str
    senders: tuple[str, ...]

    def of_sender(self, nick: str) -> str:
        """Return somebody's colour."""
        return self.senders[sender_number(nick)]

    def of_presence(self, presence: PresenceState) -> str:
        """Return the colour of somebody's status."""
        colours = {"online": self.good, "away": self.warning, "busy": self.error}
        return colours.get(presence, self.quiet)


PALETTES: Final[dict[Mode, Palette]] = {
    "light": Palette(
        background="#ffffff", surface="#f4f5f8", hover="#e8eaf0", selection="#dbe5fd",
        line="#e0e3ea", edge="#828b9c", thumb="#c3c9d4", text="#1a1d24", quiet="#5d6677",
        link="#2456c9",
        accent="#2f5fd0", pressed="#2450b4", on_accent="#ffffff",
        good="#067647", warning="#a04100", error="#b42318",
        mention="#fff4d9", mention_edge="#c98a00",
        senders=(
            "#b42318", "#a04100", "#7a5b00", "#456a00", "#067647", "#0a6a78",
            "#02609a", "#2f3fc4", "#6927da", "#9a1aac", "#b81370", "#6f4a36",
        ),
    ),
    "dark": Palette(
        background="#22252d", surface="#1a1c22", hover="#2c303a", selection="#2e3c5f",
        line="#343945", edge="#747d8d", thumb="#474e5d", text="#e6e9ef", quiet="#a0a9b9",
        link="#8fb2ff",
        accent="#3d6be0", pressed="#3560cc", on_accent="#ffffff",
        good="#5fd39a", warning="#f5b25c", error="#ff9a90",
        mention="#3a3423", mention_edge="#e0a93b",
        senders=(
            "#fda29b", "#f7b27a", "#e5cf6a", "#bfe27a", "#75e0a7", "#5fe9d0",
            "#7cd4fd", "#a4bcfd", "#bdb4fe", "#eeaafd", "#faa7d5", "#dcbfa8",
        ),
    ),
}  # fmt: skip
_SENDERS: Final = len(PALETTES["light"].senders)


def sender_number(nick: str) -> int:
    """Return the number of somebody's colour, the same everywhere and always."""
    return zlib.adler32(nick.casefold().encode(errors="replace")) % _SENDERS


def sender_tag(nick: str) -> str:
    """Return the tag for somebody's name in a text."""
    return f"sender-{sender_number(nick)}"
