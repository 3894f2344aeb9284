"""The names of a room's keys and channel in Redis."""

from __future__ import annotations


class RoomKeys:
    """The names of a room's keys; the braces keep them on one hash slot."""

    __slots__ = (
        "accounts", "channel", "copier", "copy", "ids", "log", "members", "meta", "older_ids",
    )  # fmt: skip

    def __init__(self, namespace: str, room: str, *, scope: str = "") -> None:
        """Name the keys in a namespace, and the channel in a scope (`channel_scope`)."""
        base = f"{namespace}:{{room:{room}}}"
        self.channel = f"{scope}:{{room:{room}}}"
        self.meta = f"{base}:meta"
        self.members = f"{base}:members"
        self.log = f"{base}:log"
        self.ids = f"{base}:ids"
        self.older_ids = f"{base}:ids:older"
        self.accounts = f"{base}:accounts"
        self.copy = f"{base}:log:copy"
        self.copier = f"{base}:log:copier"

    def all(self) -> tuple[str, ...]:
        """Return the keys of a room's data, in the order in which scripts expect them."""
        return self.meta, self.members, self.log, self.ids, self.older_ids, self.accounts


def index_keys(namespace: str) -> tuple[str, str]:
    """Return the names of the sorted sets of all rooms: by their expiry, by their members."""
    return f"{namespace}:rooms", f"{namespace}:rooms:sizes"
