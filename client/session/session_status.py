"""What others see of oneself: the status that one chose, and whether one is idle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from client.session.current_connection import CurrentConnection
from client.session.delivery import insist
from gateway import wire

_USUAL: tuple[wire.State, str] = ("online", "")


class SessionStatus:
    """Sets the status and whether this device is idle, again in each new session.

    The status of an account is kept by the server, for all its devices.
    """

    def __init__(self, current: CurrentConnection) -> None:
        self._current = current
        self._status = self._known_status = _USUAL
        self._is_idle = self._known_idle = False

    async def choose(self, state: wire.State, text: str) -> None:
        """Set the status."""
        command = wire.SetStatus(id=next(self._current.ids), state=state, text=text)
        await self._current.change(command, wire.Ok)
        self._status = self._known_status = state, text

    async def set_idle(self, *, idle: bool) -> None:
        """Set whether nobody uses this device; without a connection, with the next one."""
        self._is_idle = idle
        if refusal := await insist(self._tell_idle):
            raise refusal

    def begin(self, *, is_new: bool, has_account: bool) -> None:
        """Note what the server knows at the beginning of a connection."""
        if is_new:
            self._known_status, self._known_idle = _USUAL, False
        if has_account:
            self._known_status = self._status

    async def tell_again(self, refused: Callable[[wire.Error], Awaitable[None]]) -> None:
        """Set again what the server does not know; call ``refused`` with each refusal."""
        asks: list[Callable[[], Awaitable[None]]] = []
        if self._status != self._known_status:
            asks.append(self._tell_status)
        if self._is_idle != self._known_idle:
            asks.append(self._tell_idle)
        for ask in asks:
            if refusal := await insist(ask):
                await refused(wire.Error(code=refusal.code, message=refusal.message))

    async def _tell_status(self) -> None:
        state, text = self._status
        command = wire.SetStatus(id=next(self._current.ids), state=state, text=text)
        await self._current.command(command, wire.Ok)
        self._known_status = state, text

    async def _tell_idle(self) -> None:
        idle = self._is_idle
        command = wire.SetIdle(id=next(self._current.ids), idle=idle)
        await self._current.command(command, wire.Ok)
        self._known_idle = idle
