"""No text in the window escapes translation: in a language in which all of it is in brackets."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable, Iterator

import pytest

from client.i18n import texts
from client.i18n.texts import speak
from tests.desktop.stage import Person, Stage, on_stage

TRANSLATED = re.compile("\u27e6[^\u27e6\u27e7]*(?:\u27e7|\u2026$)", re.MULTILINE)
COMMAND = re.compile(r"(?<!\S)/[a-z]+")


class Brackets(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"\u27e6{message}\u27e7"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def in_brackets() -> Iterator[None]:
    texts.use(Brackets())
    yield
    texts.use(gettext.NullTranslations())


def escaped(shown: Iterable[str], *data: str) -> list[str]:
    """What has words in it that were not translated, and are no data."""
    left = []
    for text in shown:
        rest = text
        for known in data:
            rest = rest.replace(known, "")
        while TRANSLATED.search(rest):
            rest = TRANSLATED.sub("", rest)
        if re.search(r"[^\W\d_]{2}", COMMAND.sub("", rest)):
            left.append(text)
    return left


def in_menu(person: Person) -> list[str]:
    menu = person.app.window.chat.sidebar.me.menu
    last = menu.index("end")
    assert last is not None
    kinds = ((place, menu.type(place)) for place in range(last + 1))
    return [menu.entrycget(place, "label") for place, kind in kinds if kind != "separator"]


class Reader:
    """Somebody at the window who understands data, and brackets."""

    def __init__(self, person: Person, *data: str) -> None:
        self.person = person
        self.data = data

    async def sees(self, *seen: str) -> None:
        """Wait until this is in sight; then nothing there is without translation."""
        await self.person.sees(*seen)
        assert escaped(self.person.texts, *self.data) == []


@on_stage()
async def look_at_everything(stage: Stage) -> None:
    name = str((await stage.cluster.nodes[0].logged("listening"))["node"])
    bob = await stage.peer("bob", room="42")
    await bob.send("42", "1 2 3")
    person = stage.open(nick="bob", room="42")
    reader = Reader(person, name, *stage.cluster.urls, "bob_", "bob", "127.0.0.1", "Here", "lobby")
    await reader.sees("\u27e6The nickname bob is taken; bob_ is free.\u27e7")
    await person.click("\u27e6Add\u27e7")
    await person.sees("\u27e6Addresses\u27e7")
    await person.click("\u27e6Save\u27e7")
    await reader.sees("\u27e6A server needs")
    await person.click("\u27e6Cancel\u27e7")
    await person.sees("\u27e6Use")
    await person.click("\u27e6Use bob_\u27e7")
    await reader.sees("\u27e6Connected to", "1 2 3")
    await bob.typing(room="42")
    await bob.leave("42")
    await bob.direct("bob_", "4 5 6")
    await look_at_the_conversation(reader)
    await stage.cluster.nodes[0].kill()
    person.write("7 8 9\n")
    await reader.sees("\u27e6waiting", "\u27e6Not connected", "\u27e6Now\u27e7")


async def look_at_the_conversation(reader: Reader) -> None:
    person = reader.person
    await reader.sees("\u27e6bob left\u27e7", "\u27e6People\u27e7".upper())
    assert escaped([*in_menu(person), person.root.title()], *reader.data) == []
    await person.focus()
    person.write("/")
    await reader.sees("/join")
    person.press("<Escape>")
    person.field.delete("1.0", "end")
    for action, seen in (
        ("help", "\u27e6Keys and commands"), ("join", "\u27e6Join a room"),
        ("switch", "\u27e6Go to a conversation"),
    ):  # fmt: skip
        person.app.window.actions[action]()
        await reader.sees(seen)
        person.press("<Escape>")
    person.app.window.actions["mute"]()
    await person.sees("\u27e6Muted")
    person.write("/fly\n")
    await reader.sees("\u27e6There is no command")
    person.field.delete("1.0", "end")
    person.write("/search 1 2\n")
    await reader.sees("\u27e61 of 1\u27e7")
    person.press("<Escape>")


@pytest.mark.usefixtures("in_brackets")
def test_no_text_in_the_window_escapes_translation(tmp_path: object, display: str) -> None:
    look_at_everything(tmp_path, display)


def test_what_is_not_translated_is_found() -> None:
    shown = ["\u27e6Come in\u27e7", "Leave bob", "\u27e6a \u27e6b\u27e7 c\u27e7, /join", "bob"]
    assert escaped(shown, "bob") == ["Leave bob"]


@on_stage()
async def in_german(stage: Stage) -> None:
    person = stage.open(nick="anna")
    await person.sees("Verbunden mit", "1 Mitglied", "anna (du)", "Nachricht an #lobby")
    person.app.window.actions["help"]()
    await person.sees("Strg+K", "Zu einem Gespr\u00e4ch gehen")
    person.press("<Escape>")
    await person.focus()
    person.write("/msg bob hallo\n")
    await person.sees("Nicht gesendet: Niemand hier hei\u00dft bob.")


def test_the_window_speaks_german(tmp_path: object, display: str) -> None:
    speak(["de"])
    try:
        in_german(tmp_path, display)
    finally:
        speak([])
