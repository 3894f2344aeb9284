"""One of the devices of an account: a client that comes back by token, and its owner's commands."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import trio

from client.session import (
    ClientSession,
    CommandError,
    Ended,
    NotConnected,
    Registration,
    Token,
    open_session,
)
from client.session.identity import Identity
from gateway import wire
from tests.faults.client.account import Account, SignedIn
from tests.faults.client.account_recorder import AccountRecorder
from tests.faults.client.chat_client import REFUSED, RETRY_SECONDS, ChatClient
from tests.faults.client.revocation import watch_revocation
from tests.faults.generator import (
    ACCOUNT_AGENDA,
    ACCOUNT_WEIGHTS,
    HOME,
    Operation,
    OperationGenerator,
)
from tests.faults.history import RevokedConnection, RunHistory

BACKWARDS_SHARE: Final = 0.2
"""The share of read markers that are set back, which must change nothing."""
_SIGNED_OUT: Final = frozenset({"signed_out", "account_closed"})
"""Why a session ends whose token is worth nothing any more; nobody disables or deletes accounts."""
_FINAL: Final = frozenset({"bad_token", "bad_credentials"})


class AccountDevice(ChatClient):
    """A device; the first one of an account registers it, the others sign in by password.

    ``accounts``: all accounts of the run, for direct messages.
    """

    recorder: AccountRecorder

    def __init__(
        self,
        number: int,
        account: Account,
        urls: Sequence[str],
        history: RunHistory,
        *,
        seed: str,
        is_flooding: Callable[[], bool],
        accounts: Sequence[Account],
    ) -> None:
        name = f"{account.name}.{number}"
        super().__init__(name, urls, history, seed=seed, is_flooding=is_flooding, others=())
        self.account = account
        self.recorder = AccountRecorder(name, account, history)
        self._number = number
        self._accounts = accounts
        self._generator = OperationGenerator(name, seed, ACCOUNT_WEIGHTS, ACCOUNT_AGENDA)
        self._generation = 0

    @property
    def signed_in(self) -> SignedIn | None:
        """As what this device is signed in; None if it is not."""
        return self.account.signed_in.get(self._number)

    async def talk_on(self, times: int) -> None:
        """Wait until so many more messages are answered, and everything on the agenda was done."""
        await super().talk_on(times)
        if times:
            await self.wait_until(lambda: not self._generator.agenda)

    # --- sessions -----------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ClientSession]:
        async with AsyncExitStack() as stack:
            # A password or nickname that changes meanwhile would be refused.
            async with self.account.turn:
                identity = self._identity()
                if identity is None:
                    raise NotYet
                now = trio.current_time()
                self.recorder.asks(now)
                self._generation = self.account.generation
                opening = open_session(self._urls, identity, on_token=self._keep)
                try:
                    session = await stack.enter_async_context(opening)
                except CommandError as error:
                    self._note_refusal(identity, error, now)
                    raise
                self._note_accepted(identity, session, now)
            yield session

    def _identity(self) -> Identity | None:
        """Return how to sign in now; None if the account is not made yet."""
        if self.signed_in is not None and (token := self.signed_in.token) is not None:
            return Token(token.secret)
        if self.account.is_registered:
            return self.account.sign_in(f"device {self._number}")
        return self.account.registration if self._number == 1 else None

    async def _keep(self, token: str | None) -> None:
        await trio.lowlevel.checkpoint()
        if token is not None:
            if self.signed_in is None:
                self.account.signed_in[self._number] = SignedIn(self.account)
            self.account.signed_in[self._number].keep_token(token, trio.current_time())

    def _note_accepted(self, identity: Identity, session: ClientSession, began: float) -> None:
        now, account = trio.current_time(), self.account
        if isinstance(identity, Registration):
            account.registered(now)
        elif isinstance(identity, Token):
            if self.signed_in is not None and self.signed_in.token is not None:
                account.tried(self.signed_in.token, began, now, accepted=True)
        else:
            account.tried(account.passwords[0], began, now, accepted=True)
        if self.signed_in is not None and session.account.state is not None:
            self.signed_in.device = session.account.state.device

    def _note_refusal(self, identity: Identity, error: CommandError, began: float) -> None:
        now = trio.current_time()
        match identity:
            case Token():
                if error.code in _FINAL:
                    self._token_refused(began)
            case Registration():
                if not error.temporary and not error.uncertain:
                    self.account.begin_anew()
            case _ if error.code in _FINAL:
                self.account.tried(self.account.passwords[0], began, now, accepted=False)
                self.account.password_refused()

    def _refused(self, error: CommandError) -> None:
        """Leave it to `_note_refusal`."""

    def _ended(self, event: Ended) -> None:
        now, signed_in = trio.current_time(), self.signed_in
        if event.cause not in _SIGNED_OUT or signed_in is None:
            return
        if signed_in.revoked is not None and self.recorder.connected_since < signed_in.revoked:
            self.history.revoked_connections.append(
                RevokedConnection(self.name, "its own", signed_in.revoked, now, now)
            )
        self._token_refused(now)

    def _token_refused(self, began: float) -> None:
        if self.signed_in is not None:
            if (token := self.signed_in.token) is not None:
                self.account.tried(token, began, trio.current_time(), accepted=False)
            del self.account.signed_in[self._number]

    # --- operations ---------------------------------------------------------------------------

    async def carry_out(
        self, operation: Operation, session: ClientSession, nursery: trio.Nursery
    ) -> None:
        if self._generation != self.account.generation:
            nursery.cancel_scope.cancel()  # the account was lost, and there is another one
            return
        match operation:
            case Operation.MARK_READ:
                await self._mark_read(session)
            case Operation.RENAME:
                await self._in_turn(self._rename, session)
            case Operation.CHANGE_PASSWORD:
                await self._in_turn(self._change_password, session)
            case Operation.REVOKE:
                await self._in_turn(self._revoke_other, session)
            case _:
                await super().carry_out(operation, session, nursery)

    async def _in_turn(
        self, operate: Callable[[ClientSession], Awaitable[None]], session: ClientSession
    ) -> None:
        async with self.account.turn:
            if self.signed_in is not None:
                await operate(session)

    def _addressees(self) -> list[str]:
        return [
            each.nick for each in self._accounts if each.is_registered and each is not self.account
        ]

    async def enter(self, session: ClientSession, room: str) -> bool:
        """Join a room; return whether that was possible now, and no other device has left it."""
        if room in self.recorder.rooms:
            return True
        try:
            joined = await session.join(room)
        except REFUSED:
            return False
        if joined.room not in session.rooms:
            return False
        self.recorder.joined(joined, session.nick, trio.current_time())
        return True

    async def _mark_read(self, session: ClientSession) -> None:
        room = self._generator.choose(list(self.recorder.rooms) or [HOME])
        observation = self.recorder.rooms.get(room)
        if observation is None or not observation.received:
            self._generator.done(Operation.MARK_READ)
            return
        seq, now = observation.received[-1][0], trio.current_time()
        if self._generator.chance() < BACKWARDS_SHARE:
            seq = max(0, seq - self._generator.choose(range(1, 20)))
        try:
            await session.command(
                wire.MarkRead(id=secrets.token_hex(8), room=room, seq=seq), wire.Ok
            )
        except REFUSED:
            return
        self.recorder.moved_marker(room, seq, now, trio.current_time())
        self._generator.done(Operation.MARK_READ)

    async def _rename(self, session: ClientSession) -> None:
        """Rename the account; as long as that is uncertain, again."""
        nick = self.account.other_nick()
        self.account.renames(trio.current_time())
        while True:
            try:
                self.recorder.renamed(await session.rename(nick), trio.current_time())
            except CommandError as error:
                if not (error.temporary or error.uncertain):
                    return
            except NotConnected:
                pass
            else:
                self._generator.done(Operation.RENAME)
                return
            await trio.sleep(RETRY_SECONDS)

    async def _change_password(self, session: ClientSession) -> None:
        """Change the password; if the others are signed out, their tokens end."""
        account, old = self.account, self.account.passwords[0]
        sign_out_others = self._generator.chance() < 0.5
        others = [each for each in account.signed_in.values() if each is not self.signed_in]
        others = others if sign_out_others else []
        new = account.changes_password(trio.current_time())
        for each in others:
            each.doubt(trio.current_time())
        change = partial(
            session.account.change_password, old.secret, new.secret,
            sign_out_others=sign_out_others,
        )  # fmt: skip
        began = trio.current_time()
        try:
            await change()
        except CommandError as error:
            if not error.uncertain:
                account.kept_password()
            if error.code == "bad_credentials":
                account.tried(old, began, trio.current_time(), accepted=False)
                account.doubt_password()
            return
        except NotConnected:
            return
        now = trio.current_time()
        account.changed_password(now)
        for each in others:
            each.is_gone(now)
        self._generator.done(Operation.CHANGE_PASSWORD)

    async def _revoke_other(self, session: ClientSession) -> None:
        """Sign out another device, and see whether it can do anything any more."""
        others = [each for each in self.account.signed_in.values() if each is not self.signed_in]
        if not others or not others[0].device:
            return
        if others[0].is_revoked:
            self._generator.done(Operation.REVOKE)
            return
        if await watch_revocation(
            self.account, others[0], partial(session.account.revoke, others[0].device),
            self._generator.shuffled(self._urls),
        ):  # fmt: skip
            self._generator.done(Operation.REVOKE)


class NotYet(CommandError):
    """The account is not made yet, so that this device cannot sign in."""

    def __init__(self) -> None:
        super().__init__("not_yet", "the account is not made yet")
