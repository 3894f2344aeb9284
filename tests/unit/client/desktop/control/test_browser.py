"""Which texts are opened in the browser."""

from __future__ import annotations

import webbrowser

import pytest

from client.desktop.control.browser import open_link


async def test_only_links_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def browse(link: str) -> bool:
        opened.append(link)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    assert await open_link("https://a.example/")
    for other in ("javascript:alert(1)", "file:///etc/passwd", "-x https://a", "https://a b"):
        assert not await open_link(other)
    assert opened == ["https://a.example/"]
