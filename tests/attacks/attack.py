"""What the table of attacks says about each of them. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.attacks.crowd import Crowd
from tests.attacks.storage import Extent, sessions


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack.

    - ``strike``: does it until it is cancelled; its docstring says what it does, and what it may
      cost at most beside what `tests.attacks.bounds` allows any of them
    - ``crowd``: connections that it has open at the same time, at most
    - ``seconds``: how long it lasts, so that the crowd is in long before its end
    - ``stored``: the MiB that Redis may have grown by at any moment, of an attack that is so large
    - ``most``: how often attackers may get an outcome, all of them together
    - ``settings``: what nodes are started with for it, beside their defaults
    """

    strike: Callable[[Crowd], Awaitable[None]]
    crowd: int
    seconds: float = 8.0
    stored: Callable[[Extent], float] = sessions
    most: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)

    def redis_mib(self, sources: int) -> float:
        """Return the MiB that Redis may have grown by, if it comes from so many addresses."""
        return self.stored(Extent(sources, self.crowd, self.seconds))

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.strike.__name__.replace("_", "-")

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return (self.strike.__doc__ or "").partition("\n")[0]
