"""Colours that can be read, by the measure of WCAG 2; looks and sizes that change in a window."""

from __future__ import annotations

import tkinter as tk
from collections import Counter
from collections.abc import Iterator
from tkinter import ttk

import pytest

from client.desktop.conversation.line_tags import dress_lines
from client.desktop.theme.palette import PALETTES, Mode, Palette, sender_tag
from client.desktop.theme.styles import accent, button_colours, offer, quieten, warn
from client.desktop.theme.theme import Theme, open_root
from client.desktop.widgets.rows import Rows


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_all_text_stands_out_from_its_background(palette: Palette) -> None:
    said = (
        palette.text, palette.quiet, palette.link, palette.good, palette.warning, palette.error,
    )  # fmt: skip
    for ground in (palette.background, palette.surface):
        for colour in said:
            assert contrast(colour, ground) >= 4.5, (colour, ground)
    for ground in (palette.selection, palette.hover, palette.mention):
        for colour in (palette.text, palette.quiet, palette.link):
            assert contrast(colour, ground) >= 4.5, (colour, ground)
    for colour in palette.senders:
        assert contrast(colour, palette.background) >= 4.5, "a name, or the letter on its disc"
        assert contrast(colour, palette.mention) >= 4.5, colour
    assert contrast(palette.on_accent, palette.accent) >= 4.5, "what was found, and mentions"
    assert contrast(palette.background, palette.quiet) >= 4.5, "how much is unread"


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_what_can_be_used_stands_out_from_its_background(palette: Palette) -> None:
    """By WCAG 1.4.11: edges of fields, marks of statuses, where the keyboard is."""
    for colour in (palette.edge, palette.link, palette.accent, palette.good):
        for ground in (palette.background, palette.surface):
            assert contrast(colour, ground) >= 3.0, (colour, ground)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_how_far_one_has_scrolled_is_seen_and_does_not_call(palette: Palette) -> None:
    for ground in (palette.background, palette.surface):
        assert 1.4 <= contrast(palette.thumb, ground) <= 2.5, ground
        assert contrast(palette.edge, ground) >= 3.0, "once it is pointed at"


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_every_kind_of_button_can_be_read(palette: Palette) -> None:
    for kind, colours in button_colours(palette).items():
        for ground in (palette.background, palette.surface):
            for fill in (colours.fill or ground, colours.active, colours.pressed):
                assert contrast(colours.text, fill) >= 4.5, (kind, fill)


NICKS = [
    f"{start}{number}"
    for start in ("alice", "Zo\xeb", "\u0434\u0438\u043c\u0430", "user", "x_", "\u5f20")
    for number in range(100)
]


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_whoever_speaks_can_be_read_and_told_from_most_others(palette: Palette) -> None:
    numbers = [int(sender_tag(nick).removeprefix("sender-")) for nick in NICKS]
    for colour in {palette.senders[number] for number in numbers}:
        assert contrast(colour, palette.background) >= 4.5, colour
    most = max(Counter(numbers).values())
    assert most <= 1.5 * len(NICKS) / len(palette.senders), "no colour is given to too many"


def test_both_themes_have_a_colour_for_everybody_and_it_stays() -> None:
    assert len({len(palette.senders) for palette in PALETTES.values()}) == 1
    assert sender_tag("Alice") == sender_tag("alice") == "sender-7"


@pytest.fixture
def window(display: str) -> Iterator[tuple[tk.Tk, Theme]]:
    del display
    root, theme = open_root("Chat")
    yield root, theme
    root.destroy()


def test_the_look_changes_in_an_open_window(window: tuple[tk.Tk, Theme]) -> None:
    root, theme = window
    text, rows = tk.Text(root), Rows(root, theme, ground="surface")
    label, quiet = ttk.Label(root, text="hello"), ttk.Label(root, style="Quiet.TLabel")
    button = ttk.Button(root)
    accent(button)
    dress_lines(text, theme)
    for widget in (text, rows, label, quiet, button):
        widget.pack()
    style = ttk.Style(root)
    modes: tuple[Mode, ...] = ("dark", "light", "dark")
    for mode in modes:
        theme.show(mode)
        root.update()
        palette = PALETTES[mode]
        assert theme.palette is palette
        assert root.cget("background") == palette.background
        assert (text.cget("background"), text.cget("foreground")) == (
            palette.background, palette.text,
        )  # fmt: skip
        assert text.tag_cget("sender-3", "foreground") == palette.senders[3]
        assert rows.canvas.cget("background") == palette.surface
        assert str(style.lookup("Vertical.Side.Quiet.TScrollbar", "background")) == palette.surface
        assert str(style.lookup("TLabel", "background")) == palette.background
        assert str(style.lookup("Quiet.TLabel", "foreground")) == palette.quiet
        assert str(style.lookup("Title.TLabel", "font")) == str(theme.title)


