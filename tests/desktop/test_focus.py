"""Whether the person has the window before them: what is unread depends on it."""

from __future__ import annotations

import tkinter as tk

from tests.desktop.stage import Stage, on_stage


@on_stage()
async def test_the_window_is_attended_unless_another_has_the_focus(stage: Stage) -> None:
    alice = await stage.one()
    await alice.focus()
    other = tk.Toplevel(alice.root)
    other.focus_force()
    await alice.sees_that(lambda: not alice.app.chat.focused, "that she is elsewhere")
    other.destroy()
    await alice.focus()
    await alice.sees_that(lambda: alice.app.chat.focused, "that she is back")
