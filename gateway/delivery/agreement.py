"""Finds up to where a log that may have lost data is what a node delivered. Pure."""

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
    """Return the last ``seq`` up to which the log has what was delivered; 0 if that is unknown.

    - ``remembered``: the newest messages delivered, up to ``position``, as seq and identity;
    - ``logged``: identities of messages in the log, by seq, as far back if the log has them;
    - ``common``: the result of `Timeline.common`;
    - ``seq``: of the last message in the log.

    If one message is the same, so are all before it. If a message differs that is the same by
    ``common``, somebody else changed the log, and ``common`` is ignored.
    """
    last = min(position, seq)
    compared = [(s, logged[s] == identity) for s, identity in remembered if s in logged]
    same = max((s for s, is_same in compared if is_same), default=0)
    common_up_to = common or 0
    if any(s <= common_up_to for s, is_same in compared if not is_same):
        common_up_to = 0
    return min(max(same, common_up_to), last)
