"""A sorted list that is read in pages, as PROTOCOL.md defines them under "Paging". Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple


class Page(NamedTuple):
    """A page of a list.

    - ``encoded``: its entries, as a JSON array;
    - ``next``: the cursor after which the next page begins; None if this is the last one.
    """

    encoded: bytes
    next: str | None


class PagedList:
    """The keys of a list, in the order of their code points.

    - A cursor is a key, which need not be in the list any more: so a page begins behind the one
      before it, whatever was added or removed meanwhile.
    - A page has at most ``limit`` entries, and at most ``most_bytes`` or one entry.
    - The pages that follow one another from the first one on are kept until the list changes: they
      are composed once, however many clients ask for them.
    - Each entry is encoded once, until it changes.
    """

    __slots__ = ("_entries", "_kept", "_keys", "_limit", "_most_bytes")

    def __init__(self, *, limit: int, most_bytes: int) -> None:
        self._limit: Final = limit
        self._most_bytes: Final = most_bytes
        self.replace(())

    def __len__(self) -> int:
        return len(self._keys)

    def replace(self, keys: Iterable[str]) -> None:
        """Replace all keys."""
        self._keys = sorted(keys)
        self._entries: dict[str, bytes] = {}
        self._drop_pages()

    def add(self, key: str) -> None:
        """Add a key that is not in the list."""
        insort(self._keys, key)
        self._drop_pages()

    def remove(self, key: str) -> None:
        """Remove a key that is in the list."""
        del self._keys[bisect_left(self._keys, key)]
        self.changed(key)

    def changed(self, key: str) -> None:
        """Note that the entry of a key has changed."""
        self._entries.pop(key, None)
        self._drop_pages()

    def _drop_pages(self) -> None:
        self._kept: dict[str | None, Page | None] = {None: None}

    def page(
        self, after: str | None, encode: Callable[[str], bytes], *, limit: int | None = None
    ) -> Page:
        """Return the page behind the cursor ``after``; the first one if that is None.

        ``encode`` returns the entry of a key as JSON; ``limit`` is for a shorter page.
        """
        if after not in self._kept or (limit is not None and limit < self._limit):
            return self._compose(after, encode, min(limit or self._limit, self._limit))
        page = self._kept[after]
        if page is None:
            page = self._kept[after] = self._compose(after, encode, self._limit)
            if page.next is not None:
                self._kept.setdefault(page.next, None)
        return page

    def _compose(self, after: str | None, encode: Callable[[str], bytes], limit: int) -> Page:
        keys = self._keys
        begin = 0 if after is None else bisect_right(keys, after)
        entries: list[bytes] = []
        size = 0
        for key in keys[begin : begin + limit]:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = encode(key)
            size += len(entry) + len(b",")
            if entries and size > self._most_bytes:
                break
            entries.append(entry)
        end = begin + len(entries)
        return Page(b"[" + b",".join(entries) + b"]", keys[end - 1] if end < len(keys) else None)
