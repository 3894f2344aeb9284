"""How many of the tests run side by side."""

from __future__ import annotations

import os
from typing import Final

import pytest

WORKERS_PER_CORE: Final = 2
"""Most tests wait most of the time, for heartbeats and processes."""
MOST_WORKERS: Final = 16


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return min(MOST_WORKERS, WORKERS_PER_CORE * (os.cpu_count() or 1))
