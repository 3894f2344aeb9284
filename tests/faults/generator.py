"""The generator: decides what a client does next, from a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final, TypeVar

from tests.faults.history import SendOperation

ROOMS: Final = ("lobby", "kitchen", "garden")
HOME: Final = ROOMS[0]
"""The room that every client is in whenever it is there; it enters and leaves the others."""
PAUSE: Final = (0.15, 0.45)
"""The least and the most seconds between two operations of a client."""
AGENDA_SHARE: Final = 0.3
"""The share of operations that are on the agenda, as long as there is anything on it."""
FLOOD_CHARS: Final = 4000
"""The size of a message while clients send as much as they can."""

ChoiceT = TypeVar("ChoiceT")


class Operation(Enum):
    """What a client can do next."""

    END_SESSION = auto()
    MOVE = auto()
    """Enter or leave a room other than `HOME`."""
    READ_ROSTER = auto()
    SEND_DIRECT = auto()
    SEND = auto()
    MARK_READ = auto()
    RENAME = auto()
    CHANGE_PASSWORD = auto()
    REVOKE = auto()
    """Sign out the other device of the account, which then signs in anew."""


WEIGHTS: Final = {
    Operation.END_SESSION: 1,
    Operation.MOVE: 5,
    Operation.READ_ROSTER: 6,
    Operation.SEND_DIRECT: 25,
    Operation.SEND: 63,
}
"""How often each is chosen, in a hundred."""
ACCOUNT_AGENDA: Final = (
    Operation.MARK_READ, Operation.RENAME, Operation.CHANGE_PASSWORD, Operation.REVOKE,
)  # fmt: skip
"""What each device of an account does soon, so that a short run has all of it."""
ACCOUNT_WEIGHTS: Final = {
    Operation.END_SESSION: 4,
    Operation.MOVE: 5,
    Operation.READ_ROSTER: 6,
    Operation.SEND_DIRECT: 25,
    Operation.SEND: 44,
    Operation.MARK_READ: 12,
    Operation.RENAME: 1.5,
    Operation.CHANGE_PASSWORD: 0.5,
    Operation.REVOKE: 2,
}
"""The same for a device of an account: a password costs a node 0.15 s."""


class OperationGenerator:
    """Chooses the operations of one client; the same ones for the same seed."""

    def __init__(
        self,
        client: str,
        seed: str,
        weights: Mapping[Operation, float] = WEIGHTS,
        agenda: Sequence[Operation] = (),
    ) -> None:
        """Choose by ``weights``, and often from ``agenda``, until all of it was done."""
        self._client = client
        self._random = random.Random(seed)
        self._weights = weights
        self._agenda = list(agenda)
        self._sent = 0

    @property
    def agenda(self) -> tuple[Operation, ...]:
        """What is on the agenda and was not done yet."""
        return tuple(self._agenda)

    def operation(self, *, flooding: bool) -> Operation:
        """Return what to do next; while ``flooding``, nothing but sending."""
        if flooding:
            return Operation.SEND
        if self._agenda and self._random.random() < AGENDA_SHARE:
            return self.choose(self._agenda)
        [chosen] = self._random.choices(list(self._weights), list(self._weights.values()))
        return chosen

    def done(self, operation: Operation) -> None:
        """Take an operation off the agenda, if it is on it; not before it was acknowledged."""
        if operation in self._agenda:
            self._agenda.remove(operation)

    def pause(self, *, flooding: bool) -> float:
        """Return how many seconds to wait before it."""
        return 0.0 if flooding else self._random.uniform(*PAUSE)

    def choose(self, options: Sequence[ChoiceT]) -> ChoiceT:
        """Return one of these."""
        return self._random.choice(options)

    def shuffled(self, options: Sequence[ChoiceT]) -> list[ChoiceT]:
        """Return these in another order."""
        return self._random.sample(options, len(options))

    def chance(self) -> float:
        """Return a number from 0 to 1."""
        return self._random.random()

    def other_nick(self) -> str:
        """Return another nickname of the client; it begins with the client's name."""
        return f"{self._client}-{self._random.randrange(1_000_000)}"

    def password(self) -> str:
        """Return a password that is hard to guess."""
        return f"{self._client} {self._random.getrandbits(96):x}"

    def send(self, target: str, now: float) -> SendOperation:
        """Return the client's next message to a room or nickname, with a text of its own."""
        self._sent += 1
        return SendOperation(self._client, self._sent, target, f"{self._client}:{self._sent}", now)


def person_of(name: str) -> str:
    """Return whose nickname or client this is.

    ``a1`` has the nicknames ``a1`` and ``a1-5``, and ``a1.2`` is the second device of that account.
    """
    return name.partition("-")[0].partition(".")[0]


def is_guest(client: str) -> bool:
    """Return whether a client is a person of its own, and not one of an account's devices."""
    return person_of(client) == client


def padded(text: str, size: int) -> str:
    """Return a text filled up to a size in characters; `unpadded` undoes it."""
    return f"{text} ".ljust(size, ".") if len(text) < size else text


def unpadded(text: str) -> str:
    """Return a text without its filling; the whole of it if it did not come whole.

    Nobody sent such a text, so a checker finds it.
    """
    said, _, rest = text.partition(" ")
    return said if text == padded(said, FLOOD_CHARS if rest else 0) else text
