"""When each message is to be sent, and by whom: fixed beforehand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def arrivals(
    own: Sequence[int], senders: range, rate: float, seconds: float
) -> Iterator[tuple[float, int]]:
    """Give (seconds from the start, sender) for every message of this generator's own senders.

    All generators together send ``rate`` messages a second, evenly spaced, the ``senders`` taking
    turns; ``own`` are those of them that this generator has, in ascending order.
    """
    turn = 0
    while own and rate:
        for sender in own:
            at = (turn * len(senders) + senders.index(sender)) / rate
            if at >= seconds:
                return
            yield at, sender
        turn += 1
