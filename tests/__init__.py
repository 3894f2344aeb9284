"""The tests; CONTRIBUTING.md says how one is written."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 60.0
"""Seconds after which a test fails because something did not come that is sure to come."""
