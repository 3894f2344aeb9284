"""When each message is to be sent, and by whom; fixed before the run. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from random import Random


def arrivals(
    own: Sequence[int], senders: range, rate: float, seconds: float, seed: int | None = None
) -> Iterator[tuple[float, int]]:
    """Yield (seconds from the start, sender) for every message that this generator sends.

    - all generators together send ``rate`` messages a second for ``seconds``
    - ``own``: those of the ``senders`` that this generator has
    - without a ``seed`` messages are evenly spaced, and senders take turns; with one they are a
      Poisson process, the same for the same seed
    """
    if own and rate:
        mine, everybody = frozenset(own), _evenly(senders, rate)
        if seed is not None:
            everybody = _at_random(senders, rate, Random(seed))
        for at, sender in everybody:
            if at >= seconds:
                return
            if sender in mine:
                yield at, sender


def _evenly(senders: range, rate: float) -> Iterator[tuple[float, int]]:
    for turn in itertools.count():
        yield turn / rate, senders[turn % len(senders)]


def _at_random(senders: range, rate: float, chance: Random) -> Iterator[tuple[float, int]]:
    at = 0.0
    while True:
        at += chance.expovariate(rate)
        yield at, chance.choice(senders)
