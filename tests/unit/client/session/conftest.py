"""Fixtures of the tests of a session's parts."""

from __future__ import annotations

import pytest

from client.session import opening


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt to connect ends because time has run out."""
    monkeypatch.setattr(opening, "CONNECT_SECONDS", 600.0)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session connects again without a pause."""
    monkeypatch.setattr("client.session.route.FIRST_BACKOFF", 0.0)
