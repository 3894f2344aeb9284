"""The keys that work everywhere in the window: the table for their bindings and for the help."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from client.i18n.texts import N_, _


@dataclass(frozen=True)
class Shortcut:
    """A key: its label, what Tk calls it, the name of its action, and a description."""

    label: str
    sequences: tuple[str, ...]
    action: str
    description: str


def _ctrl(letter: str) -> tuple[str, str]:
    """Return what Tk calls a letter with Ctrl, without and with caps lock."""
    return f"<Control-{letter}>", f"<Control-{letter.upper()}>"


_LARGER: Final = ("<Control-plus>", "<Control-equal>", "<Control-KP_Add>")
_SMALLER: Final = ("<Control-minus>", "<Control-KP_Subtract>")

SHORTCUTS: Final = (
    Shortcut(N_("Ctrl+K"), _ctrl("k"), "switch", N_("Go to a conversation")),
    Shortcut(N_("Alt+Up"), ("<Alt-Up>",), "previous", N_("Previous conversation")),
    Shortcut(N_("Alt+Down"), ("<Alt-Down>",), "next", N_("Next conversation")),
    Shortcut(N_("Ctrl+PageUp"), ("<Control-Prior>",), "previous", N_("Previous conversation")),
    Shortcut(N_("Ctrl+PageDown"), ("<Control-Next>",), "next", N_("Next conversation")),
    Shortcut(N_("Ctrl+J"), _ctrl("j"), "join", N_("Join a room")),
    Shortcut(N_("Ctrl+W"), _ctrl("w"), "leave", N_("Leave this conversation")),
    Shortcut(N_("Ctrl+F"), _ctrl("f"), "search", N_("Search this conversation")),
    Shortcut(N_("Ctrl+M"), _ctrl("m"), "mute", N_("Mute this conversation")),
    Shortcut(N_("Alt+End"), ("<Alt-End>",), "newest", N_("Go to the newest line")),
    Shortcut(N_("Ctrl+R"), _ctrl("r"), "retry", N_("Try again to connect, or to send")),
    Shortcut(N_("Ctrl+D"), _ctrl("d"), "discard", N_("Discard what was not sent")),
    Shortcut(N_("Ctrl+U"), _ctrl("u"), "members", N_("Members of this room, and back")),
    Shortcut(N_("F2"), ("<F2>",), "account", N_("Your account, or how to get one")),
    Shortcut(N_("F6"), ("<F6>",), "pane", N_("Go to the lists, and back")),
    Shortcut(N_("F10"), ("<F10>",), "menu", N_("Your menu: status, looks and more")),
    Shortcut(N_("Shift+F10"), ("<Shift-F10>", "<Key-Menu>"), "context", N_("Cut, copy, paste")),
    Shortcut(N_("Ctrl++"), _LARGER, "larger", N_("Larger text")),
    Shortcut(N_("Ctrl+\u2212"), _SMALLER, "smaller", N_("Smaller text")),
    Shortcut(N_("Ctrl+0"), ("<Control-Key-0>",), "usual_size", N_("Usual text size")),
    Shortcut(N_("Ctrl+T"), _ctrl("t"), "theme", N_("Light or dark")),
    Shortcut(N_("F1"), ("<F1>",), "help", N_("This page")),
    Shortcut(N_("Ctrl+Q"), _ctrl("q"), "quit", N_("Leave and close")),
)  # fmt: skip


def bind_shortcuts(root: tk.Tk, actions: Mapping[str, Callable[[], object]]) -> None:
    """Bind every key that has an action; they work wherever the focus is.

    A binding of the window would run after that of the widget in focus, which uses some of these
    keys for something else (Ctrl+K cuts a line). So they are on a tag of their own, before all
    others, which a widget gets when it gets the focus.
    """
    for shortcut in SHORTCUTS:
        action = actions.get(shortcut.action)
        if action is None:
            continue
        for sequence in shortcut.sequences:
            root.bind_class(_TAG, sequence, _only(action))
    root.bind_all("<FocusIn>", lambda event: _tag(event.widget), add="+")


_TAG: Final = "ChatShortcuts"


def _only(action: Callable[[], object]) -> Callable[[object], str]:
    def press(_event: object) -> str:
        action()
        return "break"

    return press


def _tag(widget: object) -> None:
    if isinstance(widget, tk.Misc) and _TAG not in (tags := widget.bindtags()):
        widget.bindtags((_TAG, *tags))


def described() -> Sequence[tuple[str, str]]:
    """Return the keys of each action and its description, for the help."""
    keys: dict[str, list[str]] = {}
    for shortcut in SHORTCUTS:
        keys.setdefault(shortcut.description, []).append(shortcut.label)
    return [(", ".join(map(_, labels)), _(description)) for description, labels in keys.items()]
