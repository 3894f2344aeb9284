"""What somebody may be allowed to do. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """Something that commands need; `gateway.sessions.commands.table` says which needs what."""

    CHAT = "chat"
    """Read and write, and be known by a nickname of one's own."""


EVERYBODY: Final = frozenset({Permission.CHAT})
"""What every session may do."""
