"""The ttk styles: buttons, fields, cards and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from tkinter import font as tkfont
from tkinter import ttk
from typing import Any, Final, Literal

from client.desktop.theme.palette import Mode, Palette
from client.desktop.theme.pictures import Picture, Pictures

_RADIUS: Final = 6
_BUTTON_SIZE: Final = (160, 40)
_FIELD_SIZE: Final = (480, 60)
_CARD_SIZE: Final = (480, 320)
_THUMB_SIZE: Final = (6, 32)
"""How large the pictures are that ttk makes forms of: much larger ones take it long to fill."""
_PADDING: Final = {"Button": (14, 8), "Menubutton": (8, 8), "Entry": (10, 8)}

ButtonKind = Literal["Accent", "Offer", "Quiet", "Warn"]


@dataclass(frozen=True)
class ButtonColours:
    """The colours of one kind of button; an empty one is transparent."""

    text: str
    fill: str
    edge: str
    active: str
    pressed: str


def button_colours(palette: Palette) -> Mapping[ButtonKind, ButtonColours]:
    """Return the colours of each kind of button."""
    p = palette
    return {
        "Accent": ButtonColours(p.on_accent, p.accent, p.accent, p.pressed, p.pressed),
        "Offer": ButtonColours(p.text, "", p.edge, p.hover, p.selection),
        "Quiet": ButtonColours(p.text, "", "", p.hover, p.selection),
        "Warn": ButtonColours(p.error, "", p.error, p.hover, p.hover),
    }


def accent(button: ttk.Button) -> None:
    """Style a button as the primary one."""
    button.configure(style="Accent.TButton")


def offer(button: ttk.Button) -> None:
    """Style a button as a secondary one."""
    button.configure(style="Offer.TButton")


def quieten(button: ttk.Button) -> None:
    """Style a button as a word without a box, for what is seldom pressed."""
    button.configure(style="Quiet.TButton")


def link(button: ttk.Button) -> None:
    """Style a button as a small word of a text that does something."""
    button.configure(style="About.TButton")


def inform(button: ttk.Button) -> None:
    """Style a button as a line of information that leads to more."""
    button.configure(style="About.TButton")


def warn(button: ttk.Button) -> None:
    """Style a button as one that loses something."""
    button.configure(style="Warn.TButton")


class Styles:
    """Sets ttk's styles; their pictures are made once for each look.

    A style whose name begins with ``Side.`` is for what is on `Palette.surface`.
    """

    def __init__(
        self,
        style: ttk.Style,
        pictures: Pictures,
        px: Callable[[int], int],
        fonts: Mapping[str, tkfont.Font],
    ) -> None:
        self._style, self._pictures, self._px, self._fonts = style, pictures, px, fonts
        self._made: set[Mode] = set()
        self._in_use: list[Picture] = []

    def show(self, mode: Mode, palette: Palette) -> None:
        """Set all styles of the current ttk theme."""
        if mode not in self._made:
            self._made.add(mode)
            self._make_forms(palette)
        for prefix, ground in (("", palette.background), ("Side.", palette.surface)):
            self._set_labels(prefix, ground, palette)
            self._set_buttons(prefix, ground, palette)
            self._style.configure(f"{prefix}TFrame", background=ground)
            self._set_scrollbar(prefix, ground)
        self._set_field(palette)
        for form, name, ground in (
            ("Field", "Field.TFrame", palette.background),
            ("Card", "Card.TFrame", palette.background),
            ("Card", "Side.Card.TFrame", palette.surface),
            ("Popup", "Popup.TFrame", palette.background),
        ):
            self._style.layout(name, [(f"{form}.form", {"sticky": "nswe"})])
            self._style.configure(name, background=ground)
        self._style.configure("Rule.TFrame", background=palette.line)
        self._style.configure("Focus.TFrame", background=palette.link)
        self._style.configure(
            "Invitation.TLabel",
            background=palette.background,
            foreground=palette.quiet,
            font=self._fonts["body"],
        )

    # --- forms --------------------------------------------------------------------------------

    def _make_forms(self, palette: Palette) -> None:
        ring, bare = (palette.link, 2), ("", 0)
        for kind, colours in button_colours(palette).items():
            filled = bool(colours.fill)
            self._make_form(
                f"{kind}.form",
                _BUTTON_SIZE,
                (colours.fill, (colours.edge, 1)),
                disabled=(palette.hover, (palette.line, 1)) if filled else ("", (colours.edge, 1)),
                pressed=(colours.pressed, (colours.edge, 1)),
                focus=(colours.fill, (palette.text, 2) if filled else ring),
                active=(colours.active, (colours.active if filled else colours.edge, 1)),
            )
        ground = palette.background
        self._make_form(
            "Field.form", _FIELD_SIZE, (ground, (palette.edge, 1)), focus=(ground, ring)
        )
        self._make_form("Card.form", _CARD_SIZE, (ground, (palette.line, 1)))
        self._make_form("Popup.form", _CARD_SIZE, (ground, (palette.edge, 2)))
        self._make_form("Scroll.trough", _THUMB_SIZE, ("", bare), padding=2)
        self._make_form(
            "Scroll.thumb",
            _THUMB_SIZE,
            (palette.thumb, bare),
            least=_THUMB_SIZE,
            pressed=(palette.quiet, bare),
            active=(palette.edge, bare),
        )

    def _make_form(
        self,
        name: str,
        size: tuple[int, int],
        usual: tuple[str, tuple[str, int]],
        *,
        least: tuple[int, int] = (0, 0),
        padding: int = 0,
        **others: tuple[str, tuple[str, int]],
    ) -> None:
        """Make a box for each state of a widget; ttk enlarges it by its middle."""
        width, height = map(self._px, size)
        radius = min(self._px(_RADIUS), width // 2)

        def draw(fill: str, edge: tuple[str, int]) -> Picture:
            colour, thickness = edge
            edge = (colour, self._px(thickness))
            picture = self._pictures.box(width, height, radius, fill, edge)
            self._in_use.append(picture)  # as long as ttk may draw it
            return picture

        states = ((state, draw(*how)) for state, how in others.items())
        self._style.element_create(
            name, "image", draw(*usual), *states, border=min(radius + 1, width // 2),
            sticky="nsew", width=self._px(least[0]), height=self._px(least[1]),
            padding=self._px(padding),
        )  # fmt: skip

    # --- styles -------------------------------------------------------------------------------

    def _set_labels(self, prefix: str, ground: str, palette: Palette) -> None:
        for kind, font, colour in (
            ("", "body", palette.text),
            ("Strong.", "bold", palette.text),
            ("Title.", "title", palette.text),
            ("Quiet.", "small", palette.quiet),
            ("Good.", "small", palette.good),
            ("Warning.", "small", palette.warning),
            ("Error.", "small", palette.error),
        ):
            self._style.configure(
                f"{prefix}{kind}TLabel",
                background=ground,
                foreground=colour,
                font=self._fonts[font],
                padding=0,
                borderwidth=0,
            )

        self._style.layout(f"{prefix}About.TButton", [("Button.label", {"sticky": "nswe"})])
        self._style.configure(
            f"{prefix}About.TButton",
            background=ground,
            foreground=palette.quiet,
            font=self._fonts["small"],
            anchor="w",
            padding=0,
            borderwidth=0,
        )
        self._style.map(
            f"{prefix}About.TButton",
            foreground=[
                ("disabled", palette.quiet),
                ("focus", palette.link),
                ("active", palette.text),
            ],
            background=[("active", ground), ("!active", ground)],
        )

    def _set_buttons(self, prefix: str, ground: str, palette: Palette) -> None:
        for kind, colours in button_colours(palette).items():
            for widget in ("Button", "Menubutton"):
                side = {"side": "left"} if widget == "Menubutton" else {}
                label: Any = [(f"{widget}.label", side)]
                inside: Any = [(f"{widget}.padding", {"children": label})]
                name = f"{prefix}{kind}.T{widget}"
                form: Any = (f"{kind}.form", {"sticky": "nsew", "children": inside})
                self._style.layout(name, [form])
                self._style.configure(
                    name,
                    background=ground,
                    foreground=colours.text,
                    font=self._fonts["body"],
                    padding=tuple(map(self._px, _PADDING[widget])),
                    anchor="center",
                    borderwidth=0,
                )
                self._style.map(
                    name,
                    foreground=[("disabled", palette.quiet)],
                    background=[("active", ground), ("!active", ground)],
                )

    def _set_scrollbar(self, prefix: str, ground: str) -> None:
        """Set the scrollbar, which stands out only when it is pointed at."""
        thumb: Any = ("Scroll.thumb", {"expand": "1", "sticky": "nswe"})
        trough: Any = ("Scroll.trough", {"sticky": "ns", "children": [thumb]})
        self._style.layout(f"Vertical.{prefix}Quiet.TScrollbar", [trough])
        self._style.configure(f"Vertical.{prefix}Quiet.TScrollbar", background=ground)

    def _set_field(self, palette: Palette) -> None:
        text: Any = [("Entry.textarea", {"sticky": "nswe"})]
        inside: Any = [("Entry.padding", {"sticky": "nswe", "children": text})]
        form: Any = ("Field.form", {"sticky": "nswe", "children": inside})
        self._style.layout("Field.TEntry", [form])
        self._style.configure(
            "Field.TEntry",
            background=palette.background,
            foreground=palette.text,
            insertcolor=palette.text,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            padding=tuple(map(self._px, _PADDING["Entry"])),
            borderwidth=0,
        )
        self._style.map("Field.TEntry", foreground=[("disabled", palette.quiet)])
