"""Signing in: by password, by device token, by JSON Web Token; and who is refused, and how."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio

from gateway.wire.close_codes import JWT_EXPIRED
from tests.cluster.accounts import (
    ANOTHER,
    PASSWORD,
    hello,
    outcome,
    register,
    registered,
    signed_in,
)
from tests.nodes import administer, open_cluster
from tests.redis_server import RedisServer
from tests.websocket import connect

SECRET = "a secret of thirty-two bytes or more"  # noqa: S105


async def test_a_registered_nickname_is_yours_on_every_node(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.urls
        async with registered(first, "Alice", device="laptop") as (_, welcome):
            assert (welcome["nick"], welcome["role"]) == ("Alice", "user")
        async with connect(second) as stranger:
            for spelling in ("Alice", "alice", "A1ice"):
                refused = await hello(stranger, nick=spelling)
                assert outcome(refused) == ("nick_taken", "registered")
            free = (await hello(stranger, nick="Alice"))["suggestion"]
            assert (await hello(stranger, nick=free))["type"] == "welcome"
        async with signed_in(second, token=welcome["token"]) as (_, again):
            same = ("account", "device", "nick")
            assert [again[name] for name in same] == [welcome[name] for name in same]
        async with signed_in(second, nick="ALICE", password=PASSWORD, device="phone") as (_, other):
            assert other["account"] == welcome["account"]
            assert other["device"] != welcome["device"]


async def test_a_sign_in_that_is_repeated_is_one_device(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster, registered(cluster.urls[0], "Alice"):
        pass
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.urls
        by_password = {"nick": "Alice", "password": PASSWORD, "device": "phone"}
        once = by_password | {"id": "an-id-for-this-alone"}
        async with signed_in(first, **once) as (_, one), signed_in(second, **once) as (_, same):
            assert one["device"] == same["device"]
        async with connect(first) as client:
            assert outcome(await hello(client, token=one["token"])) == ("bad_token", "unknown")
            assert (await hello(client, token=same["token"]))["type"] == "welcome"
            listed = await client.ask({"type": "devices", "id": "d"})
            assert [each["name"] for each in listed["devices"]].count("phone") == 1
        for another in ({"id": "1"}, {"id": "1"}, {"id": "an-id-of-another-one"}):
            async with signed_in(second, **by_password, **another) as (_, other):
                assert other["device"] != one["device"]


async def test_wrong_nickname_and_wrong_password_are_one_answer(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster, connect(cluster.urls[0]) as client:
        async with registered(cluster.urls[0], "Alice"):
            pass
        wrong = await hello(client, nick="Alice", password=ANOTHER)
        nobody = await hello(client, nick="Nobody", password=PASSWORD)
        assert wrong == nobody
        assert outcome(wrong) == ("bad_credentials", None)
        too_long = await hello(client, nick="n" * 4_000, password="p" * 4_000)
        assert outcome(too_long) == ("bad_credentials", None)


async def test_guessing_is_slowed_down_and_a_token_never(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster, connect(cluster.urls[0]) as guesser:
        async with registered(cluster.urls[0], "Alice") as (_, welcome):
            pass
        answers = [
            await hello(guesser, nick="Alice", password=f"{ANOTHER} {number}")
            for number in range(6)
        ]
        assert [answer["code"] for answer in answers[:4]] == ["bad_credentials"] * 4
        assert answers[-1]["code"] == "too_fast"
        assert 0 < answers[-1]["retry_after"] <= 60
        async with signed_in(cluster.urls[0], token=welcome["token"]):
            pass


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "malformed"),
        ("x" * 10_000, "malformed"),
        (f"{'0' * 16}.{'0' * 12}.{'s' * 43}", "unknown"),
        ("{account}." + "0" * 12 + "." + "s" * 43, "revoked"),
        ("{account}.{device}." + "s" * 43, "unknown"),
    ],
)
async def test_a_wrong_token_is_refused_with_its_reason(
    redis_server: RedisServer, token: str, reason: str
) -> None:
    async with open_cluster(redis_server, 1) as cluster, connect(cluster.urls[0]) as client:
        async with registered(cluster.urls[0], "Alice") as (_, welcome):
            pass
        assert outcome(await hello(client, token=token.format(**welcome))) == ("bad_token", reason)


async def test_a_device_that_was_not_used_is_signed_out(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, device_days=0.001) as cluster:
        async with registered(cluster.urls[0], "Alice") as (_, welcome):
            pass
        key, device = f"chat:{{account:{welcome['account']}}}:devices", welcome["device"]
        stored = redis_server.ask("HGET", key, device)
        hour = int(time.time()) // 3600 * 3600
        redis_server.ask("HSET", key, device, stored.replace(str(hour), str(hour - 7200)))
        async with connect(cluster.urls[0]) as client:
            refused = await hello(client, token=welcome["token"])
            assert outcome(refused) == ("bad_token", "expired")


async def test_an_operator_disables_an_account_and_enables_it(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        async with registered(cluster.urls[0], "Alice") as (alice, welcome):
            await administer("user", "disable", "Alice", redis=redis_server.url)
            notice = await alice.hear_type("notice")
            assert notice["code"] == "account_disabled"
            assert await alice.closed() == 4506
        async with connect(cluster.urls[1]) as client:
            by_token = await hello(client, token=welcome["token"])
            by_password = await hello(client, nick="Alice", password=PASSWORD)
            assert outcome(by_token) == outcome(by_password) == ("account_disabled", None)
            resumed = await hello(client, resume=welcome["session"])
            assert resumed["type"] == "error"
            await administer("user", "enable", "Alice", redis=redis_server.url)
            assert (await hello(client, token=welcome["token"]))["type"] == "welcome"


async def test_a_code_of_the_operator_stands_for_the_password_until_there_is_one(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        async with registered(cluster.urls[0], "Alice"):
            pass
        done = await administer("user", "reset-password", "Alice", redis=redis_server.url)
        code = next(word for word in done.stdout.split() if word.count("-") == 3)
        async with signed_in(cluster.urls[0], nick="Alice", password=code) as (alice, welcome):
            assert welcome["change_password"]
            change = {"type": "password", "old": code, "new": ANOTHER, "id": "p"}
            assert (await alice.ask(change))["type"] == "ok"
        async with connect(cluster.urls[0]) as client:
            assert outcome(await hello(client, nick="Alice", password=code))[0] == "bad_credentials"
            assert (await hello(client, nick="Alice", password=ANOTHER))["type"] == "welcome"


async def test_secrets_are_not_taken_where_others_can_read(redis_server: RedisServer) -> None:
    behind = {"trusted_proxies": "127.0.0.0/8,::1"}  # which says nothing about TLS
    async with (
        open_cluster(redis_server, 1, **behind) as cluster,
        connect(cluster.urls[0]) as client,
    ):
        answers = [
            await register(client, "Alice"),
            await hello(client, nick="Alice", password=PASSWORD),
            await hello(client, token="x"),  # noqa: S106
            await hello(client, jwt="x"),
        ]
        assert {outcome(answer)[0] for answer in answers} == {"insecure"}
        assert (await hello(client, nick="Alice"))["insecure"]


# --- JSON Web Tokens ------------------------------------------------------------------------------


def token(*, expires: float = 60.0, **claims: Any) -> str:
    """A JSON Web Token that ends in some seconds."""
    now = int(time.time())
    given = {
        "sub": "7", "aud": "chat", "iat": now, "exp": now + expires, "preferred_username": "Jo",
    }  # fmt: skip
    return jwt.encode(given | claims, SECRET, algorithm="HS256")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """The settings of a node that takes such tokens."""
    path = tmp_path / "jwt-secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return {"jwt_keys": str(path), "jwt_audience": "chat"}


async def test_the_first_sight_of_a_subject_makes_its_account(
    redis_server: RedisServer, keys: dict[str, str]
) -> None:
    async with open_cluster(redis_server, 2, **keys) as cluster:
        first, second = cluster.urls
        async with signed_in(first, jwt=token(), device="portal") as (_, welcome):
            assert (welcome["nick"], "token" in welcome) == ("Jo", False)
        async with signed_in(second, jwt=token(preferred_username="Other")) as (_, again):
            assert (again["account"], again["nick"]) == (welcome["account"], "Jo")
        async with connect(second) as client:
            for wrong, reason in (
                (token(aud="elsewhere"), "audience"),
                (token(expires=-1), "expired"),
                (jwt.encode({"sub": "7"}, "x" * 64, algorithm="HS512"), "algorithm"),
                ("no.jwt.", "malformed"),
                ("x" * 13_000, "too_long"),
            ):
                assert outcome(await hello(client, jwt=wrong)) == ("bad_jwt", reason)


async def test_a_session_ends_with_its_token_unless_it_is_refreshed(
    redis_server: RedisServer, keys: dict[str, str]
) -> None:
    async with open_cluster(redis_server, 1, **keys) as cluster:
        ends_soon = token(expires=-24 + 3, nbf=0)
        async with signed_in(cluster.urls[0], jwt=token(expires=2)) as (jo, welcome):
            refresh = {"type": "refresh", "jwt": token(expires=90), "id": "r"}
            assert (await jo.ask(refresh))["type"] == "ok"
            refused = await jo.ask(refresh | {"jwt": token(sub="8"), "id": "s"})
            assert outcome(refused) == ("bad_jwt", "subject")
            assert outcome(await jo.ask(refresh | {"jwt": ends_soon, "id": "t"}))[0] == "bad_jwt"
            assert welcome["account"]


async def test_a_signed_out_device_does_not_come_back_by_the_same_token(
    redis_server: RedisServer, keys: dict[str, str]
) -> None:
    async with open_cluster(redis_server, 1, **keys) as cluster:
        same = token()
        async with signed_in(cluster.urls[0], jwt=same, device="portal") as (jo, _):
            assert (await jo.ask({"type": "sign_out", "id": "o"}))["type"] == "ok"
            assert await jo.closed() == 1000
        async with connect(cluster.urls[0]) as client:
            refused = await hello(client, jwt=same, device="portal")
            assert outcome(refused) == ("bad_jwt", "revoked")


async def test_the_connection_is_closed_when_the_token_has_expired(
    redis_server: RedisServer, keys: dict[str, str]
) -> None:
    async with open_cluster(redis_server, 1, **keys) as cluster:
        async with signed_in(cluster.urls[0], jwt=token(expires=60)) as (jo, welcome):
            key = f"chat:{{account:{welcome['account']}}}:devices"
            stored = redis_server.ask("HGET", key, welcome["device"])
            # As if it had been issued a minute and twenty seconds ago.
            ends = str(stored).partition('"renewed":')[2].partition("}")[0].partition(",")[0]
            soon = stored.replace(ends, str(int(time.time()) - 24))
            redis_server.ask("HSET", key, welcome["device"], soon)
            await jo.break_off()
        async with connect(cluster.urls[0]) as client:
            resumed = await hello(client, resume=welcome["session"])
            assert resumed["type"] == "welcome"
            with trio.fail_after(30):
                assert await client.closed() == JWT_EXPIRED.code
