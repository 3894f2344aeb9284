"""Hashing of passwords beside the event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from gateway.auth.password_hashing import Argon2Cost, CannotHash
from gateway.credentials import password_hasher
from gateway.credentials.hash_slots import SLOTS, HashSlots
from gateway.credentials.password_hasher import LONGEST_WAIT, HasherBusy, PasswordHasher
from gateway.wire.passwords import BadPassword, WeakPassword
from tests import PATIENCE

CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
GOOD = "correct horse battery staple"


@pytest.fixture
def slots(tmp_path: Path) -> HashSlots:
    return HashSlots(tmp_path / "slots")


@pytest.fixture
def hasher(slots: HashSlots) -> Iterator[PasswordHasher]:
    with contextlib.closing(PasswordHasher(slots, cost=CHEAP, most_waiting=3)) as made:
        yield made


@contextlib.contextmanager
def all_held(slots: HashSlots) -> Iterator[None]:
    """Hold all slots, as another process would."""
    with contextlib.ExitStack() as stack:
        for number in range(SLOTS):
            stack.enter_context(slots.hold(number))
        yield


async def test_a_password_is_hashed_and_verified(hasher: PasswordHasher) -> None:
    hashed = await hasher.hash_new(GOOD, nick="alice")
    assert await hasher.verify(hashed, GOOD)
    assert not await hasher.verify(hashed, GOOD + "!")
    assert not hasher.needs_rehash(hashed)
    dearer = Argon2Cost(memory_kib=8, passes=2, lanes=1)
    assert PasswordHasher(cost=dearer).needs_rehash(hashed)


async def test_it_is_the_same_password_however_it_is_typed(hasher: PasswordHasher) -> None:
    hashed = await hasher.hash("Zw\u00f6lf \u00c4pfel")
    assert await hasher.verify(hashed, "Zwo\u0308lf\u00a0A\u0308pfel")


@pytest.mark.parametrize("password", [GOOD, "", "\0", "x" * 100_000, "\ud800"])
async def test_nobody_has_any_password(hasher: PasswordHasher, password: str) -> None:
    assert not await hasher.verify("", password)


@pytest.mark.parametrize("password", ["", "\0", "x" * 100_000, "\ud800"])
async def test_what_can_be_no_password_is_just_wrong(hasher: PasswordHasher, password: str) -> None:
    assert not await hasher.verify(await hasher.hash(GOOD), password)


async def test_a_new_password_is_refused_with_why(hasher: PasswordHasher) -> None:
    with pytest.raises(BadPassword):
        await hasher.hash_new("short")
    with pytest.raises(WeakPassword):
        await hasher.hash_new("passwordpassword")
    with pytest.raises(BadPassword):
        await hasher.hash_new(GOOD, least_chars=100)


async def test_whoever_waits_is_served_once_a_slot_is_free(
    hasher: PasswordHasher, slots: HashSlots
) -> None:
    hashed = await hasher.hash(GOOD)
    results: list[bool] = []

    async def verify() -> None:
        results.append(await hasher.verify(hashed, GOOD))

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            with all_held(slots):
                for _ in range(5):
                    nursery.start_soon(verify)
                await trio.testing.wait_all_tasks_blocked()
                assert results == []
    assert results == [True] * 5


async def test_over_the_bound_one_is_told_when_to_try_again(
    hasher: PasswordHasher, slots: HashSlots, mock_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        with all_held(slots):
            for _ in range(3 + SLOTS):
                nursery.start_soon(hasher.verify, "", GOOD)
            await trio.testing.wait_all_tasks_blocked()
            for passed, told in ((0, 1.0), (LONGEST_WAIT - 1, LONGEST_WAIT - 1)):
                mock_clock.jump(passed)
                with pytest.raises(HasherBusy) as caught:
                    await hasher.verify("", GOOD)
                assert caught.value.retry_after == told
            nursery.cancel_scope.cancel()
    assert await hasher.hash(GOOD)


async def test_whoever_waits_too_long_is_told_to_try_again(
    hasher: PasswordHasher, slots: HashSlots, mock_clock: trio.testing.MockClock
) -> None:
    told: list[float] = []

    async def verify() -> None:
        with pytest.raises(HasherBusy) as caught:
            await hasher.verify("", GOOD)
        told.append(caught.value.retry_after)

    with all_held(slots):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(verify)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(LONGEST_WAIT)
    assert told == [LONGEST_WAIT] * 3
    assert await hasher.hash(GOOD)


async def test_without_memory_one_is_told_to_try_again(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise CannotHash

    hashed = await hasher.hash(GOOD)
    monkeypatch.setattr(password_hasher, "hash_password", fails)
    monkeypatch.setattr(password_hasher, "verify_password", fails)
    with pytest.raises(HasherBusy):
        await hasher.hash(GOOD)
    with pytest.raises(HasherBusy):
        await hasher.verify(hashed, GOOD)


async def test_whoever_is_cancelled_leaves_the_queue(
    hasher: PasswordHasher, slots: HashSlots
) -> None:
    with trio.fail_after(PATIENCE):
        with all_held(slots):
            for _ in range(20):
                async with trio.open_nursery() as nursery:
                    for _ in range(3 + SLOTS):
                        nursery.start_soon(hasher.verify, "", GOOD)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.cancel_scope.cancel()
        assert await hasher.verify(await hasher.hash(GOOD), GOOD)


def test_a_hash_may_outlive_the_loop_that_asked_for_it(slots: HashSlots) -> None:
    with contextlib.closing(PasswordHasher(slots, cost=CHEAP)) as hasher:
        with all_held(slots):

            async def give_up() -> None:
                with trio.move_on_after(0):
                    await hasher.hash(GOOD)

            trio.run(give_up)
        trio.run(hasher.hash, GOOD)
