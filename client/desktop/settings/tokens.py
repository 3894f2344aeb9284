"""The tokens of this device, kept between starts: in the system's keyring, or else in a file.

Nothing here is for the event loop: a keyring may ask the person to unlock it, and a disk may be
slow. `TokenStore` does all of it in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
import trio

from client.addresses import place
from client.desktop.settings.private_file import write_private
from client.i18n.texts import _

_SERVICE: Final = "chat-client"
_MOST_BYTES: Final = 1 << 20

Place = Literal["keyring", "file"]
ResultT = TypeVar("ResultT")


class KeptSignIn(msgspec.Struct, frozen=True):
    """One account on one server, of which a token is kept.

    ``key`` is what the token is called in the keyring; ``token`` is empty if it is there.
    """

    nick: str
    urls: tuple[str, ...]
    key: str
    token: str = ""


class TokenStore:
    """Keeps a token for each server and account.

    A server is known by its addresses: one that has any of them is the same. In the file are the
    accounts, and the tokens too where there is no keyring that takes them. Failures to keep a token
    are told by `problem`; the session goes on with it until it ends.
    """

    def __init__(self, folder: Path) -> None:
        self.problem: str | None = None
        """What went wrong the last time, in words; None if nothing did."""
        self._path = folder / "accounts.json"
        self._turn = trio.Lock()

    async def where(self) -> Place:
        """Return where tokens are kept."""
        return await self._in_thread(_usable_place)

    async def find(self, urls: Sequence[str], nick: str) -> str | None:
        """Return the token of an account; None if there is none."""
        return await self._in_thread(lambda: self._find(urls, nick))

    async def keep(self, urls: Sequence[str], nick: str, token: str) -> None:
        """Keep the token of an account, in place of an earlier one."""
        await self._in_thread(lambda: self._keep(urls, nick, token))

    async def forget(self, urls: Sequence[str], nick: str) -> None:
        """Delete the token of an account, if there is one."""
        await self._in_thread(lambda: self._forget(urls, nick))

    async def rename(self, urls: Sequence[str], nick: str, new: str) -> None:
        """Note that an account has another nickname."""
        await self._in_thread(lambda: self._rename(urls, nick, new))

    async def _in_thread(self, do: Callable[[], ResultT]) -> ResultT:
        async with self._turn:
            # A keyring that nobody unlocks must not keep the program from ending.
            return await trio.to_thread.run_sync(do, abandon_on_cancel=True)

    # --- in a thread --------------------------------------------------------------------------

    def _find(self, urls: Sequence[str], nick: str) -> str | None:
        kept = _of(self._read(), urls, nick)
        if kept is None:
            return None
        return kept.token or _from_keyring(kept.key)

    def _keep(self, urls: Sequence[str], nick: str, token: str) -> None:
        others = self._read()
        before = _of(others, urls, nick)
        others = [kept for kept in others if kept is not before]
        key = before.key if before else _free_key(others, f"{nick} @ {place(urls[0])}")
        in_keyring = _usable_place() == "keyring" and _to_keyring(key, token)
        kept = KeptSignIn(nick, tuple(urls), key, "" if in_keyring else token)
        self._write([*others, kept])

    def _forget(self, urls: Sequence[str], nick: str) -> None:
        all_kept = self._read()
        if (kept := _of(all_kept, urls, nick)) is not None:
            self._write([each for each in all_kept if each is not kept])
            if not kept.token:
                _delete_from_keyring(kept.key)

    def _rename(self, urls: Sequence[str], nick: str, new: str) -> None:
        all_kept = self._read()
        if (kept := _of(all_kept, urls, nick)) is not None:
            renamed = msgspec.structs.replace(kept, nick=new)
            self._write([renamed if each is kept else each for each in all_kept])

    def _read(self) -> list[KeptSignIn]:
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_MOST_BYTES), type=list[KeptSignIn])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return []  # whoever is in it signs in again

    def _write(self, kept: Sequence[KeptSignIn]) -> None:
        try:
            write_private(self._path, msgspec.json.format(msgspec.json.encode(kept), indent=2))
        except OSError as error:
            self.problem = _("Who is signed in cannot be kept: {reason}").format(reason=error)
        else:
            self.problem = None


def _of(all_kept: Sequence[KeptSignIn], urls: Sequence[str], nick: str) -> KeptSignIn | None:
    alike = (
        kept
        for kept in all_kept
        if kept.nick.casefold() == nick.casefold() and not set(kept.urls).isdisjoint(urls)
    )
    return next(alike, None)


def _free_key(all_kept: Sequence[KeptSignIn], wanted: str) -> str:
    taken = {kept.key for kept in all_kept}
    names = (wanted if n == 1 else f"{wanted} ({n})" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


# Whatever a keyring's program does wrong comes out of it as some exception of its own.


def _usable_place() -> Place:
    with suppress(Exception):
        import keyring  # noqa: PLC0415 - it takes long, and guests need none
        from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415
        from keyring.backends.null import Keyring as NullKeyring  # noqa: PLC0415

        if not isinstance(keyring.get_keyring(), (NoKeyring, NullKeyring)):
            return "keyring"
    return "file"


def _from_keyring(key: str) -> str | None:
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        return keyring.get_password(_SERVICE, key)
    return None


def _to_keyring(key: str, token: str) -> bool:
    """Keep a token in the keyring, and return whether that was possible."""
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        keyring.set_password(_SERVICE, key, token)
        return keyring.get_password(_SERVICE, key) == token
    return False


def _delete_from_keyring(key: str) -> None:
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        keyring.delete_password(_SERVICE, key)
