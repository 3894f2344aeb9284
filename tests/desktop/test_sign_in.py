"""The servers on the page that asks for a nickname, and what of it is remembered."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from client.desktop.settings.preferences import Preferences
from client.desktop.settings.servers import SavedServer
from client.desktop.theme.palette import PALETTES
from tests.backplane.tls import Identity, tls_port
from tests.desktop.stage import Person, Stage, on_stage
from tests.ports import HOST

HOME = SavedServer("Home", ("ws://127.0.0.1:1/ws",), rooms=("tea",))


def type_addresses(person: Person, text: str) -> None:
    addresses = person.only(tk.Text)
    addresses.delete("1.0", "end")
    addresses.insert("1.0", text)


@on_stage(nodes=2)
async def test_a_server_is_added_chosen_and_remembered(stage: Stage) -> None:
    stage.settings.change(servers=(HOME,))
    person = stage.open()
    await person.sees("Home", "ws://127.0.0.1:1/ws")
    await person.click("Add")
    await person.sees("Add a server", "One a line")
    type_addresses(person, "ftp://wrong")
    await person.click("Save")
    await person.sees("'ftp://wrong' is no address of a server")
    first, second = (url.removeprefix("ws://").removesuffix("/ws") for url in stage.cluster.urls)
    type_addresses(person, f"{first}\n{second}\n")
    person.field.insert(0, "Office")
    await person.click("Save")
    await person.sees("Choose a nickname", "Office", f"{first} and 1 more")
    person.write("alice\n")
    await person.sees("Connected to", "1 member")
    left = stage.settings.preferences
    assert left.servers == (
        HOME,
        SavedServer("Office", (first, second), rooms=("lobby",)),
    )
    assert (left.nick, left.last_server.name) == ("alice", "Office")


@on_stage()
async def test_a_host_that_speaks_tls_is_remembered(stage: Stage) -> None:
    [node] = stage.cluster.nodes
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        identity = Identity(Path(folder))
        patch.setenv("SSL_CERT_FILE", str(identity.authority))
        async with tls_port(identity, partial(trio.open_tcp_stream, HOST, node.port)) as port:
            stage.settings.change(servers=(SavedServer("Home", (f"{HOST}:{port}",)),))
            person = stage.open()
            await person.sees("Come in")
            person.write("alice\n")
            await person.sees("Connected to", "1 member")
            assert stage.settings.preferences.tls_hosts == {HOST}


@on_stage(nodes=0)
async def test_all_of_it_is_in_sight_in_the_smallest_window_with_large_text(stage: Stage) -> None:
    stage.settings.change(geometry="800x600+0+0")
    person = stage.open()
    await person.sees("Come in")
    stage.theme.resize(2 * stage.theme.usual_size)
    page = person.app.window.sign_in

    def is_in_sight() -> bool:
        bottom = page.submit.winfo_rooty() + page.submit.winfo_height()
        return page.card.winfo_y() >= 0 and bottom <= person.root.winfo_rooty() + 600

    await person.sees_that(
        lambda: page.submit.winfo_height() > 40 and is_in_sight(), "all of the page"
    )


@on_stage()
async def test_escape_gives_up_the_attempt_to_come_in(stage: Stage) -> None:
    stage.cluster.nodes[0].pause()
    person = stage.open()
    await person.sees("Choose a nickname")
    await person.focus()
    person.write("alice\n")
    await person.sees("Coming in as alice")
    person.press("<Escape>")
    await person.sees_that(lambda: "Coming in" not in person.screen, "the end of it")
    stage.cluster.nodes[0].resume()


@on_stage(nodes=0)
async def test_the_last_visit_is_there_again(stage: Stage) -> None:
    office = SavedServer("Office", tuple(f"ws://node{n}/ws" for n in range(5)))
    stage.settings.change(servers=(HOME, office), server="Office", nick="alice")
    stage.settings.problem = "The preferences cannot be written: no room"
    person = stage.open()
    await person.sees("Home", "Office", "ws://node0/ws and 4 more", "no room")
    assert "ws://127.0.0.1:1" not in person.screen, "the last one is chosen"
    assert person.typed == "alice"


@on_stage(nodes=0)
async def test_a_server_is_changed_or_removed_but_not_the_only_one(stage: Stage) -> None:
    stage.settings.change(servers=(HOME, SavedServer("Office", ("ws://b/ws",))), server="Home")
    person = stage.open()
    await person.sees("Home")
    await person.click("Edit")
    await person.sees("Edit this server", "ws://127.0.0.1:1/ws", "Remove")
    person.field.delete(0, "end")
    person.field.insert(0, "Office")
    type_addresses(person, "wss://home.example/ws")
    await person.focus()
    person.field.event_generate("<Return>")
    await person.sees("Office (2)", "wss://home.example/ws")
    changed = SavedServer("Office (2)", ("wss://home.example/ws",), rooms=("tea",))
    assert stage.settings.preferences.servers[0] == changed
    await person.click("Edit")
    await person.sees("Remove")
    await person.click("Remove")
    await person.sees("Choose a nickname", "ws://b/ws")
    assert [server.name for server in stage.settings.preferences.servers] == ["Office"]
    await person.click("Edit")
    await person.sees("Edit this server")
    assert "Remove" not in person.screen
    person.field.insert("end", " of old")
    await person.focus()
    person.press("<Escape>")
    await person.sees("Choose a nickname")
    assert [server.name for server in stage.settings.preferences.servers] == ["Office"]


@on_stage()
async def test_another_server_is_chosen_by_keys_alone(stage: Stage) -> None:
    here = SavedServer("Here", tuple(stage.cluster.urls))
    stage.settings.change(servers=(HOME, here), server="Home", nick="alice")
    person = stage.open()
    await person.sees("ws://127.0.0.1:1/ws")
    servers = person.app.window.sign_in.servers.rows.canvas
    await person.focus(servers)
    servers.event_generate("<Down>")
    await person.sees(stage.cluster.urls[0])
    servers.event_generate("<Return>")
    await person.sees("Connected to")
    assert stage.settings.preferences.server == "Here"


@on_stage()
async def test_looks_change_by_keys_and_are_remembered(stage: Stage) -> None:
    person = stage.open(nick="alice")
    await person.sees("Connected to")
    await person.focus()
    height = person.field.winfo_reqheight()
    for _ in range(5):
        person.field.event_generate("<Control-plus>")
    await person.sees_that(lambda: person.field.winfo_reqheight() > height, "a larger field")
    person.field.event_generate("<Control-minus>")
    person.field.event_generate("<Control-t>")
    dark = PALETTES["dark"].background
    await person.sees_that(lambda: person.messages.cget("background") == dark, "the dark")
    assert stage.settings.preferences.look == "dark"
    assert stage.settings.preferences.font_size == stage.theme.usual_size + 4
    person.field.event_generate("<Control-Key-0>")
    await person.sees_that(lambda: person.field.winfo_reqheight() == height, "the usual size")
    assert stage.settings.preferences.font_size is None


@on_stage(nodes=0)
async def test_the_window_is_where_it_was(stage: Stage) -> None:
    stage.settings.change(geometry="900x620+40+30")
    person = stage.open()
    await person.sees_that(lambda: person.root.geometry() == "900x620+40+30", "the old place")
    person.root.geometry("880x610+10+20")
    await person.sees_that(
        lambda: stage.settings.preferences.geometry == "880x610+10+20", "the new place"
    )


@on_stage(nodes=0)
async def test_a_window_whose_screen_is_gone_is_in_sight(stage: Stage) -> None:
    stage.settings.change(geometry="900x620+5000+30")
    person = stage.open()
    await person.sees_that(lambda: person.root.geometry().startswith("900x620+"), "the old size")
    assert 0 <= person.root.winfo_x() < person.root.winfo_screenwidth()


def test_the_usual_preferences_have_a_server_to_go_to() -> None:
    assert Preferences().last_server.urls == ("ws://127.0.0.1:8765/ws",)
    assert Preferences(servers=(HOME,), server="gone").last_server is HOME
