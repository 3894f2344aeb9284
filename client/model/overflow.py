"""What did not fit into an input field, kept until the person has saved or dismissed it."""

from __future__ import annotations

from typing import Final

from client.text.fitting import size_of

MOST_KEPT: Final = 64 * 1024 * 1024
"""How many characters are kept at most."""


class Overflow:
    """The rest of what was pasted or typed, in the order in which it came.

    - ``size``: how large the rest is, in bytes of UTF-8;
    - ``is_complete``: whether nothing of it is lost, as there is more than `MOST_KEPT`;
    - ``is_noticed``: whether the person was told of all of it and wants to send what did fit;
    - ``is_undone``: whether the person has taken back what was pasted, and the rest with it;
    - ``saved_as``: the file with the rest, None until it is saved;
    - ``problem``: why it could not be saved, None unless that failed.
    """

    def __init__(self) -> None:
        self.size = 0
        self.is_complete = True
        self.is_noticed = self.is_undone = False
        self.saved_as: str | None = None
        self.problem: str | None = None
        self._pieces: list[str] = []
        self._chars = 0
        self._left = ""
        self._has_kept = False

    @property
    def rest(self) -> str:
        """All that did not fit."""
        return "".join(self._pieces)

    def add(self, kept: str, lost: str, field: str) -> None:
        """Add what was ``lost`` while ``kept`` was inserted, which left this in the field."""
        fits = lost[: MOST_KEPT - self._chars]
        self.is_complete = self.is_complete and len(fits) == len(lost)
        self._pieces.append(fits)
        self._chars += len(fits)
        self.size += size_of(fits)
        self._left, self.is_noticed = field, False
        self._has_kept = self._has_kept or bool(kept)

    def can_undo(self, field: str) -> bool:
        """Return whether undo takes back just what was cut, because the field is as it left it."""
        return self._has_kept and field == self._left

    def undo(self, field: str) -> None:
        """Note that the last change of the field, which contains this yet, is taken back."""
        self.is_undone = self.is_undone or self.can_undo(field)

    def follow(self, field: str) -> None:
        """Note what the field contains now."""
        if self.can_undo(field):
            self.is_undone = False  # what was taken back was done again
        if not field:
            self.is_noticed = True

    def settle(self, path: str, size: int) -> None:
        """Note that the rest was saved, as it was when it had this size, and drop it."""
        if size == self.size:
            self.saved_as, self.problem = path, None
            self.is_noticed = True
            self._pieces.clear()

    def fail(self, problem: str) -> None:
        """Note why the rest could not be saved."""
        self.problem = problem
