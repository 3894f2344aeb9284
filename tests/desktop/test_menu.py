"""The person's own menu, with real keys and a real mouse."""

from __future__ import annotations

import trio

from tests import PATIENCE
from tests.desktop.stage import Stage, on_stage


@on_stage()
async def test_it_is_opened_and_chosen_from_by_keys(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    menu = alice.app.window.chat.sidebar.me.menu
    await window.type("abc")
    await window.press("F10")
    await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu")
    await alice.sees_that(lambda: menu.index("active") == 0, "the first entry")
    await window.press("Down")
    await alice.sees_that(lambda: menu.index("active") == 1, "the second entry")
    await window.press("Return")
    await alice.sees_that(lambda: alice.members == ["\u25d2 alice (you)"], "that she is away")
    assert not menu.winfo_viewable()
    await window.press("F10")
    await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu")
    await window.press("Escape")
    await alice.sees_that(lambda: not menu.winfo_viewable(), "the end of it")
    await window.type("def")
    await alice.sees_that(lambda: alice.typed == "abcdef", "the rest")


@on_stage()
async def test_the_space_bar_presses_a_button_and_letters_are_typed(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    await window.type("abc")
    await alice.sees_that(lambda: alice.typed == "abc", "the text")
    (mute,) = alice.buttons("Mute")
    await alice.focus(mute)
    await window.press("space")
    await alice.sees("Unmute")
    assert alice.root.focus_get() is mute
    assert alice.typed == "abc"
    await window.type("d")
    await alice.sees_that(lambda: alice.typed == "abcd", "the letter")


@on_stage()
async def test_a_click_however_long_opens_it_and_chooses_nothing(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    name, menu = alice.app.window.chat.sidebar.me.name, alice.app.window.chat.sidebar.me.menu
    await window.move(0, alice.root.winfo_screenheight() - alice.root.winfo_height())
    bottom = alice.root.winfo_screenheight()
    await alice.sees_that(
        lambda: alice.root.winfo_rooty() + alice.root.winfo_height() == bottom, "the bottom"
    )
    at = (name.winfo_x() + 40, name.winfo_rooty() - alice.root.winfo_rooty() + 10)
    with trio.fail_after(PATIENCE):
        async with window.held(*at):
            await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu")
            assert menu.winfo_rooty() + menu.winfo_height() <= name.winfo_rooty()
    await alice.sees_that(lambda: alice.root.focus_get() is menu, "the menu to have the keys")
    assert stage.settings.preferences.look == "light"
    await window.press("Escape")
    await alice.sees_that(lambda: not menu.winfo_viewable(), "the end of it")
    assert stage.settings.preferences.look == "light"


@on_stage(dpi=192)
async def test_what_is_chosen_is_marked_as_large_as_the_text(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    menu = alice.app.window.chat.sidebar.me.menu

    async def fronts() -> dict[str, str]:
        await window.press("F10")
        await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu")
        await window.press("Escape")
        await alice.sees_that(lambda: not menu.winfo_viewable(), "the end of it")
        places = [n for n in range((menu.index("end") or 0) + 1) if menu.type(n) == "command"]
        return {menu.entrycget(n, "label").strip(): str(menu.entrycget(n, "image")) for n in places}

    before = await fronts()
    heights = {int(alice.root.tk.call("image", "height", front)) for front in before.values()}
    assert heights == {stage.theme.body.metrics("linespace")}
    none = before["Leave and close"]
    assert before["Dark"] == none
    assert before["Light"] != none
    menu.invoke("*Dark")
    await alice.sees_that(lambda: stage.theme.mode == "dark", "the dark")
    after = await fronts()
    none = after["Leave and close"]
    assert after["Light"] == none
    assert none not in {after["Dark"], after["Show that I am typing"]}
