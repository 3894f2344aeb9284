"""Nothing is cut off: in the smallest window, on a fine screen, and with large text."""

from __future__ import annotations

from client.desktop.theme.theme import SMALLEST
from tests.desktop.stage import Person, Stage, on_stage


async def fits(person: Person) -> None:
    """Wait until everything in sight has the room that it asks for."""
    try:
        await person.sees_that(lambda: not person.cut_off, "all of it to fit")
    except AssertionError:
        raise AssertionError("cut off:\n" + "\n".join(person.cut_off)) from None


async def look_at_everything(stage: Stage) -> None:
    """Go through all pages and what stands before them, in a window as small as can be."""
    width, height = (stage.theme.px(side) for side in SMALLEST)
    stage.settings.change(geometry=f"{width}x{height}+0+0")
    bob = await stage.peer("bob")
    await bob.set_status("busy", "with a text that is long, and goes on and on, and then some more")
    await bob.send("lobby", "word " * 100)
    alice = stage.open(nick="bob")
    await alice.sees("The nickname bob is taken", "Use bob_")
    await fits(alice)
    await alice.click("Add")
    await alice.sees("Add a server", "Save")
    await fits(alice)
    await alice.click("Cancel")
    await alice.sees("Use bob_")
    await alice.click("Use bob_")
    await alice.sees("Connected to", "bob_")
    assert (alice.root.winfo_width(), alice.root.winfo_height()) == (width, height)
    await fits(alice)
    window = alice.app.window
    alice.field.focus_force()
    alice.write("/")
    await alice.sees("/join ROOM")
    await fits(alice)
    alice.press("<Escape>")
    alice.field.delete("1.0", "end")
    for action, seen in (("help", "Keys and commands"), ("join", "Join a room"),
                         ("switch", "Go to a conversation"), ("search", "\u2191")):  # fmt: skip
        field = alice.field
        await alice.focus(field)
        window.actions[action]()
        await alice.sees(seen)
        await alice.turned_from(field)
        await fits(alice)
        alice.press("<Escape>")
        await alice.sees_that(lambda seen=seen: seen not in alice.screen, "the end of it")  # type: ignore[misc]
    await stage.cluster.nodes[0].kill()
    await alice.sees("Reconnecting", "What you send now waits")
    await fits(alice)


@on_stage()
async def test_in_the_smallest_window(stage: Stage) -> None:
    await look_at_everything(stage)


@on_stage(dpi=192)
async def test_on_a_screen_that_is_twice_as_fine(stage: Stage) -> None:
    assert stage.theme.px(1) == 2
    await look_at_everything(stage)


@on_stage()
async def test_with_text_that_is_half_as_large_again(stage: Stage) -> None:
    stage.theme.resize(round(1.5 * stage.theme.usual_size))
    await look_at_everything(stage)


@on_stage()
async def test_what_is_cut_off_is_noticed(stage: Stage) -> None:
    """The measure itself: a label with less room than it needs."""
    alice = await stage.one()
    await fits(alice)
    title = alice.app.window.chat.members.title
    title.configure(text="far too long for where it is " * 5)
    assert any("far too long" in each for each in alice.cut_off)
