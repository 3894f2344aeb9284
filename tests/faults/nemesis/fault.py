"""What a fault is, and what the nemesis and the checkers must know of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from tests.faults.system.cluster import ClusterUnderTest


@dataclass(frozen=True)
class Effect:
    """What a fault did once it has begun.

    - ``target``: what was struck
    - ``deleted``: texts of messages that Redis had, and lost
    - ``erased``: texts of messages that the operator erased
    """

    target: str
    deleted: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()


Injection = Callable[[ClusterUnderTest, random.Random], AsyncIterator[Effect]]
"""An async generator: it begins the fault, yields, and then undoes what must be undone."""


@dataclass(frozen=True, eq=False)
class Fault:
    """A kind of fault; made by `fault`.

    - ``inject``: a context in which the fault is there
    - ``lasting``: it goes on until the context ends; a cluster recovers from others by itself
    - ``losses``: how often Redis may lose by it what it acknowledged. Replication is asynchronous:
      the promise is then only that nobody is left to believe that it is there
    - ``needs_sentinels``: Redis must be a Sentinel group. It is one for all faults of a run that
      has such a fault; sentinels ignore a primary that is paused or restarts
    - ``undoes``: seconds before its beginning since when even what was durable is undone; None if
      nothing is
    - ``late``: seconds after the context in which an old primary may still acknowledge what is
      lost; None if no old primary goes on
    """

    name: str
    inject: Callable[[ClusterUnderTest, random.Random], AbstractAsyncContextManager[Effect]]
    lasting: bool = False
    losses: int = 0
    needs_sentinels: bool = False
    late: float | None = None
    undoes: float | None = None


def fault(
    *,
    lasting: bool = False,
    losses: int = 0,
    needs_sentinels: bool = False,
    late: float | None = None,
    undoes: float | None = None,
) -> Callable[[Injection], Fault]:
    """Make a `Fault` of an `Injection`, with the function's name."""

    def define(injection: Injection) -> Fault:
        return Fault(
            injection.__name__, asynccontextmanager(injection),
            lasting=lasting, losses=losses, needs_sentinels=needs_sentinels, late=late,
            undoes=undoes,
        )  # fmt: skip

    return define
