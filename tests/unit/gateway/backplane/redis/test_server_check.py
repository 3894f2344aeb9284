"""What is found of servers by what they say; their answers were recorded from real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import hiredis
import pytest

from gateway.backplane.redis.errors import translate
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.server_check import (
    QUESTIONS,
    ServerReport,
    check_facts,
    check_greeting,
)

RECORDED: Final = json.loads((Path(__file__).parent / "recorded/servers.json").read_text("utf-8"))
"""By server and question; of INFO without what says where and when it ran."""
GOOD: Final = "Redis 7.0.15"
NOSCRIPT: Final = translate("NOSCRIPT No matching script.")
SERVER: Final = RedisEndpoint.from_url("redis://redis.example")
NAMED_BY_SENTINELS: Final = RedisEndpoint(place="redis.example:6379", must_be_primary=True)
Replies = dict[tuple[Any, ...], Any]


def recorded(name: str) -> Replies:
    """What a server answers to `QUESTIONS`, for a test to change."""
    replies: Replies = {}
    for question in QUESTIONS:
        text = RECORDED[name].get(" ".join(map(str, question)))
        if question[0] == "HELLO":
            reader = hiredis.Reader()
            reader.feed(text.encode())
            replies[question] = reader.gets()
        else:
            replies[question] = NOSCRIPT if text is None else text.encode()
    return replies


def look_at(replies: Replies, server: RedisEndpoint = SERVER, **settings: bool) -> ServerReport:
    return check_greeting(server, list(replies), list(replies.values()), **settings)


def told(replies: Replies, old: str, new: str) -> Replies:
    """The same, but for a line of INFO."""
    changed = {
        question: reply.replace(old.encode(), new.encode()) if isinstance(reply, bytes) else reply
        for question, reply in replies.items()
    }
    assert changed != replies
    return changed


@pytest.mark.parametrize("name", [each for each in RECORDED if "Cluster" not in each])
def test_servers_are_told_by_their_version(name: str) -> None:
    found = look_at(recorded(name))
    assert found.replication_id
    assert found.warnings == ()
    if name == "Redis 6.0.16":
        assert found.unsuitable == (
            "Redis 6.0.16 at redis.example:6379 is too old: "
            "this needs Redis 6.2 or later, or Valkey"
        )
    else:
        assert found == ServerReport(
            replication_id=found.replication_id, former_replication_id="0" * 40
        )


@pytest.mark.parametrize("name", [each for each in RECORDED if "Cluster" in each])
@pytest.mark.parametrize("question", ["INFO", "HELLO"])
def test_cluster_mode_is_seen_by_either_question(name: str, question: str) -> None:
    replies = recorded(name)
    for asked in replies:
        if asked[0] not in {question, "EVALSHA"}:
            replies[asked] = translate(f"NOPERM no permissions to run the '{asked[0]}' command")
    assert "runs in Cluster mode, which is not supported" in look_at(replies).unsuitable


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        ("6.2.0", False), ("6.1.240", True), ("2.8.24", True), ("10.0.1", False),
        ("255.255.255", False), ("5.0.14.1-abc", True), ("7.4-rc1", False),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, is_old: bool) -> None:
    found = look_at(told(recorded(GOOD), "redis_version:7.0.15", f"redis_version:{version}"))
    assert bool(found.unsuitable) is is_old


@pytest.mark.parametrize("version", ["", "unstable", "six"])
def test_a_version_that_is_none_is_worth_a_warning(version: str) -> None:
    found = look_at(told(recorded(GOOD), "redis_version:7.0.15", f"redis_version:{version}"))
    assert found.unsuitable == ""
    assert "does not tell its version: this needs Redis 6.2" in found.warnings[0]


def test_a_version_that_is_not_told_is_worth_a_warning() -> None:
    replies = told(recorded(GOOD), "redis_version:7.0.15", "dragon_version:1")
    replies[QUESTIONS[0]] = translate("ERR unknown command 'HELLO'")
    found = look_at(replies)
    assert found.unsuitable == ""
    assert [line for line in found.warnings if "does not tell its version" in line]


def test_a_replica_is_refused_and_its_primary_named() -> None:
    replies = told(
        recorded(GOOD), "role:master", "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380"
    )
    assert look_at(replies).unsuitable == (
        "Redis at redis.example:6379 is a replica of 10.0.0.1:6380: "
        "name the primary, or its sentinels"
    )
    found = look_at(replies, NAMED_BY_SENTINELS)
    assert (found.unsuitable, bool(found.unavailable)) == ("", True), (
        "they will name another one soon"
    )


def test_a_sentinel_is_no_server() -> None:
    found = look_at(told(recorded(GOOD), "redis_mode:standalone", "redis_mode:sentinel"))
    assert found.unsuitable == (
        "redis.example:6379 is a sentinel, not a Redis server: "
        "name it as redis+sentinel://redis.example:6379/NAME"
    )


@pytest.mark.parametrize(
    "policy",
    [
        "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
        "volatile-random", "volatile-ttl", "eviction",
    ],
)  # fmt: skip
def test_every_policy_that_evicts_is_refused_or_warned_of(policy: str) -> None:
    evicting = told(recorded(GOOD), "policy:noeviction", f"policy:{policy}")
    limited = told(evicting, "maxmemory:0", "maxmemory:1000000")
    refused = look_at(limited)
    assert f"(maxmemory-policy {policy})" in refused.unsuitable
    assert "set maxmemory-policy noeviction" in refused.unsuitable
    assert "--redis-eviction warn" in refused.unsuitable
    for found in (look_at(limited, refuse_eviction=False), look_at(evicting)):
        assert found.unsuitable == ""
        assert f"(maxmemory-policy {policy})" in found.warnings[0]


def test_a_full_server_that_evicts_nothing_is_used() -> None:
    assert look_at(told(recorded(GOOD), "maxmemory:0", "maxmemory:1000000")).unsuitable == ""


@pytest.mark.parametrize(
    ("error", "told_as"),
    [
        ("NOAUTH Authentication required.", "asks for a password: put it into the URL"),
        ("DENIED Redis is running in protected mode because", "is in protected mode: give it"),
    ],
)
def test_a_server_that_lets_nobody_in_says_what_is_missing(error: str, told_as: str) -> None:
    assert told_as in look_at(dict.fromkeys(recorded(GOOD), translate(error))).unsuitable


@pytest.mark.parametrize(
    "error",
    [
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR AUTH <password> called without any password configured for the default user.",
    ],
)
def test_a_wrong_password_is_told_before_all_else(error: str) -> None:
    replies = {("AUTH", "secret"): translate(error)} | recorded("Redis 6.0.16")
    found = look_at(replies)
    assert found.unsuitable.startswith("Redis at redis.example:6379 refuses the user or password")
    assert "secret" not in found.unsuitable


@pytest.mark.parametrize(
    "command", [("CLIENT", "SETNAME", "n"), QUESTIONS[1], QUESTIONS[2], ("SCRIPT", "LOAD", "x")]
)
@pytest.mark.parametrize("error", ["NOPERM User u has no permissions", "ERR unknown command 'X'"])
def test_what_is_forbidden_beyond_need_is_a_warning(command: tuple[str, ...], error: str) -> None:
    found = look_at(recorded(GOOD) | {command: translate(error)})
    assert found.unsuitable == found.unavailable == ""
    assert len(found.warnings) == 1
    assert f"refuses {command[0]}: " in found.warnings[0]


def test_without_hello_nothing_is_missing() -> None:
    replies = recorded(GOOD) | {QUESTIONS[0]: translate("ERR unknown command 'HELLO'")}
    assert look_at(replies) == look_at(recorded(GOOD))


@pytest.mark.parametrize(
    "command", [("SELECT", 3), QUESTIONS[-1], ("SCRIPT", "LOAD", "x"), ("AUTH", "x")]
)
def test_what_is_needed_and_refused_makes_it_unfit(command: tuple[Any, ...]) -> None:
    error = "ERR Error compiling script" if command[0] == "SCRIPT" else "NOPERM no permissions"
    found = look_at(recorded(GOOD) | {command: translate(error)})
    assert error in found.unsuitable


def test_a_server_that_is_starting_is_waited_for() -> None:
    loading = translate("LOADING Redis is loading the dataset in memory")
    found = look_at(recorded(GOOD) | {("SCRIPT", "LOAD", "x"): loading})
    assert (found.unsuitable, found.unavailable) == ("", str(loading))


@pytest.mark.parametrize("reply", [None, 1, b"", b"OK", [], [b"version"], [b"version", 1], [[]]])
def test_any_answer_is_borne(reply: object) -> None:
    found = look_at(dict.fromkeys(QUESTIONS, reply))
    assert found.unsuitable == found.unavailable == found.replication_id == ""


@pytest.mark.parametrize(
    "spoil", [lambda text: text + "x" * 99_999, lambda text: f"{text}\x1b[2J\n\0{'é' * 999}"]
)
def test_what_is_told_of_an_answer_is_one_short_line(spoil: Callable[[str], str]) -> None:
    replies = told(recorded(GOOD), "redis_version:7.0.15", f"redis_version:{spoil('6.0')}")
    found = look_at(replies)
    assert found.unsuitable.isprintable()
    assert 0 < len(found.unsuitable) < 200


def test_the_process_of_a_server_is_told() -> None:
    facts = {"redis_version": "7.0.15", "role": "master", "run_id": "4f2a"}
    assert check_facts(SERVER, facts).run_id == "4f2a"
