"""How everything looks: colours, fonts and spacing, for light and dark. All theming is here."""

from __future__ import annotations

import tkinter as tk
import zlib
from dataclasses import dataclass
from tkinter import font as tkfont
from tkinter import ttk
from typing import Final, Literal

import ttkbootstrap

Mode = Literal["light", "dark"]

SMALLEST: Final = (800, 600)
GAP: Final = 8
"""Between things that belong together; twice that between those that do not."""
MARGIN: Final = 16


@dataclass(frozen=True)
class Palette:
    """The colours that ttkbootstrap does not know of. ``senders`` are told apart by them."""

    background: str
    surface: str
    text: str
    quiet: str
    line: str
    link: str
    good: str
    warning: str
    error: str
    selection: str
    senders: tuple[str, ...]


PALETTES: Final[dict[Mode, Palette]] = {
    "light": Palette(
        background="#ffffff",
        surface="#f5f6f8",
        text="#1f2430",
        quiet="#667085",
        line="#dfe2e8",
        link="#2456c9",
        good="#067647",
        warning="#a04100",
        error="#b42318",
        selection="#cfdcfa",
        senders=(
            "#b42318", "#a04100", "#7a5b00", "#456a00", "#067647", "#0a6a78",
            "#02609a", "#2f3fc4", "#6927da", "#9a1aac", "#b81370", "#6f4a36",
        ),
    ),
    "dark": Palette(
        background="#1d2129",
        surface="#252a34",
        text="#e6e9ef",
        quiet="#9aa4b5",
        line="#3a4150",
        link="#8fb2ff",
        good="#5fd39a",
        warning="#f5b25c",
        error="#ff9a90",
        selection="#39496b",
        senders=(
            "#fda29b", "#f7b27a", "#e5cf6a", "#bfe27a", "#75e0a7", "#5fe9d0",
            "#7cd4fd", "#a4bcfd", "#bdb4fe", "#eeaafd", "#faa7d5", "#dcbfa8",
        ),
    ),
}  # fmt: skip


def _family(palette: Palette, mode: Mode) -> ttkbootstrap.Theme:
    block = {"background": palette.background, "foreground": palette.text}
    return ttkbootstrap.Theme(
        name="chat",
        primary=palette.link if mode == "light" else "#3d6fe0",
        info=palette.link,
        success=palette.good,
        warning=palette.warning,
        danger=palette.error,
        light=block,
        dark=block,
    )


def accent(button: ttk.Button) -> None:
    """Make a button the one that is expected to be pressed."""
    ttkbootstrap.apply_bootstyle(button, "primary")


def offer(button: ttk.Button) -> None:
    """Make a button something that can be done about a problem."""
    ttkbootstrap.apply_bootstyle(button, "primary-outline")


def sender_tag(nick: str) -> str:
    """Give the tag of somebody's name: the same colour everywhere and always."""
    return f"sender-{zlib.adler32(nick.casefold().encode(errors='replace')) % _SENDERS}"


_SENDERS: Final = len(PALETTES["light"].senders)


class Theme:
    """Fonts and styles in one window, and how to dress what ttk does not."""

    def __init__(self, root: ttkbootstrap.App, mode: Mode = "light") -> None:
        self.palette = palette = PALETTES[mode]
        _family(palette, mode).register()  # type: ignore[no-untyped-call]
        style = root.style
        style.theme_use(f"chat-{mode}")  # type: ignore[no-untyped-call]
        root.configure(background=palette.background)

        body = tkfont.nametofont("TkDefaultFont", root=root).actual()
        family, size = str(body["family"]), max(10, abs(int(body["size"])))
        self.body = tkfont.Font(root=root, family=family, size=size)
        self.bold = tkfont.Font(root=root, family=family, size=size, weight="bold")
        self.small = tkfont.Font(root=root, family=family, size=size - 1)
        self.title = tkfont.Font(root=root, family=family, size=size + 4, weight="bold")

        for name in ("TLabel", "TEntry", "TButton"):
            style.configure(name, font=self.body)
        style.configure("TLabel", padding=0, borderwidth=0)
        style.configure("Title.TLabel", font=self.title)
        style.configure("Strong.TLabel", font=self.bold)
        for name, colour in (
            ("Quiet", palette.quiet),
            ("Good", palette.good),
            ("Warning", palette.warning),
            ("Error", palette.error),
        ):
            style.configure(f"{name}.TLabel", foreground=colour, font=self.small)
        style.configure("Rule.TFrame", background=palette.line)
        style.configure("Side.TFrame", background=palette.surface)
        style.configure(
            "Side.TLabel", background=palette.surface, foreground=palette.text, font=self.bold
        )

    def dress_messages(self, text: tk.Text) -> None:
        """Dress the widget that shows a conversation, and make its tags."""
        palette = self.palette
        time_column = self.small.measure("00:00") + 2 * GAP
        text_column = time_column + self.bold.measure("m" * 8) + GAP
        text.configure(
            background=palette.background,
            foreground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            inactiveselectbackground=palette.selection,
            borderwidth=0,
            highlightthickness=0,
            padx=MARGIN,
            pady=GAP,
            spacing1=2,
            spacing2=1,
            spacing3=2,
            wrap="word",
            tabs=(time_column, text_column),
        )
        text.tag_configure("line", lmargin1=text_column, lmargin2=text_column)
        text.tag_configure("time", font=self.small, foreground=palette.quiet, lmargin1=0)
        text.tag_configure("told", font=self.small, foreground=palette.quiet)
        text.tag_configure("warning", font=self.small, foreground=palette.warning)
        text.tag_configure(
            "day", font=self.small, foreground=palette.quiet, justify="center",
            lmargin1=0, lmargin2=0, spacing1=GAP + 4, spacing3=GAP,
        )  # fmt: skip
        text.tag_configure("mine", font=self.bold)
        text.tag_configure("draft", foreground=palette.quiet)
        text.tag_configure("refusal", font=self.small, foreground=palette.error)
        text.tag_configure("link", font=self.small, foreground=palette.link, underline=True)
        for number, colour in enumerate(palette.senders):
            text.tag_configure(f"sender-{number}", font=self.bold, foreground=colour)
        text.tag_raise("sel")

    def dress_members(self, members: tk.Listbox) -> None:
        """Dress the list of who is in the room."""
        palette = self.palette
        members.configure(
            background=palette.surface,
            foreground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            borderwidth=0,
            highlightthickness=0,
            activestyle="none",
        )


def open_root(title: str, mode: Mode = "light") -> tuple[tk.Tk, Theme]:
    """Open the program's one window, empty and dressed.

    :raises tkinter.TclError: if there is no display.
    """
    root = ttkbootstrap.App(title=title, size=(960, 640), minsize=SMALLEST)
    return root, Theme(root, mode)
