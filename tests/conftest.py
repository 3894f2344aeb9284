"""How many of the tests run side by side, and what saves them time."""

from __future__ import annotations

import os
import sys
from typing import Final

import pytest

WORKERS_PER_CORE: Final = 2
"""Most tests wait most of the time, for heartbeats and processes."""
MOST_WORKERS: Final = 16

# Hundreds of nodes are started: each would compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return min(MOST_WORKERS, WORKERS_PER_CORE * (os.cpu_count() or 1))
