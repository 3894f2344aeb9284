"""Hypothesis without deadlines: these machines are shared, and a slow run is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=100)
settings.load_profile("unit")
