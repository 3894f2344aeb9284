"""Short runs of ``tests.fuzzing``: nothing that a server sends is an exception of the client."""

from __future__ import annotations

import pytest

from tests.fuzzing.handshakes import fuzz_handshakes
from tests.fuzzing.sessions import fuzz_sessions


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_handshake_is_an_uncaught_exception(seed: int) -> None:
    outcomes = await fuzz_handshakes(100, seed)
    assert outcomes.total() == 100
    assert len(outcomes) > 5, "some were refused for different reasons"


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_frame_is_an_uncaught_exception(seed: int) -> None:
    outcomes = await fuzz_sessions(2_000, seed)
    assert outcomes["frames"] >= 2_000
    assert outcomes["served to the end"] > 3, "some sessions got far"
