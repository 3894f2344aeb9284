"""The names of an account's keys and channel in Redis."""

from __future__ import annotations


class AccountKeys:
    """The names of an account's keys; the braces keep them on one hash slot."""

    __slots__ = ("devices", "meta", "read", "rooms")

    def __init__(self, namespace: str, account: str) -> None:
        base = f"{namespace}:{{account:{account}}}"
        self.meta = f"{base}:meta"
        self.devices = f"{base}:devices"
        self.rooms = f"{base}:rooms"
        self.read = f"{base}:read"

    def all(self) -> tuple[str, ...]:
        """Return all keys."""
        return self.meta, self.devices, self.rooms, self.read


def account_channel(scope: str, account: str) -> bytes:
    """Return the channel of an account; ``scope`` is that of `channel_scope`."""
    return f"{scope}:{{account:{account}}}".encode()
