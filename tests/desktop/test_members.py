"""The members where there is no room for them beside the messages, with real keys and clicks."""

from __future__ import annotations

from tests.desktop.screen import XWindow
from tests.desktop.stage import Person, Stage, on_stage


async def opened(stage: Stage) -> tuple[Person, XWindow]:
    """Somebody at a window as small as can be, with large text."""
    stage.theme.resize(round(1.5 * stage.theme.usual_size))
    stage.settings.change(geometry="800x600+0+0")
    _, alice = await stage.two()
    await alice.focus()
    assert not alice.app.window.chat.members.winfo_viewable()
    return alice, await XWindow.find("alice in #lobby")


@on_stage()
async def test_they_come_by_a_key_and_are_gone_through_by_keys(stage: Stage) -> None:
    alice, window = await opened(stage)
    members = alice.app.window.chat.members
    await window.press("ctrl+u")
    await alice.sees_that(lambda: bool(members.rows.winfo_viewable()), "the members")
    await alice.sees_that(lambda: not alice.cut_off, "all of it to fit")
    await window.press("ctrl+u")
    await alice.sees_that(lambda: not members.winfo_viewable(), "the end of it")
    await window.press("ctrl+u")
    await alice.sees_that(lambda: bool(members.rows.winfo_viewable()), "the members")
    await window.press("End")
    await alice.sees_that(lambda: members.rows.chosen == 1, "bob to be chosen")
    await window.press("Return")
    await alice.sees_that(lambda: alice.root.title() == "alice and bob", "the conversation")
    assert not members.winfo_viewable()
    await window.type("hello")
    await alice.sees_that(lambda: alice.typed == "hello", "what was typed")


@on_stage()
async def test_they_come_by_a_click_and_go_by_another_or_as_there_is_room(stage: Stage) -> None:
    alice, window = await opened(stage)
    page, root = alice.app.window.chat, alice.root
    (about,) = alice.buttons("2 members")
    x, y = about.winfo_rootx() - root.winfo_rootx(), about.winfo_rooty() - root.winfo_rooty()
    await window.click(x + 10, y + 10)
    await alice.sees_that(lambda: bool(page.members.rows.winfo_viewable()), "the members")
    messages = page.messages.text
    left = messages.winfo_rootx() - root.winfo_rootx()
    await window.click(left + 20, y + 200)
    await alice.sees_that(lambda: not page.members.winfo_viewable(), "the end of it")
    await window.click(x + 10, y + 10)
    await alice.sees_that(lambda: bool(page.members.rows.winfo_viewable()), "the members")
    await window.size(1400, 800)
    await alice.sees_that(lambda: page.members.winfo_manager() == "grid", "room for them")
    await window.press("Escape")
    await window.type("hello")
    await alice.sees_that(lambda: alice.typed == "hello", "what was typed")
    assert page.members.winfo_viewable()
