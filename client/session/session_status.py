"""What others see of oneself: the status that one chose, and whether one is idle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from client.errors import NotConnected
from client.session.current_connection import CurrentConnection
from client.session.delivery import insist
from gateway import wire

_USUAL: tuple[wire.State, str] = ("online", "")


class SessionStatus:
    """Sets the status and whether this device is idle, again in each new session."""

    def __init__(self, current: CurrentConnection) -> None:
        self._current = current
        self._status = _USUAL
        self._is_idle = False

    async def choose(self, state: wire.State, text: str) -> None:
        """Set the status."""
        command = wire.SetStatus(id=next(self._current.ids), state=state, text=text)
        await self._current.change(command, wire.Ok)
        self._status = state, text

    async def set_idle(self, *, idle: bool) -> None:
        """Set whether nobody uses this device; without a connection, with the next one."""
        self._is_idle = idle
        with suppress(NotConnected):
            await self._tell_idle()

    async def tell_again(
        self, refused: Callable[[wire.Error], Awaitable[None]], *, has_account: bool
    ) -> None:
        """Set again what a new session does not know; call ``refused`` with each refusal.

        The status of an account is kept by the server.
        """
        asks: list[Callable[[], Awaitable[None]]] = []
        if self._status != _USUAL and not has_account:
            asks.append(self._tell_status)
        if self._is_idle:
            asks.append(self._tell_idle)
        for ask in asks:
            if refusal := await insist(ask):
                await refused(wire.Error(code=refusal.code, message=refusal.message))

    async def _tell_status(self) -> None:
        state, text = self._status
        command = wire.SetStatus(id=next(self._current.ids), state=state, text=text)
        await self._current.command(command, wire.Ok)

    async def _tell_idle(self) -> None:
        command = wire.SetIdle(id=next(self._current.ids), idle=self._is_idle)
        await self._current.command(command, wire.Ok)
