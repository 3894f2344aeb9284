"""The tokens of this device, in a keyring and in a file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringError, PasswordDeleteError

from client.desktop.settings.tokens import TokenStore

HERE = ("ws://a/ws", "ws://b/ws")
ELSEWHERE = ("ws://c/ws",)


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets when the program ends; ``locked`` is whether it refuses everything."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        return None if self.locked else self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringError("locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, ring = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "chat")


def written(tmp_path: Path) -> str:
    return (tmp_path / "chat" / "accounts.json").read_text()


async def test_a_keyring_keeps_the_token_and_the_file_only_says_that_it_does(
    ring: MemoryKeyring, store: TokenStore, tmp_path: Path
) -> None:
    await store.keep(HERE, "alice", "secret-1")
    assert await store.where() == "keyring"
    assert ring.kept == {("chat-client", "alice @ a"): "secret-1"}
    assert "secret-1" not in written(tmp_path)
    assert await TokenStore(tmp_path / "chat").find(HERE, "Alice") == "secret-1"


@pytest.mark.usefixtures("no_ring")
async def test_without_a_keyring_a_file_keeps_it_that_only_its_owner_can_read(
    store: TokenStore, tmp_path: Path
) -> None:
    await store.keep(HERE, "alice", "secret-1")
    path = tmp_path / "chat" / "accounts.json"
    assert await store.where() == "file"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert await store.find(HERE, "alice") == "secret-1"


async def test_a_keyring_that_refuses_leaves_it_to_the_file(
    ring: MemoryKeyring, store: TokenStore
) -> None:
    ring.locked = True
    await store.keep(HERE, "alice", "secret-1")
    assert await store.find(HERE, "alice") == "secret-1"


async def test_each_server_and_account_has_its_own(ring: MemoryKeyring, store: TokenStore) -> None:
    await store.keep(HERE, "alice", "secret-1")
    await store.keep(ELSEWHERE, "alice", "secret-2")
    await store.keep(HERE, "bob", "secret-3")
    assert len(set(ring.kept.values())) == 3
    assert await store.find(ELSEWHERE, "alice") == "secret-2"
    assert await store.find(HERE[1:], "bob") == "secret-3", "one address of the server is enough"
    assert await store.find(("ws://d/ws",), "alice") is None


async def test_a_new_token_takes_the_place_of_the_one_before(
    ring: MemoryKeyring, store: TokenStore
) -> None:
    await store.keep(HERE, "alice", "secret-1")
    await store.keep(HERE, "alice", "secret-2")
    assert list(ring.kept.values()) == ["secret-2"]


async def test_what_is_forgotten_is_nowhere(
    ring: MemoryKeyring, store: TokenStore, tmp_path: Path
) -> None:
    await store.keep(HERE, "alice", "secret-1")
    await store.forget(HERE, "alice")
    await store.forget(HERE, "alice")
    assert ring.kept == {}
    assert "alice" not in written(tmp_path)
    assert await store.find(HERE, "alice") is None


async def test_a_renamed_account_is_found_by_its_new_name(
    ring: MemoryKeyring, store: TokenStore
) -> None:
    await store.keep(HERE, "alice", "secret-1")
    await store.rename(HERE, "alice", "alicia")
    await store.keep(HERE, "alice", "secret-2")
    assert await store.find(HERE, "alicia") == "secret-1"
    assert await store.find(HERE, "alice") == "secret-2"
    assert len(ring.kept) == 2


@pytest.mark.usefixtures("no_ring")
@pytest.mark.parametrize("content", [b"\xff", b"[{}]", b"{", b""])
async def test_a_file_that_cannot_be_read_is_as_none(
    store: TokenStore, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "accounts.json").write_bytes(content)
    assert await store.find(HERE, "alice") is None
    await store.keep(HERE, "alice", "secret-1")
    assert await store.find(HERE, "alice") == "secret-1"


@pytest.mark.usefixtures("no_ring")
async def test_a_folder_that_cannot_be_written_is_told(store: TokenStore, tmp_path: Path) -> None:
    (tmp_path / "chat").write_text("no folder")
    await store.keep(HERE, "alice", "secret-1")
    assert store.problem is not None
    assert "cannot be kept" in store.problem
