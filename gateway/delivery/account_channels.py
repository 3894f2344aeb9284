"""The channels of the accounts that have sessions on this node."""

from __future__ import annotations

from gateway.backplane import Backplane, Unavailable


class _Channel:
    """An account's channel: how many hold it, and whether Redis has confirmed it."""

    __slots__ = ("confirmed", "holds")

    def __init__(self) -> None:
        self.holds = 0
        self.confirmed = False


class AccountChannels:
    """Subscribes to an account's channel for as long as somebody here holds it.

    Whoever must not miss what is published there calls `hold`, then `subscribe`, and only then
    reads what was published before. After a lost connection the channels are subscribed again, and
    `Relay.recheck` says that something may have been missed.
    """

    def __init__(self, backplane: Backplane) -> None:
        self._backplane = backplane
        self._channels: dict[str, _Channel] = {}
        self._accounts: dict[bytes, str] = {}

    def __len__(self) -> int:
        """Return the number of channels that are held."""
        return len(self._channels)

    def account(self, channel: bytes) -> str | None:
        """Return whose channel this is; None if nobody here holds it."""
        return self._accounts.get(channel)

    def hold(self, account: str) -> None:
        """Keep an account's channel until `release` is called once more for it."""
        held = self._channels.get(account)
        if held is None:
            held = self._channels[account] = _Channel()
            self._accounts[self._backplane.inboxes.channel(account)] = account
        held.holds += 1

    def release(self, account: str) -> None:
        """Undo one `hold`; the last one unsubscribes."""
        held = self._channels[account]
        held.holds -= 1
        if not held.holds:
            channel = self._backplane.inboxes.channel(account)
            del self._channels[account], self._accounts[channel]
            self._backplane.unsubscribe(channel)

    async def subscribe(self, account: str) -> None:
        """Wait until everything published from now on for an account is received.

        Returns at once if it is already. Does nothing if nobody holds the channel any more.

        :raises Unavailable: if Redis does not confirm it in time.
        """
        held = self._channels.get(account)
        if held is None or held.confirmed:
            return
        channel = self._backplane.inboxes.channel(account)
        held.confirmed = await self._backplane.subscribe(channel)
        if self._channels.get(account) is not held:
            if account not in self._channels:  # released meanwhile
                self._backplane.unsubscribe(channel)
        elif not held.confirmed:
            raise Unavailable("not subscribed")