def test_a_menu_has_the_colours_of_the_look_once_it_is_posted(window: tuple[tk.Tk, Theme]) -> None:
    root, theme = window
    menu = theme.menu(root)
    menu.add_command(label="hello")
    modes: tuple[Mode, ...] = ("light", "dark", "light")
    for mode in modes:
        theme.show(mode)
        menu.post(0, 0)
        root.update()
        menu.unpost()
        assert str(menu.cget("background")) == theme.palette.hover
        assert str(menu.entrycget(0, "background")) == ""
        assert str(menu.cget("borderwidth")) == "4"


def test_every_kind_of_button_has_its_colours(window: tuple[tk.Tk, Theme]) -> None:
    root, theme = window
    style = ttk.Style(root)
    for mode in PALETTES:
        theme.show(mode)
        kinds = button_colours(theme.palette).values()
        for dress, colours in zip((accent, offer, quieten, warn), kinds, strict=True):
            button = ttk.Button(root)
            dress(button)
            name = str(button.cget("style"))
            assert str(style.lookup(name, "foreground", ("active",))) == colours.text
            assert str(style.lookup(name, "foreground", ("disabled",))) == theme.palette.quiet


@pytest.mark.parametrize("key", ["<space>", "<Return>", "<KP_Enter>"])
def test_a_button_is_pressed_by_keys(window: tuple[tk.Tk, Theme], key: str) -> None:
    root, _theme = window
    pressed: list[str] = []
    button = ttk.Button(root, command=lambda: pressed.append(key))
    button.pack()
    root.update()
    button.focus_force()
    root.update()
    button.event_generate(key)
    root.update()
    assert pressed == [key]


def test_the_size_of_all_text_changes_in_an_open_window(window: tuple[tk.Tk, Theme]) -> None:
    root, theme = window
    text, rows = tk.Text(root, height=2), Rows(root, theme)
    theme.dress_field(text)
    theme.dress(rows, lambda: rows.set_height(2))
    widgets = [
        ttk.Label(root, text="hello"), ttk.Label(root, text="hello", style="Title.TLabel"),
        ttk.Entry(root), ttk.Button(root, text="hello"), text, rows,
    ]  # fmt: skip
    for widget in widgets:
        widget.pack()
    root.update()
    usual = [widget.winfo_reqheight() for widget in widgets]
    theme.resize(2 * theme.usual_size)
    root.update()
    larger = [widget.winfo_reqheight() for widget in widgets]
    assert all(new >= 1.3 * old for old, new in zip(usual, larger, strict=True)), (usual, larger)
    theme.show("dark")
    assert theme.size == 2 * theme.usual_size, "it stays when the look changes"
    theme.resize(None)
    root.update()
    assert [widget.winfo_reqheight() for widget in widgets] == usual


def test_what_is_gone_is_dressed_no_more(window: tuple[tk.Tk, Theme]) -> None:
    root, theme = window
    gone = tk.Text(root)
    dress_lines(gone, theme)
    gone.destroy()
    theme.show("dark")


@pytest.mark.usefixtures("display")
def test_a_fine_screen_has_everything_as_large_as_a_usual_one() -> None:
    measures = []
    for dpi in (192, 96):  # what was said last holds for the next window on this screen
        root, theme = open_root("Chat", dpi=dpi)
        entry, button = ttk.Entry(root), ttk.Button(root, text="hello")
        measures.append(
            (entry.winfo_reqheight(), button.winfo_reqwidth(), theme.px(16), root.minsize()[0])
        )
        root.destroy()
    fine, usual = measures
    assert usual[2:] == (16, 800)
    assert fine[2] == 32
    assert fine[3] == pytest.approx(1600, abs=2)
    for one, two in zip(usual[:2], fine[:2], strict=True):
        assert 1.8 * one <= two <= 2.2 * one, measures
