"""What stands before the conversation: the help, and the chooser; with real keys and clicks."""

from __future__ import annotations

from tests.desktop.screen import XWindow
from tests.desktop.stage import Stage, on_stage


@on_stage()
async def test_the_help_goes_away_for_whatever_else_is_done(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    await window.press("F1")
    await alice.sees("Keys and commands")
    await window.press("ctrl+f")
    await alice.sees_that(lambda: "Keys and commands" not in alice.screen, "the end of the help")
    await window.type("needle")
    await alice.sees("Not found")
    await window.press("F1")
    await alice.sees("Keys and commands")
    await window.press("ctrl+k")
    await alice.sees("Go to a conversation")
    assert "Keys and commands" not in alice.screen
    await window.press("Return")
    await alice.sees_that(lambda: "Go to a conversation" not in alice.screen, "the end of it")
    await window.type("hello")
    await alice.sees_that(lambda: alice.typed == "hello", "what was typed")


@on_stage()
async def test_the_help_is_there_before_one_has_come_in(stage: Stage) -> None:
    person = stage.open()
    await person.sees("Choose a nickname")
    await person.focus()
    window = await XWindow.find()
    await window.press("F1")
    await person.sees("Keys and commands")
    await window.press("Escape")
    await person.sees_that(lambda: "Keys and commands" not in person.screen, "the end of it")
    await window.type("alice\n")
    await person.sees("Connected to")


@on_stage()
async def test_the_chooser_goes_away_for_a_click_beside_it(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    chooser = alice.app.window.chat.chooser
    for place in ((480, 30), (480, 500)):  # the title, which takes no keys; and the messages
        await window.press("ctrl+k")
        await alice.sees("Go to a conversation")
        await window.click(*place)
        await alice.sees_that(lambda: not chooser.is_open, "the end of it")
        await window.type("x")
    await alice.sees_that(lambda: alice.typed == "xx", "what was typed")
    await window.press("ctrl+k")
    await alice.sees("Go to a conversation")
    await window.click(chooser.winfo_x() + 30, chooser.winfo_y() + 20)
    await window.press("Escape")
    await alice.sees_that(lambda: not chooser.is_open, "the end of it")


@on_stage()
async def test_the_chooser_goes_away_as_something_else_takes_the_keys(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    await window.press("ctrl+k")
    await alice.sees("Go to a conversation")
    await window.press("Tab")
    await alice.sees_that(lambda: "Go to a conversation" not in alice.screen, "the end of it")
    await window.press("ctrl+k")
    await alice.sees("Go to a conversation")
    await window.press("ctrl+f")
    await alice.sees("Search")
    assert "Go to a conversation" not in alice.screen
    await window.type("needle")
    await alice.sees("Not found")
