"""What Redis refuses for good is logged now and then, and counted; and tried again ever later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog.testing
from structlog.typing import EventDict

from gateway.backplane.redis.errors import Denied, Forbidden, Refused, says_forbidden
from gateway.backplane.redis.refused_commands import (
    MOST_KEPT,
    REPEAT_SECONDS,
    RefusedCommands,
    describe,
)
from gateway.backplane.redis.retry import LONGEST_RETRY_SECONDS, RETRY_SECONDS, Retry
from gateway.backplane.redis.scripts import PUBLISH
from gateway.backplane.redis.server_health import ServerHealth

WRONG_TYPE = Refused("WRONGTYPE Operation against a key holding the wrong kind of value")
NOT_ALLOWED = Forbidden("NOPERM No permissions to run the 'xrange' command")


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_the_same_refusal_is_logged_once_a_minute_and_counted(logs: list[EventDict]) -> None:
    refused = RefusedCommands("node-commands")
    for second in range(150):
        refused.add(("EVALSHA", PUBLISH.sha, 4, "chat:{room:lobby}:meta"), WRONG_TYPE, second)
    assert [line["times"] for line in logs] == [1, 60, 60]
    assert {line["command"] for line in logs} == {"script publish"}
    assert {line["key"] for line in logs} == {"chat:{room:lobby}:meta"}
    assert {line["connection"] for line in logs} == {"node-commands"}


def test_a_flood_of_different_ones_is_bounded(logs: list[EventDict]) -> None:
    refused = RefusedCommands("test")
    for number in range(5 * MOST_KEPT):
        refused.add(("GET", f"key {number}"), WRONG_TYPE, 0.0)
    assert len(logs) == MOST_KEPT
    refused.add(("GET", "another"), WRONG_TYPE, REPEAT_SECONDS)
    assert len(logs) == MOST_KEPT + 1


@pytest.mark.usefixtures("logs")
def test_what_concerns_everything_stands_until_it_is_carried_out() -> None:
    refused = RefusedCommands("test")
    refused.add(("GET", "key"), WRONG_TYPE, 0.0)
    refused.add(("INFO", "memory"), NOT_ALLOWED, 0.0)
    assert refused.why == "", "one spoilt key is one room's; and INFO can be done without"
    refused.add(("XRANGE", "key"), NOT_ALLOWED, 0.0)
    refused.succeeded(("GET", "key"))
    assert refused.why == f"XRANGE: {NOT_ALLOWED}"
    refused.succeeded(("XRANGE", "another"))
    assert refused.why == ""


def test_commands_are_called_by_their_names() -> None:
    assert describe(("EVAL", PUBLISH.source, 1, b"key \xff")) == ("script publish", "key �")
    assert describe(("EVALSHA", "another", 0)) == ("script ?", "")
    assert describe(("PING",)) == ("PING", "")
    assert describe(("HLEN", "key")) == ("HLEN", "key")


def test_what_a_node_can_do_without_is_logged_once_for_good(logs: list[EventDict]) -> None:
    refused = RefusedCommands("commands")
    for minute in range(5):
        refused.add(("SCAN", 0), NOT_ALLOWED, 100.0 * minute)
    assert refused.why == ""
    assert [line["command"] for line in logs] == ["SCAN"]


@pytest.mark.parametrize(
    ("error", "forbids"),
    [
        ("@user_script: 7: The user executing the script can't run this command", True),  # 6.2
        ("ERR The user executing the script can't access at least one of the keys", True),
        ("ERR ACL failure in script: No permissions to access a channel", True),
        ("@user_script: 7: Unknown Redis command called from Lua script", True),
        ("ERR Unknown command called from script", True),
        ("NOPERM No permissions to access a key", True),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", False),
        ("OOM command not allowed when used memory > 'maxmemory'.", False),
    ],
)
def test_an_error_within_a_script_says_whether_a_command_is_forbidden(
    error: str, forbids: bool
) -> None:
    assert says_forbidden(error) is forbids


def test_the_pauses_after_refusals_grow_to_a_bound() -> None:
    retry = Retry()
    pauses = [retry.pause(WRONG_TYPE) for _ in range(12)]
    assert pauses[:3] == [RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS]
    assert pauses[-1] == LONGEST_RETRY_SECONDS
    assert retry.pause(Denied("OOM")) == RETRY_SECONDS, "what passes is tried again soon"
    assert retry.pause(NOT_ALLOWED) == RETRY_SECONDS
    retry.pause(NOT_ALLOWED)
    retry.succeeded()
    assert retry.pause(NOT_ALLOWED) == RETRY_SECONDS


def test_a_reason_is_logged_when_it_comes_up_and_again_after_a_good_time(
    logs: list[EventDict],
) -> None:
    health = ServerHealth()
    for _ in range(5):
        health.mark_unsuitable("commands", "too old")
        health.mark_unsuitable("subscription", "too old")
    assert health.why_unsuitable == "too old"
    health.mark_unsuitable("commands", "a replica")
    health.mark_away("commands", "refused")
    assert (health.why_unsuitable, health.why_away) == ("too old", "refused")
    health.mark_usable("commands", "here:1")
    assert [line["log_level"] for line in logs] == ["error", "error", "info"]
    health.mark_usable("subscription", "here:1")
    assert health.why_unsuitable == health.why_away == ""
    assert [line["event"] for line in logs[2:]] == [
        "redis connected", "redis connected", "redis can be used again",
    ]  # fmt: skip
    health.mark_unsuitable("commands", "too old")
    assert logs[-1]["reason"] == "too old"
    assert len(logs) == 6
    health.warn(("this", "that"))
    health.warn(("that",))
    assert [line["problem"] for line in logs[6:]] == ["this", "that"]
