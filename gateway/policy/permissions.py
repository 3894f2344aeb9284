"""Permissions: what a session may be allowed to do. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a command may require; `gateway.sessions.commands.table` says which requires what."""

    CHAT = "chat"
    """Read and write, and be known by a nickname of one's own."""

    ACCOUNT = "account"
    """What needs an account: devices, read markers, conversations."""


GUESTS: Final = frozenset({Permission.CHAT})
"""What the session of a guest may do."""
ACCOUNTS: Final = GUESTS | {Permission.ACCOUNT}
"""What the session of an account may do."""
