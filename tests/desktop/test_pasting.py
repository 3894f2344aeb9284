"""Whatever is pasted, dropped or typed, no more is laid out than fits, and nothing is lost."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from tkinter import ttk

import pytest

from client.desktop.settings.servers import SavedServer
from client.desktop.widgets.fields import MOST_BYTES, MOST_LINE_BYTES, LineField, TextField
from gateway import wire
from tests.desktop.ears import hear
from tests.desktop.fake_node import Frame, fake_node
from tests.desktop.stage import Person, Stage, on_stage

MEGABYTE = 1_000_000
MUCH = {
    "a line": "x" * MEGABYTE,
    "words": "some words " * (MEGABYTE // 11),
    "lines": "line\n" * 100_000,
    "empty lines": "\n" * 100_000,
    "accents": "a" + "\u0301" * MEGABYTE,
    "accented": "a\u0301\u0302\u0303" * (MEGABYTE // 4),
    "from right to left": "\u0633\u0644\u0627\u0645 " * (MEGABYTE // 5),
    "emoji": "\U0001f600" * MEGABYTE,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * (MEGABYTE // 5),
    "ideographs": "\u8bf7" * MEGABYTE,
    "control characters": "\x01\x02\t" * (MEGABYTE // 3),
}
OVERFLOW = "bytes did not fit, and are not sent."


@pytest.fixture(autouse=True)
def somewhere_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path / "downloads"))


def saved(name: str = "unsent.txt") -> Path:
    """A file among the downloads."""
    return Path(os.environ["XDG_DOWNLOAD_DIR"], name)


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


def copy(person: Person, text: str) -> None:
    person.root.clipboard_clear()
    person.root.clipboard_append(text)


def mark(person: Person, text: str) -> None:
    """Have a text selected somewhere, for the middle button."""

    def give(offset: str, most: str) -> str:
        return text[int(offset) : int(offset) + int(most)]

    person.root.selection_handle(give, selection="PRIMARY")
    person.root.selection_own(selection="PRIMARY")


def content(field: tk.Misc) -> str:
    if isinstance(field, tk.Text):
        return field.get("1.0", "end - 1 chars")
    assert isinstance(field, ttk.Entry)
    return field.get()


def empty(field: tk.Misc) -> None:
    assert isinstance(field, (tk.Text, ttk.Entry))
    field.delete("1.0" if isinstance(field, tk.Text) else 0, "end")


def fields(parent: tk.Misc) -> Iterator[tk.Text | ttk.Entry]:
    """All that can be written in, in sight or not."""
    for widget in parent.winfo_children():
        if isinstance(widget, (tk.Text, tk.Entry)) and str(widget.cget("state")) == "normal":
            yield widget  # type: ignore[misc]
        yield from fields(widget)


async def type_and_stop(person: Person, *keys: str) -> None:
    person.press(*keys)
    person.root.update_idletasks()


def paste_much(person: Person, field: tk.Text | ttk.Entry) -> None:
    """Have all kinds of long texts come into a field, in each way that there is."""
    most = field.most_bytes if isinstance(field, LineField) else MOST_BYTES
    for text in MUCH.values():
        copy(person, text)
        mark(person, text)
        empty(field)
        field.event_generate("<<Paste>>")
        assert text.startswith(content(field))
        assert most - 32 < len(content(field).encode()) <= most
        field.event_generate("<<Paste>>")
        field.event_generate("<<PasteSelection>>", x=1, y=1)
        field.insert("insert", text)
        assert len(content(field).encode()) <= most
    empty(field)


@on_stage()
async def test_no_field_of_the_window_takes_more_than_it_lays_out(stage: Stage) -> None:
    alice = stage.open()
    await alice.sees("Choose a nickname")
    window = alice.app.window
    left = {f for f in fields(alice.root) if f is not window.help.text}
    assert all(isinstance(field, (LineField, TextField)) for field in left)

    async def try_those_in_sight() -> None:
        for field in [field for field in left if field.winfo_viewable()]:
            await alice.focus(field)
            paste_much(alice, field)
            left.remove(field)

    async def try_in_the_account_page() -> None:
        page = window.account
        page.toggle()
        await alice.sees("Register alice")
        await try_those_in_sight()
        for section in (page.password, page.deletion):  # which a guest is not offered
            page.registration.pack_forget()
            section.pack()
            await alice.sees(str(section.text.cget("text")))
            await try_those_in_sight()
            section.pack_forget()
        page.close()

    await try_those_in_sight()
    await alice.click("Add")
    await alice.sees("Add a server")
    await try_those_in_sight()
    await alice.click("Cancel")
    await alice.sees("Choose a nickname")
    await alice.click("Register")
    await alice.sees("Choose a password")
    await try_those_in_sight()
    await alice.click("Go on as a guest")
    window.sign_in.entry.delete(0, "end")
    alice.write("alice\n")
    await alice.sees("1 member")
    await try_in_the_account_page()
    window.chat.search_for("")
    await try_those_in_sight()
    window.actions["join"]()
    await alice.sees("Join a room")
    await try_those_in_sight()
    assert not left


@pytest.mark.parametrize("kind", MUCH)
def test_what_does_not_fit_into_a_message_is_saved_to_a_file(
    kind: str, tmp_path: Path, display: str
) -> None:
    text = MUCH[kind]

    async def act(stage: Stage) -> None:
        alice = await stage.one()
        alice.write("Look: ")
        copy(alice, text)
        await type_and_stop(alice, "<<Paste>>")
        kept = alice.typed.removeprefix("Look: ")
        assert text.startswith(kept)
        assert wire.MAX_TEXT_BYTES - 32 < len(alice.typed.encode()) <= wire.MAX_TEXT_BYTES
        await alice.sees(OVERFLOW)
        await alice.click("Save the rest as a file")
        await alice.sees(f"Saved as {saved()}")
        assert kept + text_of(saved()) == text
        await alice.click("Close")
        await alice.sees_that(lambda: "Saved" not in alice.screen, "the end of it")

    on_stage()(act)(tmp_path, display)


@on_stage()
async def test_what_was_cut_is_not_sent_before_that_is_told(stage: Stage) -> None:
    bob, alice = await stage.two()
    alice.write("x" * 5000 + "\n")
    await alice.sees(f"904 {OVERFLOW}", "Press Return again")
    assert alice.typed == "x" * 4096
    alice.write("\n")
    assert (await hear(bob, "x" * 4096)).sender == "alice"
    await alice.sees(f"904 {OVERFLOW}")
    alice.write("and more\n")
    await hear(bob, "and more")
    await alice.click("Drop the rest")
    await alice.sees_that(lambda: OVERFLOW not in alice.screen, "the end of it")


@on_stage()
async def test_a_paste_that_was_cut_is_undone_and_done_again(stage: Stage) -> None:
    alice = await stage.one()
    await alice.focus()
    alice.write("before")
    copy(alice, "y" * 10_000)
    alice.press("<Control-slash>", "<<Paste>>")
    await alice.sees(f"5,904 {OVERFLOW}")
    assert alice.typed == "y" * 4096
    await alice.click("Undo")
    await alice.sees_that(lambda: OVERFLOW not in alice.screen, "the end of it")
    assert alice.typed == "before", "what was replaced is back as well"
    alice.press("<<Redo>>")
    await alice.sees(f"5,904 {OVERFLOW}")
    alice.press("<<Undo>>")
    await alice.sees_that(lambda: OVERFLOW not in alice.screen, "the end of it")
    alice.write(" and after")
    assert alice.typed == "before and after"


@on_stage()
async def test_what_is_written_on_where_nothing_fits_is_kept(stage: Stage) -> None:
    alice, window = await stage.at_the_keys()
    alice.write("x" * 4094)
    await window.type("abcde")
    await alice.sees(f"3 {OVERFLOW}")
    assert alice.typed == "x" * 4094 + "ab"
    copy(alice, "pasted")
    for _ in range(3):
        await window.press("ctrl+v")
    await alice.sees(f"21 {OVERFLOW}")
    assert not alice.buttons("Undo"), "nothing of it is in the field"
    await alice.click("Save the rest as a file")
    await alice.sees("Saved as")
    assert text_of(saved()) == "cde" + 3 * "pasted"
    await window.type("f")
    await alice.sees(f"1 {OVERFLOW}")
    await alice.click("Save the rest as a file")
    await alice.sees("unsent-2.txt")
    assert text_of(saved("unsent-2.txt")) == "f"


@on_stage()
async def test_what_cannot_be_saved_stays(stage: Stage) -> None:
    Path.write_text(saved().parent, "a file where the folder should be")
    alice = await stage.one()
    alice.write("x" * 5000)
    await alice.click("Save the rest as a file")
    await alice.sees("The rest could not be saved:")
    Path.unlink(saved().parent)
    await alice.click("Save the rest as a file")
    await alice.sees("Saved as")
    assert text_of(saved()) == "x" * 904


@on_stage()
async def test_what_did_not_fit_belongs_to_its_conversation(stage: Stage) -> None:
    alice = await stage.one()
    alice.write("x" * 5000)
    await alice.sees(f"904 {OVERFLOW}")
    alice.app.join_room("ops")
    await alice.sees("#ops")
    await alice.sees_that(lambda: OVERFLOW not in alice.screen, "the end of it")
    alice.app.join_room("lobby")
    await alice.sees(f"904 {OVERFLOW}")
    assert alice.typed == "x" * 4096


@on_stage()
async def test_a_field_of_one_line_says_what_it_took(stage: Stage) -> None:
    alice = stage.open()
    await alice.sees("Choose a nickname")
    await alice.focus()
    copy(alice, "n" * MEGABYTE)
    await type_and_stop(alice, "<<Paste>>")
    await alice.sees("Too long: only 512 of 1,000,000 characters were taken.")
    assert alice.typed == "n" * 512
    alice.press("<Key-BackSpace>")
    await alice.sees_that(lambda: "Too long" not in alice.screen, "the end of it")


@on_stage()
async def test_what_comes_by_the_mouse_is_searched_for_at_once(stage: Stage) -> None:
    alice = await stage.one()
    alice.app.window.chat.search_for("")
    await alice.focus(alice.app.window.chat.search.entry)
    mark(alice, "nobody said this")
    alice.app.window.chat.search.entry.event_generate("<<PasteSelection>>", x=1, y=1)
    await alice.sees("Not found")


@on_stage()
async def test_all_that_is_offered_is_in_sight_where_there_is_little_room(stage: Stage) -> None:
    alice = await stage.one()
    alice.write("x" * 5000)
    await alice.sees(OVERFLOW)
    alice.root.geometry("800x600")
    await alice.sees_that(lambda: alice.root.winfo_width() == 800, "a small window")
    for _ in range(6):
        alice.press("<Control-plus>")
    await alice.sees_that(lambda: not alice.cut_off, "room for everything")
    alice.press("<Return>")
    await alice.sees("Press Return again")
    assert alice.buttons("Drop the rest")
    assert not alice.cut_off


@on_stage()
async def test_what_is_remembered_is_not_trusted(stage: Stage) -> None:
    saved = SavedServer("s" * MEGABYTE, ("ws://" + "h" * MEGABYTE,))
    stage.settings.change(nick="n" * MEGABYTE, servers=(saved,), server=saved.name)
    alice = stage.open()
    await alice.sees("Choose a nickname", "n" * MOST_LINE_BYTES)
    alice.app.window.sign_in.form.ask((saved,), saved)
    alice.root.update_idletasks()
    assert max(map(len, alice.texts)) <= MOST_BYTES + 1


def message(number: int, text: str, **other: object) -> Frame:
    return {
        "type": "message", "room": "lobby", "from": "bob", "at": 1_800_000_000_000 + number,
        "seq": number, "id": f"m{number}", "text": text, **other,
    }  # fmt: skip


@on_stage(nodes=0)
async def test_no_more_of_what_a_node_says_is_laid_out_than_nodes_say(stage: Stage) -> None:
    long = "w" * MEGABYTE
    async with fake_node(members=("alice", long)) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("1 member")
        await node.tell(message(1, long))
        await node.tell(message(2, "hi", **{"from": long}))
        await node.tell(message(3, "line\n" * 100_000))
        await node.tell({"type": "notice", "code": "unheard_of", "message": long, "room": "lobby"})
        await node.tell({"type": "typing", "room": "lobby", "nick": long})
        await node.tell(message(4, "the last one"))
        await alice.sees("the last one")
        alice.app.talk_to(long)
        await alice.sees("@" if "@" in alice.screen else "www")
        assert len("".join(alice.lines)) <= 2 * wire.MAX_TEXT_BYTES + 2_000
        assert max(map(len, alice.texts)) < 12_000
        alice.write("/" + "x" * 4000 + "\n")
        await alice.sees("There is no command /xxx")
        assert max(map(len, alice.texts)) < 12_000


@on_stage(nodes=0)
async def test_a_page_of_the_longest_messages_is_drawn_in_parts(stage: Stage) -> None:
    burst = tuple(message(number, f"{number}\n" + "a\n" * 2000) for number in range(1, 201))
    async with fake_node(*burst) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees_that(lambda: "200" in alice.lines, "the last message")
        alice.app.join_room("ops")
        await alice.sees("#ops")
        alice.app.join_room("lobby")
        await alice.sees_that(lambda: "200" in alice.lines, "the last message again")
        assert len(alice.lines) < 60_000
        alice.messages.yview_moveto(0.0)
        await alice.sees_that(lambda: "170" in alice.lines, "older ones")
