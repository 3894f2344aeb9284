"""What is remembered between starts."""

# ruff: noqa: ASYNC240 - a file that no other task waits for

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client.desktop.settings.preferences import Preferences, PreferencesFile, load_preferences
from client.desktop.settings.servers import SavedServer, free_name, with_given

HOME = SavedServer("Home", ("ws://a/ws", "ws://b/ws"), rooms=("lobby", "tea"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "of the client" / "preferences.json"


async def change(path: Path, **changes: object) -> PreferencesFile:
    """Change preferences in one visit, which then ends."""
    visit = PreferencesFile(path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit.keep_written)
        visit.change(**changes)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return visit


class TestFile:
    async def test_what_one_visit_changes_the_next_one_knows(self, path: Path) -> None:
        muted = frozenset({"#tea"})
        await change(path, servers=(HOME,), server="Home", nick="alice", muted=muted)
        await change(path, look="dark", font_size=14, geometry="960x640+-5+20", tells_typing=False)
        found = PreferencesFile(path)
        assert found.problem is None
        assert found.preferences == Preferences(
            servers=(HOME,),
            server="Home",
            nick="alice",
            look="dark",
            font_size=14,
            geometry="960x640+-5+20",
            muted=muted,
            tells_typing=False,
        )

    async def test_it_is_for_its_owner_only_and_nothing_is_left_beside_it(self, path: Path) -> None:
        await change(path, nick="alice")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in path.parent.iterdir()] == ["preferences.json"]

    async def test_changes_are_written_together_and_soon(
        self, path: Path, autojump_clock: MockClock
    ) -> None:
        del autojump_clock
        visit = PreferencesFile(path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(visit.keep_written)
            for size in range(8, 20):
                visit.change(font_size=size)
                await trio.sleep(0.01)
            assert not path.exists()
            await trio.sleep(2)
            assert PreferencesFile(path).preferences.font_size == 19
            nursery.cancel_scope.cancel()

    async def test_without_a_change_nothing_is_written(self, path: Path) -> None:
        await change(path, nick="")
        assert not path.exists()

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"[]",
            b'{"font_size": 4000}',
            b'{"look": "[exit]"}',
            b'{"geometry": "[exit]"}',
            b'{"servers": [{"name": "x", "urls": []}]}',
            b'{"nick": "' + b"a" * (1 << 20) + b'"}',
        ],
        ids=lambda broken: broken[:30].decode(errors="replace"),
    )
    async def test_a_broken_one_is_set_aside_and_said_so(self, path: Path, broken: bytes) -> None:
        path.parent.mkdir()
        path.write_bytes(broken)
        found = PreferencesFile(path)
        aside = path.with_name("preferences.json.broken")
        assert found.preferences == Preferences()
        assert found.problem is not None
        assert str(aside) in found.problem
        assert aside.read_bytes() == broken
        await change(path, nick="alice")
        assert PreferencesFile(path).preferences.nick == "alice"

    async def test_what_a_later_version_adds_is_no_reason_to_lose_the_rest(
        self, path: Path
    ) -> None:
        path.parent.mkdir()
        path.write_text(json.dumps({"nick": "alice", "sound": True}))
        assert PreferencesFile(path).preferences.nick == "alice"

    async def test_where_nothing_can_be_written_the_client_goes_on_and_says_so(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        visit = await change(tmp_path / "file" / "preferences.json", nick="alice")
        assert visit.preferences.nick == "alice"
        assert visit.problem is not None
        assert "cannot be written" in visit.problem

    def test_it_is_where_the_system_keeps_such_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        (tmp_path / "chat-client").mkdir()
        (tmp_path / "chat-client" / "preferences.json").write_text('{"nick": "alice"}')
        assert load_preferences().preferences.nick == "alice"


class TestServers:
    def test_urls_of_a_known_one_choose_it_whatever_their_order(self) -> None:
        assert with_given([HOME], ["ws://b/ws", "ws://a/ws"]) == ((HOME,), "Home")

    def test_more_urls_make_a_fuller_one_of_it(self) -> None:
        servers, name = with_given([HOME], ["ws://c/ws", "ws://b/ws", "ws://a/ws"])
        assert name == "Home"
        assert servers == (
            SavedServer("Home", ("ws://c/ws", "ws://b/ws", "ws://a/ws"), rooms=("lobby", "tea")),
        )

    def test_other_urls_become_another_one(self) -> None:
        servers, name = with_given([HOME], ["ws://chat.example:1/ws"])
        assert name == "chat.example:1"
        assert servers == (HOME, SavedServer("chat.example:1", ("ws://chat.example:1/ws",)))

    def test_no_two_have_one_name(self) -> None:
        assert free_name([HOME], "Work") == "Work"
        assert free_name([HOME, SavedServer("Home (2)", ("ws://c/ws",))], "Home") == "Home (3)"
