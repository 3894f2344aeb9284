"""What the person asks of their account, carried out in the open session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import trio

from client.desktop.control.session_controller import now
from client.desktop.control.session_runner import SessionRunner
from client.errors import NotConnected
from client.model import Problem, SignInRequest, problem_of
from client.session import CommandError, SessionAccount
from gateway import wire

Done = Callable[[Problem | None], None]
"""Gets why something was not possible, None once it is done."""


class Starter(Protocol):
    """Starts a task that outlives the call."""

    def __call__(self, task: Callable[[], Awaitable[object]], /) -> None:
        """Start a task."""


class AccountDesk:
    """Carries out each request in a task of its own, and then calls ``done``."""

    def __init__(
        self, runner: SessionRunner, start: Starter, on_change: Callable[[], None]
    ) -> None:
        self._runner, self._start, self._changed = runner, start, on_change

    def list_devices(self, show: Callable[[Sequence[wire.Device]], None], done: Done) -> None:
        """Call ``show`` with the devices that are signed in."""

        async def ask(account: SessionAccount) -> None:
            show(await account.devices())

        self._ask(ask, done)

    def sign_out_device(self, device: str, done: Done) -> None:
        """Sign out another device."""
        self._ask(lambda account: account.revoke(device), done)

    def sign_out_others(self, done: Done) -> None:
        """Sign out all devices but this one."""
        self._ask(lambda account: account.revoke_others(), done)

    def change_password(self, old: str, new: str, *, sign_out_others: bool, done: Done) -> None:
        """Change the password."""
        self._ask(
            lambda account: account.change_password(old, new, sign_out_others=sign_out_others), done
        )

    def register(self, request: SignInRequest, done: Done) -> None:
        """Make an account of the guest, who keeps the nickname and the rooms."""
        self._ask(lambda _account: self._runner.register(request), done, request)

    def sign_out(self, done: Done) -> None:
        """Sign out this device, and forget what was read and written in this window."""

        async def ask(account: SessionAccount) -> None:
            is_guest = account.state is None
            await self._runner.leave(trio.lowlevel.checkpoint if is_guest else account.sign_out)

        self._ask(ask, done)

    def delete_account(self, password: str, done: Done) -> None:
        """Delete the account, and forget what was read and written in this window."""

        async def ask(account: SessionAccount) -> None:
            await self._runner.leave(partial(account.delete, password))

        self._ask(ask, done)

    def _ask(
        self,
        ask: Callable[[SessionAccount], Awaitable[None]],
        done: Done,
        request: SignInRequest | None = None,
    ) -> None:
        async def carry_out() -> None:
            controller = self._runner.controller
            if controller is None:
                return
            mode = request.mode if request is not None else "account"
            try:
                await ask(controller.session.account)
            except (CommandError, NotConnected) as error:
                done(problem_of(error, now(), mode=mode))
            else:
                done(None)
            self._changed()

        self._start(carry_out)
