"""What the person has typed into a conversation and not sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from client.model.input_history import InputHistory
from client.model.overflow import Overflow


@dataclass
class InputState:
    """What the input field contains while another conversation is shown, and what was sent.

    ``overflow`` is what did not fit into it, None if there is no such thing.
    """

    text: str = ""
    cursor: int = 0
    overflow: Overflow | None = None
    history: InputHistory = field(default_factory=InputHistory)
