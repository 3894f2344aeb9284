"""Up to where a log that may have lost data is what a node gave out. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping


def agreed_up_to(
    remembered: Iterable[tuple[int, Hashable]],
    logged: Mapping[int, Hashable],
    *,
    common: int | None,
    position: int,
    seq: int,
) -> int:
    """Return the last ``seq`` up to which the log has what was given out; 0 if nothing tells.

    - ``remembered``: the newest messages given out, up to ``position``, as seq and identity;
    - ``logged``: messages of the log, by seq, that reach as far back if the log does;
    - ``common``: what the timelines say (`Timeline.common`), None if they say nothing;
    - ``seq``: where the log is.

    Two courses of a log that agree in one message agree in all before it. Where a message that the
    timelines vouch for differs, somebody else changed the log, and they count for nothing.
    """
    last = min(position, seq)
    compared = [(s, logged[s] == identity) for s, identity in remembered if s in logged]
    same = max((s for s, is_same in compared if is_same), default=0)
    vouched = common or 0
    if any(s <= vouched for s, is_same in compared if not is_same):
        vouched = 0
    return min(max(same, vouched), last)
