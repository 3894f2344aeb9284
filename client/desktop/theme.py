"""How everything looks: colours, fonts and spacing, for light and dark. All theming is here."""

from __future__ import annotations

import tkinter as tk
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import font as tkfont
from tkinter import ttk
from typing import Any, Final, Literal

import ttkbootstrap

Mode = Literal["light", "dark"]

SMALLEST: Final = (800, 600)
GAP: Final = 8
"""Between things that belong together; twice that between those that do not.

Like every number of pixels that is written down, it is for a usual screen: see `Theme.px`.
"""
MARGIN: Final = 16
_USUAL_DPI: Final = 96
_POINTS: Final = 72
"""To the inch."""


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
    mention: str
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
        mention="#fff3d6",
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
        mention="#3a3320",
        senders=(
            "#fda29b", "#f7b27a", "#e5cf6a", "#bfe27a", "#75e0a7", "#5fe9d0",
            "#7cd4fd", "#a4bcfd", "#bdb4fe", "#eeaafd", "#faa7d5", "#dcbfa8",
        ),
    ),
}  # fmt: skip


def _family(palette: Palette, mode: Mode) -> ttkbootstrap.Theme:
    block = {"background": palette.background, "foreground": palette.text}
    return ttkbootstrap.Theme(
        name=f"chat-{mode}",  # one for each look: they share no accents
        primary=palette.link,
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


def quieten(button: ttk.Button) -> None:
    """Make a button something that is seldom pressed."""
    ttkbootstrap.apply_bootstyle(button, "primary-link")


def warn(button: ttk.Button) -> None:
    """Make a button something that loses what was there."""
    ttkbootstrap.apply_bootstyle(button, "danger-outline")


def sender_tag(nick: str) -> str:
    """Give the tag of somebody's name: the same colour everywhere and always."""
    return f"sender-{zlib.adler32(nick.casefold().encode(errors='replace')) % _SENDERS}"


_SENDERS: Final = len(PALETTES["light"].senders)


class Theme:
    """Fonts and styles in one window, and how to dress what ttk does not.

    The look and the size of the text may change at any time, see `show` and `resize`. What ttk
    draws follows by itself, and so does all that uses `body`, `bold`, `small` or `title`; whatever
    else is made of them, or of `palette`, goes into a function that is given to `dress`.
    """

    def __init__(
        self, root: ttkbootstrap.App, mode: Mode = "light", size: int | None = None
    ) -> None:
        self._root = root
        self._dressed: list[tuple[tk.Misc, Callable[[], None]]] = []
        for look, palette in PALETTES.items():
            _family(palette, look).register()  # type: ignore[no-untyped-call]

        # Entries, menus and lists come with these fonts, and keep them when a style has another.
        self.body = tkfont.nametofont("TkDefaultFont", root=root)
        given = self.body.actual()
        self.usual_size = max(10, abs(int(given["size"])))
        self._others = [tkfont.nametofont(f"Tk{n}Font", root=root) for n in ("Text", "Menu")]
        family = str(given["family"])
        for font in self._others:
            font.configure(family=family)
        self.bold = tkfont.Font(root=root, family=family, weight="bold")
        self.italic = tkfont.Font(root=root, family=family, slant="italic")
        self.small = tkfont.Font(root=root, family=family)
        self.title = tkfont.Font(root=root, family=family, weight="bold")
        self.mode, self.palette = mode, PALETTES[mode]
        self.resize(size)
        self.show(mode)

    def columns(self, characters: int) -> int:
        """Give how wide so many characters are, in the size that text has now."""
        return self.body.measure("0" * characters) + 2 * self.px(MARGIN)

    def px(self, pixels: int) -> int:
        """Give how many pixels of this screen look like so many of a usual one."""
        return round(pixels * self._root.winfo_fpixels("1i") / _USUAL_DPI)

    def show(self, mode: Mode) -> None:
        """Look like this, from now on."""
        self.mode = mode
        self.palette = palette = PALETTES[mode]
        style = self._root.style
        style.theme_use(f"chat-{mode}-{mode}")  # type: ignore[no-untyped-call]
        self._root.configure(background=palette.background)
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
        self._dress_all()

    def resize(self, size: int | None) -> None:
        """Show all text in this size, in points, from now on; or in the usual one."""
        self.size = size or self.usual_size
        for font in (self.body, self.bold, self.italic, *self._others):
            font.configure(size=self.size)
        self.small.configure(size=self.size - 1)
        self.title.configure(size=self.size + 4)
        self._dress_all()

    def dress(self, widget: tk.Misc, how: Callable[[], None]) -> None:
        """Call this now, and after each change of look or size for as long as the widget lives."""
        self._dressed.append((widget, how))
        how()

    def _dress_all(self) -> None:
        self._dress_sides()
        self._dressed = [pair for pair in self._dressed if pair[0].winfo_exists()]
        for _, how in self._dressed:
            how()

    def dress_messages(self, text: tk.Text) -> None:
        """Dress the widget that shows a conversation, and make its tags."""
        self.dress(text, lambda: self._dress_messages(text))

    def _dress_messages(self, text: tk.Text) -> None:
        palette = self.palette
        gap = self.px(GAP)
        text.configure(
            background=palette.background,
            foreground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            inactiveselectbackground=palette.selection,
            borderwidth=0,
            highlightthickness=0,
            padx=self.px(MARGIN),
            pady=gap,
            spacing1=self.px(2),
            spacing2=self.px(1),
            spacing3=self.px(2),
            wrap="word",
        )
        text.tag_configure("line")
        text.tag_configure("mention", background=palette.mention)
        text.tag_configure("head", spacing1=gap)
        text.tag_configure("told", font=self.small, foreground=palette.quiet, spacing1=gap // 2)
        text.tag_configure("warning", font=self.small, foreground=palette.warning)
        text.tag_configure("time", font=self.small, foreground=palette.quiet)
        text.tag_configure("action", font=self.italic)
        text.tag_configure("url", foreground=palette.link, underline=True)
        text.tag_configure(
            "unread", font=self.small, foreground=palette.error, justify="center", spacing1=gap
        )
        text.tag_configure("found", background=palette.selection)
        text.tag_configure("current", background=palette.link, foreground=palette.background)
        text.tag_configure(
            "day", font=self.small, foreground=palette.quiet, justify="center",
            lmargin1=0, lmargin2=0, spacing1=self.px(GAP + 4), spacing3=gap,
        )  # fmt: skip
        text.tag_configure("draft", foreground=palette.quiet)
        text.tag_configure("refusal", font=self.small, foreground=palette.error)
        text.tag_configure("link", font=self.small, foreground=palette.link, underline=True)
        for number, colour in enumerate(palette.senders):
            text.tag_configure(f"sender-{number}", font=self.bold, foreground=colour)
        text.tag_raise("sel")

    def dress_input(self, text: tk.Text) -> None:
        """Dress where the person types what they say."""
        self.dress(text, lambda: self._dress_input(text))

    def _dress_input(self, text: tk.Text) -> None:
        palette = self.palette
        text.configure(
            background=palette.surface,
            foreground=palette.text,
            insertbackground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            borderwidth=0,
            highlightthickness=1,
            highlightbackground=palette.line,
            highlightcolor=palette.link,
            padx=self.px(GAP),
            pady=self.px(GAP - 2),
        )

    def dress_menu(self, menu: tk.Menu) -> None:
        """Dress a menu."""
        self.dress(menu, lambda: self._dress_menu(menu))

    def _dress_menu(self, menu: tk.Menu) -> None:
        palette = self.palette
        menu.configure(
            background=palette.surface, foreground=palette.text, font=self.body, relief="flat",
            activebackground=palette.selection, activeforeground=palette.text, borderwidth=1,
            selectcolor=palette.text,
        )  # fmt: skip

    def _dress_sides(self) -> None:
        """Dress what stands at the sides: lists of conversations and members, labels."""
        palette, style = self.palette, self._root.style
        for name, colour in (
            ("Quiet", palette.quiet),
            ("Good", palette.good),
            ("Warning", palette.warning),
            ("Error", palette.error),
        ):
            style.configure(
                f"Side{name}.TLabel",
                background=palette.surface,
                foreground=colour,
                font=self.small,
            )
        style.configure(
            "Side.Treeview",
            background=palette.surface,
            fieldbackground=palette.surface,
            foreground=palette.text,
            font=self.body,
            rowheight=self.body.metrics("linespace") + self.px(GAP),
            borderwidth=0,
            relief="flat",
            indent=0,
        )
        style.configure("Side.Treeview.Item", padding=(self.px(GAP), 0))
        style.map(
            "Side.Treeview",
            background=[("selected", palette.selection)],
            foreground=[("selected", palette.text)],
        )
        style.layout("Side.Treeview", [("Treeview.treearea", {"sticky": "nswe"})])
        item: Any = [("Treeitem.text", {"side": "left", "sticky": ""})]
        style.layout(
            "Side.Treeview.Item", [("Treeitem.padding", {"sticky": "nswe", "children": item})]
        )

    def dress_writing(self, text: tk.Text) -> None:
        """Dress a text that is written by the person."""
        self.dress(text, lambda: self._dress_writing(text))

    def _dress_writing(self, text: tk.Text) -> None:
        palette = self.palette
        text.configure(
            background=palette.background,
            foreground=palette.text,
            insertbackground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            borderwidth=0,
            highlightthickness=self.px(1),
            highlightbackground=palette.line,
            highlightcolor=palette.link,
            padx=self.px(GAP),
            pady=self.px(GAP // 2),
            wrap="word",
        )

    def dress_choices(self, choices: tk.Listbox) -> None:
        """Dress a list that one thing is chosen from."""
        self.dress(choices, lambda: self._dress_choices(choices))

    def _dress_choices(self, choices: tk.Listbox) -> None:
        self._dress_list(choices, self.palette.background)
        choices.configure(
            highlightthickness=self.px(1),
            highlightbackground=self.palette.line,
            highlightcolor=self.palette.link,
        )

    def _dress_list(self, box: tk.Listbox, background: str) -> None:
        palette = self.palette
        box.configure(
            background=background,
            foreground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            borderwidth=0,
            highlightthickness=0,
            activestyle="none",
        )


def open_root(
    title: str, mode: Mode = "light", *, size: int | None = None, dpi: float | None = None
) -> tuple[tk.Tk, Theme]:
    """Open the program's one window, empty and dressed; ``size`` is that of the text.

    ``dpi`` is how finely the screen is drawn on, if it is not as the screen itself says. It cannot
    change later: what ttk draws is measured by it once.

    :raises tkinter.TclError: if there is no display.
    """
    root = ttkbootstrap.App(title=title, scaling=dpi / _POINTS if dpi else None, iconphoto=None)
    theme = Theme(root, mode, size)
    largest = (root.winfo_screenwidth(), root.winfo_screenheight())
    usual = [min(theme.px(side), most) for side, most in zip((960, 640), largest, strict=True)]
    least = [min(theme.px(side), most) for side, most in zip(SMALLEST, largest, strict=True)]
    root.geometry(f"{usual[0]}x{usual[1]}")
    root.minsize(*least)
    return root, theme
