"""Fixtures of the tests of a session's parts."""

from __future__ import annotations

import pytest

from client.session import opening


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt to connect ends because time has run out."""
    monkeypatch.setattr(opening, "CONNECT_SECONDS", 600.0)
