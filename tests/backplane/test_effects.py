"""Whether a call that failed may have taken effect all the same is known, and noted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Unavailable, noting_effects
from gateway.backplane.redis.errors import translate
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import PUBLISH
from tests.backplane.conftest import TIMEOUT
from tests.backplane.expectations import disconnected
from tests.redis_server import RedisServer

Call = Callable[[], Awaitable[object]]


async def leaves_uncertain(call: Call) -> bool:
    """Have a call fail; return whether it may have taken effect, as all who are asked say."""
    with noting_effects() as effects:
        with pytest.raises(Unavailable) as failure:
            await call()
        assert effects.possible == failure.value.uncertain
    return failure.value.uncertain


async def expect(call: Call, *, uncertain: bool) -> None:
    assert await leaves_uncertain(call) == uncertain


async def test_what_was_never_sent_has_no_effect(link: Link, redis_server: RedisServer) -> None:
    await redis_server.stop()
    await disconnected(link)
    await expect(partial(link.call, "INCR", "counter"), uncertain=False)
    await expect(partial(link.call_all, [("INCR", "counter")]), uncertain=False)


async def test_what_was_sent_and_not_answered_may_have_an_effect(
    link: Link, redis_server: RedisServer
) -> None:
    redis_server.pause()
    async with trio.open_nursery() as nursery:
        for call in (
            partial(link.call, "INCR", "counter"),
            partial(link.call_all, [("PING",), ("INCR", "counter")]),
        ):
            nursery.start_soon(partial(expect, call, uncertain=True))
        nursery.start_soon(partial(expect, partial(link.call, "HGET", "key", "1"), uncertain=False))
        await wait_all_tasks_blocked()
        await redis_server.kill()


async def test_what_waited_to_be_sent_when_the_connection_was_given_up_has_no_effect(
    link: Link, redis_server: RedisServer, mock_clock: MockClock
) -> None:
    mock_clock.rate = 1.0
    redis_server.pause()
    async with trio.open_nursery() as nursery:
        too_much = partial(link.call, "SET", "key", "x" * 8_000_000)
        nursery.start_soon(partial(expect, too_much, uncertain=True))
        await wait_all_tasks_blocked()
        for _ in range(3):
            late = partial(link.call, "INCR", "counter")
            nursery.start_soon(partial(expect, late, uncertain=False))
        await wait_all_tasks_blocked()
        mock_clock.jump(TIMEOUT + 1)
    redis_server.resume()


async def test_what_redis_refuses_has_no_effect_but_in_a_script_that_had_begun(link: Link) -> None:
    keys = ("meta", "log", "ids", "older", "members")
    arguments = (
        "s:1",
        "channel",
        ',"type":"message"}',
        100,
        100,
        "e",
        "digest",
        "",
        "s",
        "node 1 ",
        1000,
    )
    publish = partial(link.run_script, PUBLISH, keys, *arguments)
    await link.call("CONFIG", "SET", "maxmemory", 1)
    await expect(publish, uncertain=False)
    await link.call("CONFIG", "SET", "maxmemory", 0)
    await link.call("HSET", "meta", "epoch", "e")
    await link.call("SET", "log", "not a stream")
    await expect(partial(link.call, "XADD", "log", "*", "m", "x"), uncertain=False)
    await expect(publish, uncertain=True)
    assert await link.call("HGET", "meta", "seq") == b"1", "so far it had come"


@pytest.mark.parametrize(
    ("error", "uncertain"),
    [
        ("WRONGTYPE Operation against a key", False),
        ("WRONGTYPE Operation against a key script: 4884, on @user_script:1.", True),
        ("ERR Error running script (call to f_1): @user_script:5: WRONGTYPE Operation", True),
        ("ERR The user executing the script can't run this script: f4e1, on @user_script:1.", True),
        ("NOPERM this user has no permissions to run the 'evalsha' command", False),
        ("ERR Error compiling script (new function): user_script:1: '=' expected", False),
        # Only a script's first write is refused for these.
        ("OOM command not allowed. script: 88c9, on @user_script:1.", False),
        ("ERR Error running script (call to f_1): @user_script:5: -READONLY You", False),
        ("NOREPLICAS Not enough good replicas to write. script: 88, on @user_script:1.", False),
    ],
)
def test_the_error_of_a_script_tells_whether_it_had_begun(error: str, uncertain: bool) -> None:
    translated = translate(error)
    assert isinstance(translated, Unavailable)
    assert translated.uncertain == uncertain


async def test_an_earlier_call_that_succeeded_has_had_its_effect(link: Link) -> None:
    for command, possible in ((("HGET", "key", "field"), False), (("INCR", "counter"), True)):
        with noting_effects() as effects:
            await link.call(*command)
        assert effects.possible == possible
    with noting_effects() as effects:
        with pytest.raises(Unavailable):
            await link.call_all([("INCR", "counter"), ("INCR", "counter", "wrong")])
        assert effects.possible


async def test_each_task_notes_its_own_calls(link: Link) -> None:
    async def change() -> None:
        with noting_effects() as effects:
            await link.call("INCR", "counter")
            assert effects.possible

    with noting_effects() as effects:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
        assert not effects.possible
