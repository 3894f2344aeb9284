"""Signing in, registering and staying signed in, at a real window and real nodes."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tkinter import ttk

from client.session import ClientSession, Password, Registration, open_session
from tests.desktop.stage import Person, Stage, on_stage

PHRASE = "lavender tram 41 umbrella"


@asynccontextmanager
async def laptop(stage: Stage, *rooms: str) -> AsyncIterator[ClientSession]:
    """Alice's other device, where she has registered, in these rooms."""
    registration = Registration("alice", PHRASE, device="laptop")
    async with open_session([stage.cluster.urls[0]], registration) as session:
        for room in rooms:
            await session.join(room)
        yield session


async def fill_in(person: Person, mode: str, nick: str, password: str) -> None:
    """Write a nickname and a password into the first page."""
    await person.sees("Choose a nickname", mode)
    page = person.app.window.sign_in
    page.entry.delete(0, "end")
    page.entry.insert(0, nick)
    await person.click(mode)
    await person.sees("Stay signed in")
    page.fields.password.entry.insert(0, password)


async def sign_in(stage: Stage, nick: str = "alice", typed: str = PHRASE) -> Person:
    """Have somebody sign in at the window."""
    person = stage.open()
    await fill_in(person, "I have an account", nick, typed)
    await person.click("Sign in")
    return person


def kept(stage: Stage) -> list[dict[str, object]]:
    """What is in the file about who is signed in."""
    path = stage.settings.folder / "accounts.json"
    found: list[dict[str, object]] = json.loads(path.read_text()) if path.exists() else []
    return found


@on_stage()
async def test_somebody_registers_and_stays_signed_in(stage: Stage) -> None:
    person = stage.open()
    await fill_in(person, "Register", "alice", "alice2024")
    page = person.app.window.sign_in
    page.fields.password.entry.event_generate("<KeyRelease>")
    await person.sees("3 more characters are needed.", "It is made of your nickname.")
    await person.sees("This system has no keyring: a file that only you can read keeps it.")
    page.fields.password.clear()
    page.fields.password.entry.insert(0, PHRASE)
    await person.click("Make the account")
    await person.sees("Connected to", "1 member")
    assert person.app.window.chat.members.rows.row(0).registered
    await person.sees_that(lambda: bool(kept(stage)), "the token in the file")
    [entry] = kept(stage)
    assert (entry["nick"], bool(entry["token"])) == ("alice", True)
    path = stage.settings.folder / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert page.fields.password.value == "", "nobody finds the password later"


