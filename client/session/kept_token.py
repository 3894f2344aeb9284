"""The token of this device, which whoever opened the session keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

KeepToken = Callable[[str | None], Awaitable[None]]
"""Keeps a token in place of an earlier one; None says that the earlier one is worth nothing."""


class KeptToken:
    """The device token that a session may use: one that is kept already.

    The token before a new one works until the new one is used. So a new one is used only once it
    is kept: a program that ends in between still has one that works.
    """

    def __init__(self, token: str | None, keep: KeepToken | None = None) -> None:
        self.value = token
        self._keep = keep
        self._turn = trio.Lock()

    async def change(self, token: str | None) -> None:
        """Store a token by ``keep``, and use it from then on; None to drop the one before."""
        async with self._turn:
            if token == self.value:
                return
            if token is None:
                self.value = None
            if self._keep is not None:
                await self._keep(token)
            self.value = token
