"""The theme: fonts, sizes, and how to dress widgets for the light and the dark look.

It is made of `palette`, `pictures` and `styles`.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import font as tkfont
from typing import Final

import ttkbootstrap

from client.desktop.theme.palette import PALETTES, Mode, Palette
from client.desktop.theme.pictures import Pictures
from client.desktop.theme.styles import Styles
from client.desktop.tk.editing import mend_editing

SMALLEST: Final = (800, 600)
GAP: Final = 8
"""Pixels between things that belong together. Like all constants in pixels, see `Theme.px`."""
MARGIN: Final = 16
"""Pixels between things that do not belong together."""
_USUAL_DPI: Final = 96
_POINTS: Final = 72
"""Points to the inch."""


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


class Theme:
    """Fonts and styles in one window, and how to dress widgets that are not ttk's.

    The look and the text size may change at any time, see `show` and `resize`. ttk's widgets
    follow by themselves, and so does all that uses `body`, `bold`, `small` or `title`; whatever
    else depends on them, or on `palette`, goes into a function that is passed to `dress`.
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
        self.small_bold = tkfont.Font(root=root, family=family, weight="bold")
        self.title = tkfont.Font(root=root, family=family, weight="bold")
        self.tiny = tkfont.Font(root=root, family=family, size=-1)
        self._letters: dict[int, tkfont.Font] = {}
        self.pictures = Pictures(root)
        fonts = {"body": self.body, "bold": self.bold, "small": self.small, "title": self.title}
        self._styles = Styles(root.style, self.pictures, self.px, fonts)
        self.mode, self.palette = mode, PALETTES[mode]
        self.resize(size)
        self.show(mode)

    def columns(self, characters: int) -> int:
        """Return the width of so many characters in the current text size, in pixels."""
        return self.body.measure("0" * characters) + 2 * self.px(MARGIN)

    def px(self, pixels: int) -> int:
        """Return how many pixels of this screen look like so many on a screen of 96 dpi."""
        return round(pixels * self._root.winfo_fpixels("1i") / _USUAL_DPI)

    @property
    def row_height(self) -> int:
        """The height of a row of a list, in pixels."""
        return self.body.metrics("linespace") + self.px(16)

    @property
    def avatar_size(self) -> int:
        """The size of an avatar beside a message, in pixels."""
        return 2 * self.body.metrics("linespace") + self.px(2)

    @staticmethod
    def shorten(text: str, font: tkfont.Font, width: int) -> str:
        """Return a text shortened with an ellipsis to fit into a width in pixels."""
        text = text[: max(width, 0) + 1]  # more letters do not fit, and are not measured
        if font.measure(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if font.measure(f"{text[:middle]}\u2026") <= width:
                low = middle
            else:
                high = middle - 1
        return f"{text[:low].rstrip()}\u2026" if low else ""

    def letter(self, pixels: int) -> tkfont.Font:
        """Return the font for single letters of a height in pixels."""
        if pixels not in self._letters:
            self._letters[pixels] = self.bold.copy()
            self._letters[pixels].configure(size=-pixels)
        return self._letters[pixels]

    def show(self, mode: Mode) -> None:
        """Use this look from now on."""
        self.mode, self.palette = mode, PALETTES[mode]
        self._root.style.theme_use(f"chat-{mode}-{mode}")  # type: ignore[no-untyped-call]
        self._root.configure(background=self.palette.background)
        self._styles.show(mode, self.palette)
        self._dress_all()

    def resize(self, size: int | None) -> None:
        """Use this text size, in points, from now on; by default the usual one."""
        self.size = size or self.usual_size
        for font in (self.body, self.bold, self.italic, *self._others):
            font.configure(size=self.size)
        for font in (self.small, self.small_bold):
            font.configure(size=self.size - 1)
        self.title.configure(size=self.size + 3)
        self._dress_all()

    def dress(self, widget: tk.Misc, how: Callable[[], None]) -> None:
        """Call ``how`` now and after each change of the theme, for as long as the widget exists."""
        self._dressed.append((widget, how))
        how()

    def _dress_all(self) -> None:
        self._dressed = [pair for pair in self._dressed if pair[0].winfo_exists()]
        for _, how in self._dressed:
            how()

    # --- what ttk does not draw ---------------------------------------------------------------

    def dress_field(self, text: tk.Text) -> None:
        """Dress a text for writing; the frame around it has the style ``Field.TFrame``."""
        self.dress(text, lambda: self.dress_text(text))

    def dress_text(self, text: tk.Text) -> None:
        """Dress a text for the current theme once; `dress` repeats that after each change."""
        palette = self.palette
        text.configure(
            background=palette.background,
            foreground=palette.text,
            insertbackground=palette.text,
            font=self.body,
            selectbackground=palette.selection,
            selectforeground=palette.text,
            inactiveselectbackground=palette.selection,
            borderwidth=0,
            highlightthickness=0,
            padx=0,
            pady=0,
            wrap="word",
        )

    def menu(self, master: tk.Misc) -> tk.Menu:
        """Return a new menu, dressed."""
        menu = ttkbootstrap.Menu(master, tearoff=False, autostyle=False)
        self.dress(menu, lambda: self._dress_menu(menu))
        return menu

    def _dress_menu(self, menu: tk.Menu) -> None:
        palette = self.palette
        menu.configure(
            background=palette.hover, foreground=palette.text, font=self.body,
            relief="flat", activebackground=palette.selection, activeforeground=palette.text,
            borderwidth=self.px(4), activeborderwidth=0, selectcolor=palette.text,
        )  # fmt: skip


def open_root(
    title: str, mode: Mode = "light", *, size: int | None = None, dpi: float | None = None
) -> tuple[tk.Tk, Theme]:
    """Open the program's window, empty and dressed; ``size`` is the text size in points.

    ``dpi`` is the resolution to use instead of the screen's own. It cannot change later, because
    ttk measures by it once.

    :raises tkinter.TclError: if there is no display.
    """
    root = ttkbootstrap.App(title=title, scaling=dpi / _POINTS if dpi else None, iconphoto=None)
    # ttkbootstrap has Return press a button instead of the space bar; here both do.
    root.bind_class("TButton", "<space>", root.bind_class("TButton", "<<Invoke>>"))
    mend_editing(root)
    theme = Theme(root, mode, size)
    largest = (root.winfo_screenwidth(), root.winfo_screenheight())
    usual = [min(theme.px(side), most) for side, most in zip((960, 640), largest, strict=True)]
    least = [min(theme.px(side), most) for side, most in zip(SMALLEST, largest, strict=True)]
    root.geometry(f"{usual[0]}x{usual[1]}")
    root.minsize(*least)
    return root, theme
