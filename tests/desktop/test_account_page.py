"""The page Account, and what other devices do, at a real window and real nodes."""

from __future__ import annotations

from client.desktop.settings.servers import SavedServer
from client.session import Password, open_session
from gateway import wire
from tests.desktop.ears import hear_event
from tests.desktop.stage import Person, Stage, on_stage
from tests.desktop.test_accounts import PHRASE, kept, laptop, sign_in

OTHER_PHRASE = "four owls on a wet roof"


async def open_page(person: Person, section: str) -> None:
    """Open the page at a section, by keys."""
    await person.sees("Connected to")
    await person.focus()
    person.press("<F2>")
    page = person.app.window.account
    await person.sees_that(lambda: page.is_open and bool(page.winfo_viewable()), "the page")
    rows = page.rows

    def titles() -> list[str]:
        return [rows.row(number).title for number in range(rows.count)]

    await person.sees_that(lambda: section in titles(), section)
    await person.focus(rows.canvas)
    for _ in range(titles().index(section)):
        rows.canvas.event_generate("<Down>")


@on_stage()
async def test_devices_are_listed_and_signed_out(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await open_page(person, "Devices")
        await person.sees("laptop", "used within the last two hours", "this device")
        await person.click("Sign out")
        await person.sees("laptop is signed out.")
        await person.sees_that(lambda: not alice.connected, "the other one to be signed out")
        person.press("<Escape>")
        await person.sees("#tea")


@on_stage()
async def test_all_other_devices_are_signed_out_at_once(stage: Stage) -> None:
    url = stage.cluster.urls[0]
    async with laptop(stage, "tea"), open_session([url], Password("alice", PHRASE, "phone")):
        person = await sign_in(stage)
        await open_page(person, "Devices")
        await person.sees("laptop", "phone")
        await person.click("Sign out all others")
        await person.sees("All other devices are signed out.")
        await person.sees_that(lambda: "phone" not in person.screen, "one device")


@on_stage()
async def test_the_password_is_changed(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await open_page(person, "Password")
        section = person.app.window.account.password
        section.old.entry.insert(0, "not the right one")
        section.new.entry.insert(0, OTHER_PHRASE)
        await person.click("Change the password")
        await person.sees("This password is wrong.")
        section.old.clear()
        section.old.entry.insert(0, PHRASE)
        await person.click("Change the password")
        await person.sees("The password is changed.")
        await person.sees_that(lambda: not alice.connected, "the other one to be signed out")
        async with open_session([stage.cluster.urls[0]], Password("alice", OTHER_PHRASE)) as new:
            assert new.nick == "alice"


@on_stage()
async def test_a_guest_registers_and_stays_in_the_rooms(stage: Stage) -> None:
    bob, alice = await stage.two()
    await alice.focus()
    alice.write("half a sen")
    await open_page(alice, "Register")
    await alice.sees("alice, a guest", "Register alice")
    section = alice.app.window.account.registration
    section.fields.password.entry.insert(0, PHRASE)
    await alice.click("Register alice")
    await alice.sees("The account alice", "this device")
    alice.press("<Escape>")
    await alice.sees("2 members", "half a sen")
    assert alice.app.window.chat.members.rows.row(0).registered
    await bob.send("lobby", "still there?")
    await alice.sees("still there?")
    await alice.sees_that(lambda: bool(kept(stage)), "the token to be kept")


@on_stage()
async def test_whoever_signs_out_leaves_nothing_behind(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await person.sees("Connected to", "tea")
        await open_page(person, "Sign out")
        await person.click("Sign out on this device")
        await person.sees("Password", "Sign in")
        await person.sees_that(lambda: not person.app.chat.conversations, "nothing of it")
        assert kept(stage) == []
        assert [device.name for device in await alice.account.devices()] == ["laptop"]


@on_stage()
async def test_a_guest_can_leave_for_the_first_page(stage: Stage) -> None:
    alice = await stage.one()
    await open_page(alice, "Sign out")
    await alice.click("Sign out on this device")
    await alice.sees("Choose a nickname", "I have an account")


@on_stage()
async def test_the_account_is_deleted_only_with_the_password(stage: Stage) -> None:
    async with laptop(stage, "tea"):
        person = await sign_in(stage)
        await open_page(person, "Delete the account")
        await person.sees("This cannot be taken back.")
        password = person.app.window.account.deletion.password
        password.entry.insert(0, "not the right one")
        await person.click("Delete my account")
        await person.sees("This password is wrong.")
        password.clear()
        password.entry.insert(0, PHRASE)
        await person.click("Delete my account")
        await person.sees("Sign in", "Go on as a guest")
        assert kept(stage) == []


@on_stage(nodes=2)
async def test_what_is_read_on_one_device_is_read_on_the_other(stage: Stage) -> None:
    bob = await stage.peer("bob", node=1, room="tea")
    async with laptop(stage, "tea", "lobby") as alice:
        await bob.send("tea", "hello @alice")
        await bob.send("tea", "are you there?")
        here = SavedServer("Here", tuple(stage.cluster.urls[:1]), rooms=("tea", "lobby"))
        stage.settings.change(servers=(here,), server="Here")  # the last one is shown first
        person = await sign_in(stage)
        await person.sees("Connected to", "#lobby")
        await person.sees_that(lambda: "# tea @ 2" in person.conversations, "what is unread")
        await alice.account.mark_read(2, room="tea")
        await person.sees_that(lambda: "# tea" in person.conversations, "nothing unread")
        await bob.send("tea", "third")
        await person.sees_that(lambda: "# tea 1" in person.conversations, "one unread")
        await person.focus()
        person.app.show(person.app.chat.room("tea"))
        read = await hear_event(alice, wire.ReadElsewhere)
        assert (read.room, read.seq) == ("tea", 3)


@on_stage()
async def test_one_sees_where_one_stopped_reading(stage: Stage) -> None:
    bob = await stage.peer("bob", room="tea")
    async with laptop(stage, "tea") as alice:
        for number in range(1, 5):
            await bob.send("tea", f"line {number}")
        await alice.account.mark_read(2, room="tea")
        person = await sign_in(stage)
        await person.sees("line 4", "New messages")
        mark = next(n for n, line in enumerate(person.lines) if "New messages" in line)
        assert person.lines.index("line 2") < mark < person.lines.index("line 3")


@on_stage()
async def test_conversations_are_there_on_a_new_device_with_their_messages(stage: Stage) -> None:
    bob = await stage.peer("bob")
    async with laptop(stage, "lobby") as alice:
        for number in range(150):
            await bob.direct("alice", f"message {number}")
        await alice.direct("bob", "an answer")
        person = await sign_in(stage)
        await person.sees_that(lambda: any("bob" in c for c in person.conversations), "bob")
        person.app.show(person.app.chat.directs[0])
        await person.sees("message 149", "an answer")
        assert "message 0" not in person.lines
        view = person.app.window.chat.messages

        def is_all_there() -> bool:
            view.text.yview_moveto(0.0)
            return "message 0" in person.lines

        await person.sees_that(is_all_there, "the first one, after scrolling up")


@on_stage()
async def test_rooms_follow_what_another_device_does(stage: Stage) -> None:
    async with laptop(stage, "lobby", "tea") as alice:
        person = await sign_in(stage)
        await person.sees_that(lambda: "# tea" in person.conversations, "the rooms")
        await alice.join("coffee")
        await person.sees_that(lambda: "# coffee" in person.conversations, "the new room")
        person.app.show(person.app.chat.room("lobby"))
        await alice.leave("coffee")
        await person.sees_that(lambda: "# coffee" not in person.conversations, "it to be gone")
        person.app.show(person.app.chat.room("tea"))
        await person.focus()
        person.write("half a sen")
        await alice.leave("tea")
        await person.sees("You have left this room on another device.", "half a sen")
