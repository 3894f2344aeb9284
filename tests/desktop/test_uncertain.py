"""What may have been delivered is never called "not sent", and comes in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.desktop.stage import Stage, on_stage


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A message is given up, for the moment, as soon as it has been sent."""
    with monkeypatch.context() as shorter:
        shorter.setattr("client.session.delivery.SEND_SECONDS", 0.5)
        yield


@on_stage(redis_timeout=1)
async def test_a_message_that_redis_may_still_get_is_not_confirmed_and_then_delivered(
    stage: Stage,
) -> None:
    alice = await stage.one()
    await alice.focus()
    stage.cluster.redis.pause()
    alice.write("hello?\n")
    await alice.sees("hello?", "not confirmed yet …")
    await stage.cluster.nodes[0].not_ready()
    stage.cluster.redis.resume()
    await alice.sees_that(lambda: "not confirmed" not in alice.screen, "that it was delivered")
    await alice.sees("hello?")
    assert alice.lines.count("hello?") == 1
    assert "Not sent" not in alice.screen
