"""What tells conversations apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConversationKey:
    """What tells conversations apart: the name of a room or, if ``direct``, of a person."""

    name: str
    direct: bool = False