@on_stage()
async def test_a_device_that_is_signed_in_comes_in_by_itself(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await person.sees("Connected to", "1 member")
        await person.sees_that(lambda: bool(kept(stage)), "the token in the file")
        devices = await alice.account.devices()
        again = stage.open()  # as at the next start of the program
        await again.sees("Connected to", "tea")
        assert len(await alice.account.devices()) == len(devices), "it is the same device"


@on_stage()
async def test_whoever_does_not_want_to_stay_signed_in_leaves_no_token(stage: Stage) -> None:
    async with laptop(stage, "tea"):
        person = stage.open()
        await fill_in(person, "I have an account", "alice", PHRASE)
        await person.click(" Stay signed in")
        await person.click("Sign in")
        await person.sees("Connected to", "tea")
        assert kept(stage) == []


@on_stage()
async def test_a_wrong_password_is_told_at_the_password(stage: Stage) -> None:
    async with laptop(stage):
        person = await sign_in(stage, typed="not the right one")
        await person.sees("No account has the nickname alice and this password.")
        page = person.app.window.sign_in
        problem, password = page.problem, page.fields.password
        assert 0 < problem.winfo_rooty() - password.winfo_rooty() < 2 * password.winfo_height()
        await person.sees_that(lambda: person.root.focus_lastfor() is password.entry, "the focus")
        assert page.entry.get() == "alice"
        password.clear()
        password.entry.insert(0, PHRASE)
        await person.focus(password.entry)
        person.press("<Return>")
        await person.sees("Connected to")


@on_stage()
async def test_a_guest_who_takes_the_nickname_of_an_account_may_sign_in(stage: Stage) -> None:
    async with laptop(stage, "tea"):
        person = stage.open()
        await person.sees("Choose a nickname")
        person.write("Alice\n")
        await person.sees("belongs to an account", "Sign in as Alice", "Use Alice_")
        await person.click("Sign in as Alice")
        await person.sees("Password", "Stay signed in")
        person.app.window.sign_in.fields.password.entry.insert(0, PHRASE)
        await person.click("Sign in")
        await person.sees("Connected to", "alice (you)")


@on_stage(registration="invite")
async def test_an_invitation_that_is_wrong_is_told_at_its_field(stage: Stage) -> None:
    person = stage.open()
    await fill_in(person, "Register", "alice", PHRASE)
    page = person.app.window.sign_in
    page.fields.invite.insert(0, "not-a-code")
    await person.click("Make the account")
    await person.sees("The server does not know this invitation.")
    assert page.problem.winfo_rooty() > page.fields.invite.winfo_rooty()
    await person.sees_that(lambda: person.root.focus_lastfor() is page.fields.invite, "the focus")


@on_stage(guests=False)
async def test_where_there_are_no_guests_the_password_is_asked_for(stage: Stage) -> None:
    person = stage.open()
    await person.sees("Choose a nickname")
    person.write("alice\n")
    await person.sees("Without an account nobody is let in here.", "Password", "Sign in")


@on_stage()
async def test_after_wrong_passwords_one_sees_how_long_to_wait(stage: Stage) -> None:
    async with laptop(stage):
        person = await sign_in(stage, typed="wrong one")
        page = person.app.window.sign_in

        def is_to_wait() -> bool:
            if "It can be tried again in" in person.screen:
                return True
            if not page.submit.instate(["disabled"]):
                page.submit.invoke()
            return False

        await person.sees_that(is_to_wait, "a wait")
        assert page.submit.instate(["disabled"])


@on_stage()
async def test_all_fields_are_reached_by_keys_in_a_small_window_with_large_text(
    stage: Stage,
) -> None:
    stage.settings.change(geometry="800x600+0+0")
    person = stage.open()
    await fill_in(person, "Register", "alice", "")
    stage.theme.resize(2 * stage.theme.usual_size)
    page = person.app.window.sign_in
    for widget in (page.entry, page.fields.invite, page.fields.stays, page.submit):
        await person.focus(widget)

        def is_in_sight(widget: ttk.Widget = widget) -> bool:
            top = widget.winfo_rooty() - person.root.winfo_rooty()
            return top >= 0 and top + widget.winfo_height() <= person.root.winfo_height()

        await person.sees_that(is_in_sight, f"{widget} in sight")


@on_stage()
async def test_signed_out_elsewhere_one_loses_nothing_typed(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await person.sees("Connected to", "1 member")
        person.write("half a sen")
        await alice.account.revoke_others()
        await person.sees("You were signed out: this device was signed out", "Sign in")
        page = person.app.window.sign_in
        assert page.entry.get() == "alice"
        await person.sees_that(lambda: kept(stage) == [], "no token any more")
        page.fields.password.entry.insert(0, PHRASE)
        await person.click("Sign in")
        await person.sees("Connected to", "half a sen")
        person.write("tence\n")
        await person.sees_that(lambda: "half a sentence" in person.lines, "the message")


@on_stage()
async def test_an_account_that_was_deleted_elsewhere_is_said_to_be(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        person = await sign_in(stage)
        await person.sees("Connected to", "1 member")
        await alice.account.delete(PHRASE)
        await person.sees("You were signed out: your account was deleted")


@on_stage()
async def test_a_token_that_was_revoked_meanwhile_leads_to_the_password(stage: Stage) -> None:
    async with laptop(stage, "tea") as alice:
        tokens: list[str | None] = []

        async def note(token: str | None) -> None:
            tokens.append(token)

        async with open_session(
            [stage.cluster.urls[0]], Password("alice", PHRASE, "desk"), on_token=note
        ):
            pass
        await alice.account.revoke_others()
        path = stage.settings.folder / "accounts.json"
        entry = {"nick": "alice", "urls": stage.cluster.urls[:1], "key": "k", "token": tokens[0]}
        path.write_text(json.dumps([entry]))
        stage.settings.change(nick="alice")
        person = stage.open()
        await person.sees("This device was signed out.", "Password", "Sign in")
        assert kept(stage) == []
