"""Calling for attention, with a stand-in for notify-send that writes down how it is called."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from client.desktop.control.attention import (
    MOST_PER_MINUTE,
    Notifier,
    notify,
    title_with_unread,
)
from gateway import wire
from tests.unit.client.model.chatting import NOON, direct, message, online


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "notify-send"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in may take its time."""
    monkeypatch.setattr("client.desktop.control.attention.PATIENCE_SECONDS", 30.0)


async def test_no_text_is_an_option_or_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    script = f"import json, sys; open({str(heard)!r}, 'w').write(json.dumps(sys.argv[1:]))"
    stand_in(tmp_path, monkeypatch, script)
    assert await notify("--help\n", "<b>-x</b> & \u202e" + "y" * 400)
    *options, title, body = json.loads(heard.read_text())
    assert options == ["--app-name=Chat", "--"]
    assert title == "--help\u240a"
    assert body.startswith("&lt;b&gt;-x&lt;/b&gt; &amp; \ufffdy")
    assert len(body) < 350


async def test_where_it_is_missing_or_fails_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not await notify("bob", "hello")
    stand_in(tmp_path, monkeypatch, "raise SystemExit(1)")
    assert not await notify("bob", "hello")


async def test_one_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.desktop.control.attention.PATIENCE_SECONDS", 0.3)
    stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")
    assert not await notify("bob", "hello")


def test_the_title_tells_how_much_is_unread() -> None:
    assert title_with_unread("Chat", 0) == "Chat"
    assert title_with_unread("Chat", 3) == "(3) Chat"


def test_a_call_tells_who_says_what_and_once() -> None:
    chat, calls = online(), list[tuple[str, str]]()
    muted: set[str] = set()
    caller = Notifier(lambda title, text: calls.append((title, text)), lambda: muted)
    chat.note_focus(focused=False)
    chat.apply(message(3, "alice: look"), NOON)
    chat.apply(message(4, "no more to say"), NOON)
    caller.look(chat, NOON)
    caller.look(chat, NOON)
    assert calls == [("bob in #lobby", "alice: look")]
    muted.add("#lobby")
    chat.apply(message(5, "alice: really", at=1), NOON)
    caller.look(chat, NOON)
    assert calls[1:] == []
    chat.apply(direct(1, "/me waves"), NOON)
    caller.look(chat, NOON)
    caller.look(chat, NOON)
    assert calls[1:] == [("bob", "bob waves")]


def test_what_was_erased_is_not_called_out_and_calls_nobody_again() -> None:
    calls: list[tuple[str, str]] = []
    caller = Notifier(lambda title, text: calls.append((title, text)), lambda: ())
    chat = online()
    chat.note_focus(focused=False)
    chat.apply(direct(1, "hello"), NOON)
    caller.look(chat, NOON)
    chat.apply(message(3, "alice: look", at=1), NOON)
    caller.look(chat, NOON)
    assert len(calls) == 2
    chat.apply(wire.Erased(room="lobby", epoch="e", seqs=[3]), NOON)
    caller.look(chat, NOON)
    chat.apply(message(4, "alice: look again", at=2), NOON)
    chat.apply(wire.Erased(room="lobby", epoch="e", seqs=[4]), NOON)
    caller.look(chat, NOON)
    assert len(calls) == 2


def test_a_conversation_calls_once_a_minute_and_all_of_them_only_so_often() -> None:
    calls: list[tuple[str, str]] = []
    notifier = Notifier(lambda title, text: calls.append((title, text)), lambda: ())
    chat = online()
    chat.note_focus(focused=False)
    for number in range(1, 100):
        chat.apply(direct(number, f"call {number}"), NOON)
        notifier.look(chat, NOON)
    assert calls == [("bob", "call 1")]
    notifier.look(chat, NOON + 60_000)
    assert calls[1:] == [("bob", "call 99")], "what came meanwhile is told later, as one"
    calls.clear()
    for number in range(100):
        stranger = wire.DirectMessage(
            seq=100 + number, at=NOON, epoch="e", sender=f"s{number}", to="alice", text="t", id="i"
        )
        chat.apply(stranger, NOON)
        notifier.look(chat, NOON + 60_001 + number)
    assert len(calls) == MOST_PER_MINUTE - 1, "one was called out before"


def test_what_was_read_by_then_is_not_called_out_later() -> None:
    calls: list[tuple[str, str]] = []
    notifier = Notifier(lambda title, text: calls.append((title, text)), lambda: ())
    chat = online()
    chat.note_focus(focused=False)
    for number in (1, 2):
        chat.apply(direct(number, f"call {number}"), NOON)
        notifier.look(chat, NOON)
    chat.note_focus(focused=True)
    notifier.look(chat, NOON + 1)
    chat.note_focus(focused=False)
    notifier.look(chat, NOON + 60_000)
    assert calls == [("bob", "call 1")]
    chat.apply(direct(3, "call 3"), NOON)
    notifier.look(chat, NOON + 60_000)
    assert calls[1:] == [("bob", "call 3")]


def test_a_clock_that_is_set_back_holds_no_call_back() -> None:
    calls: list[tuple[str, str]] = []
    notifier = Notifier(lambda title, text: calls.append((title, text)), lambda: ())
    chat = online()
    chat.note_focus(focused=False)
    chat.apply(direct(1, "call 1"), NOON)
    notifier.look(chat, NOON)
    chat.apply(direct(2, "call 2"), NOON)
    notifier.look(chat, NOON - 3_600_000)
    assert calls[1:] == [("bob", "call 2")]
