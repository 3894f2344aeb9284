"""A room as it is read from Redis at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.backplane.erasures import ErasedSet
from gateway.backplane.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A room at one moment.

    - ``epoch``: empty if there is no such room;
    - ``seq``: of the last message;
    - ``version``: of the list of members;
    - ``messages``: in order; the last may be before ``seq``;
    - ``members``: member lines by session; None if the caller knows this version.
    """

    epoch: str
    seq: int
    version: int
    messages: list[bytes]
    members: dict[str, str] | None
    timeline: Timeline
    erased: ErasedSet
