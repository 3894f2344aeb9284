"""What one connection takes up of the limits of its client's address."""

from __future__ import annotations

import trio

from gateway.net.client_address import ClientAddress, exempt_networks
from gateway.policy.client_limits import TurnedAway
from gateway.sessions.context import NodeContext


class TooMany(Exception):
    """A connection is one too many for its client's address."""

    def __init__(self, refusal: TurnedAway) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class AddressSlot:
    """The place of one connection among those of its address; none as long as it is exempt."""

    __slots__ = ("_context", "_is_silent", "address")

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._is_silent = True
        self.address: str | None = None
        """What the connection counts as in `ClientLimits`; None while it does not count."""

    def take(self, client: ClientAddress) -> None:
        """Count the connection as one of this client.

        In any case it does not count any more as that of whoever it was before.

        :raises TooMany: if it is refused; then it does not count at all.
        """
        self.release()
        settings = self._context.settings
        if client.is_in(exempt_networks(settings.exempt_networks, settings.trusted_proxies)):
            return
        address = client.limited_as()
        refusal = self._context.limits.connect(address, trio.current_time())
        if refusal is not None:
            raise TooMany(refusal)
        self.address = address

    def identified(self) -> None:
        """Record that the connection has a session."""
        self._is_silent = False
        if self.address is not None:
            self._context.limits.identified(self.address)

    def release(self) -> None:
        """Count the connection for nobody any more."""
        if self.address is not None:
            self._context.limits.disconnect(self.address, silent=self._is_silent)
            self.address = None
