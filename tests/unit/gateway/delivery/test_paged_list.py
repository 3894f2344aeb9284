"""Pages of a list: composed once, however many ask, and wherever their pages begin."""

from __future__ import annotations

import json
from collections import Counter

from gateway.delivery.paged_list import PagedList


def test_an_entry_is_encoded_once_whatever_pages_are_asked_for() -> None:
    names = [f"nick{number:03}" for number in range(100)]
    encoded: Counter[str] = Counter()

    def encode(name: str) -> bytes:
        encoded[name] += 1
        return json.dumps(name).encode()

    pages = PagedList(limit=30, most_bytes=10_000)
    pages.replace(names)
    for number, name in enumerate(names):
        for limit in (3, 29, 30, None):
            page = json.loads(pages.page(name, encode, limit=limit).encoded)
            assert page == names[number + 1 : number + 1 + (limit or 30)]
    assert set(encoded.values()) == {1}
    pages.remove("nick050")
    assert json.loads(pages.page("nick049", encode, limit=1).encoded) == ["nick051"]
    assert encoded["nick051"] == 1
    pages.changed("nick051")
    assert json.loads(pages.page("nick049", encode, limit=1).encoded) == ["nick051"]
    assert encoded["nick051"] == 2, "after a change it may be another one"
    assert sum(encoded.values()) == len(encoded) + 1
