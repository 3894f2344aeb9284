"""What the server tells is said in the client's own words, and so in any language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from client.i18n.server_texts import (
    CLOSINGS,
    NOTICES,
    REASONS,
    REFUSALS,
    ROOM_NOTICES,
    in_own_words,
    why_closed,
)
from client.i18n.texts import speak
from gateway import wire
from gateway.wire import close_codes

GATEWAY = Path(__file__).parents[4] / "gateway"
PROTOCOL = (GATEWAY / "PROTOCOL.md").read_text("utf-8")


def section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PROTOCOL, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def codes_raised() -> Iterator[str]:
    """Every code with which the gateway refuses."""
    for path in GATEWAY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                refuses = node.func.id in {"CommandError", "RefusedFrame"}
                if refuses and isinstance(first, ast.Constant):
                    yield str(first.value)


def test_every_refusal_has_a_text() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Errors"), re.MULTILINE)
    documented = set(rows) - {"code"}  # which heads the column
    assert documented == set(codes_raised())
    assert documented == REFUSALS.keys()


def test_every_closing_has_a_text() -> None:
    documented = set(map(int, re.findall(r"^\| (\d{4}) \|", section("Close codes"), re.MULTILINE)))
    assert documented
    assert documented | {why.code for why in close_codes.ALL} <= CLOSINGS.keys()


def test_every_notice_has_a_text() -> None:
    paragraph = re.search(r"\*\*Notices\.\*\*(.*?)\n\n", PROTOCOL, re.DOTALL)
    assert paragraph is not None
    items = re.findall(r"^- (`[^:]*`):", paragraph[1], re.MULTILINE)
    documented = {code for item in items for code in re.findall(r"`(\w+)`", item)}
    assert documented
    assert documented == NOTICES.keys() | ROOM_NOTICES.keys()


def test_every_word_for_a_reason_has_a_text() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", section("Errors"), re.MULTILINE)
    for code in ("bad_password", "bad_token", "bad_invite"):
        meaning = dict(rows)[code].split("`reason` says")[0]
        words = set(re.findall(r"`(\w+)`", meaning))
        assert words == {reason for of, reason in REASONS if of == code}
        assert words


@pytest.fixture
def in_german() -> Iterator[None]:
    speak(["de"])
    yield
    speak([])


def error(
    code: str,
    *,
    suggestion: str | None = None,
    reason: str | None = None,
    retry_after: float | None = None,
) -> wire.Error:
    message = "So the server says."
    return wire.Error(
        code=code, message=message, suggestion=suggestion, reason=reason, retry_after=retry_after
    )


@pytest.mark.parametrize(
    ("event", "command", "text"),
    [
        (
            error("nick_taken", suggestion="bob_"), wire.Nick(nick="bob"),
            "Der Name bob ist vergeben; bob_ ist frei.",
        ),
        (error("nick_taken"), wire.Hello(nick="{bob}"), "Der Name {bob} ist vergeben."),
        (
            error("not_in_room"), wire.Send(id="1", room="ops", text="hi"),
            "Du bist nicht im Raum ops; tritt ihm zuerst bei.",
        ),
        (
            error("room_looks_alike", suggestion="Küche"), wire.Join(room="Kuche"),
            (
                "Der Name Kuche sieht aus wie der eines anderen Raums, Küche; tritt diesem bei "
                "oder wähle einen anderen Namen."
            ),
        ),
        (
            error("no_such_nick"), wire.SendDirect(id="1", to="bob", text="hi"),
            "Niemand hier hei\u00dft bob.",
        ),
        (
            error("too_long"), wire.SetStatus(state="away", text="\u2026"),
            "Der Text ist l\u00e4nger als 128 Bytes.",
        ),
        (
            error("bad_frame"), wire.Ping(),
            "Der Server versteht dieses Programm nicht: So the server says.",
        ),
        (error("too_fast"), None, "Du sendest zu schnell."),
        (
            error("too_fast", retry_after=2.4), wire.Register(id="1", nick="bob", password=""),
            "Das wurde zu oft versucht; in 3 s geht es wieder.",
        ),
        (
            error("too_fast", retry_after=2.4), wire.Ping(), "Du sendest zu schnell.",
        ),
        (
            error("nick_taken", reason="registered", suggestion="bob_"), wire.Hello(nick="bob"),
            "Der Name bob gehört zu einem Konto; bob_ ist frei.",
        ),
        (
            error("bad_password", reason="short"), None, "Dieses Passwort ist zu kurz.",
        ),
        (
            error("bad_password", reason="purple"), None,
            "Dieses Passwort geht nicht: So the server says.",
        ),
        (
            error("weak_password", reason="top_10"), None,
            "Das ist eins der zehn häufigsten Passwörter.",
        ),
        (
            error("guests_off", suggestion="guest-bob"), wire.Hello(nick="bob"),
            "Gäste brauchen hier einen anderen Namen, zum Beispiel guest-bob.",
        ),
        (
            error("bad_credentials"), wire.Hello(nick="bob"),
            "Es gibt kein Konto mit dem Namen bob und diesem Passwort.",
        ),
        (
            error("bad_credentials"), wire.DeleteAccount(password=""),
            "Dieses Passwort ist falsch.",
        ),
        (
            error("no_such_nick"), wire.MarkRead(with_="bob", seq=1),
            "Niemand hier hei\u00dft bob.",
        ),
        (
            error("guests_off"), wire.Hello(nick="bob"),
            "Ohne Konto kommt man hier nicht hinein.",
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("in_german")
def test_a_refusal_is_told_with_what_it_is_about(
    event: wire.Error, command: wire.Command | None, text: str
) -> None:
    told = in_own_words(event, command)
    assert (told.message, told.code, told.suggestion) == (text, event.code, event.suggestion)


@pytest.mark.usefixtures("in_german")
def test_notices_and_closings_are_told_too() -> None:
    gap = wire.Notice(code="history_gap", message="A gap.")
    assert in_own_words(gap).message == "Vielleicht fehlen direkte Nachrichten."
    gap = wire.Notice(code="history_gap", message="A gap.", room="lobby", epoch="e", seq=3)
    told = in_own_words(gap)
    assert told.message == "Hier fehlen vielleicht Nachrichten."
    assert (told.room, told.epoch, told.seq) == ("lobby", "e", 3)
    assert why_closed(4501, "yours no more") == "dein Name geh\u00f6rt jetzt jemand anderem"
    assert why_closed(3999) == "geschlossen mit Code 3999"


@pytest.mark.parametrize(
    ("reason", "until", "text"),
    [
        ("Werbung", None, "ein Betreiber hat dich gesperrt: Werbung"),
        (None, None, "ein Betreiber hat dich gesperrt"),
        ("{until}", None, "ein Betreiber hat dich gesperrt: {until}"),
        ("Werbung", 10**18, "ein Betreiber hat dich gesperrt: Werbung"),
        ("Werbung", -(2**62), "ein Betreiber hat dich gesperrt: Werbung"),
    ],
)
@pytest.mark.usefixtures("in_german")
def test_a_ban_is_told_with_its_reason(reason: str | None, until: int | None, text: str) -> None:
    banned = wire.Notice(code="banned", message="You are banned.", reason=reason, until=until)
    assert in_own_words(banned).message == text


@pytest.mark.usefixtures("in_german")
def test_the_end_of_a_ban_is_told_in_local_time() -> None:
    time = datetime(2027, 1, 31, 18, 5).astimezone()
    refused = wire.Error(
        code="nick_banned", message="", reason="Werbung", until=round(time.timestamp() * 1000)
    )
    assert in_own_words(refused, wire.Hello(nick="bob")).message == (
        "Der Name bob ist bis Sonntag, 31. Januar 2027, 18:05 Uhr gesperrt: Werbung"
    )


@pytest.mark.usefixtures("in_german")
def test_an_announcement_is_told_in_the_operators_words() -> None:
    told = in_own_words(wire.Notice(code="announcement", message="At {noon}"))
    assert told.message == "Der Betreiber des Servers teilt mit: At {noon}"


@pytest.mark.usefixtures("in_german")
def test_what_is_not_known_stays_as_the_server_says_it() -> None:
    later = wire.Notice(code="weather", message="It rains.")
    assert in_own_words(later) is later
    for unknown in (error("unheard_of"), error("not_in_room"), error("too_long")):
        assert in_own_words(unknown).message == "So the server says."
    assert why_closed(4567, "It rains.") == "It rains."
    message = wire.Message(seq=1, at=1, room="lobby", sender="bob", text="hi", id="1")
    assert in_own_words(message) is message
