"""``chat-gateway admin`` as an operator meets it: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.nodes import administer
from tests.ports import free_port
from tests.redis_server import RedisServer, rules_for

LOG: Final = "chat:{room:lobby}:log"


def fill(redis_server: RedisServer, *texts: str) -> None:
    """Make a room that somebody was in, and said something."""
    redis_server.ask("HSET", "chat:{room:lobby}:meta", "epoch", "e1", "seq", len(texts))
    for seq, text in enumerate(texts, 1):
        message = {
            "seq": seq, "at": 1767225600000 + seq, "type": "message", "room": "lobby",
            "from": "alice", "text": text, "id": str(seq),
        }  # fmt: skip
        encoded = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        redis_server.ask("XADD", LOG, f"{seq}-0", "m", encoded)


async def test_the_log_shows_what_can_be_erased(redis_server: RedisServer) -> None:
    fill(redis_server, "one", "two\n\x1b[2J\u202e", "Grüße")
    await administer("purge", "message", "lobby", "1", redis=redis_server.url)
    shown = await administer("log", "lobby", "--limit", "2", redis=redis_server.url)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == (
        "2\t2026-01-01T00:00:00Z\talice\ttwo\\n\\x1b[2J\\u202e\n"
        "3\t2026-01-01T00:00:00Z\talice\tGrüße\n"
    )
    everything = await administer("log", "lobby", redis=redis_server.url)
    assert everything.stdout.splitlines()[0].endswith("\talice\t(erased)")


async def test_a_long_log_is_shown_as_far_as_asked_for(redis_server: RedisServer) -> None:
    fill(redis_server, *map(str, range(1, 1203)))
    redis_server.ask("XADD", LOG, "1202-5", "other", '{"seq":7,"at":1,"type":"message"')
    shown = await administer("log", "lobby", "--limit", "1201", redis=redis_server.url)
    assert [line.split("\t")[0] for line in shown.stdout.splitlines()] == [
        *map(str, range(3, 1203)), "7",
    ]  # fmt: skip


async def test_it_says_what_was_erased_and_what_was_not_there(redis_server: RedisServer) -> None:
    fill(redis_server, *"abcde")
    redis_server.ask("XDEL", LOG, "4-0")
    for seqs, said in (
        (["2"], "lobby: erased 2\n"),
        (
            ["4", "2", "1", "1"],
            "lobby: erased 1; erased before: 2; not in the log any more, only nodes told: 4\n",
        ),
        (["4"], "lobby: not in the log any more, only nodes told: 4\n"),
    ):
        done = await administer("purge", "message", "lobby", *seqs, redis=redis_server.url)
        told = "nodes told: 0, those that have the room open, of 0 alive\n"
        assert (done.returncode, done.stderr, done.stdout) == (0, "", said + told)
    done = await administer("purge", "room", "lobby", redis=redis_server.url)
    assert done.stdout.startswith("lobby: erased everything up to 5\n")


async def test_a_room_in_which_nothing_was_said_is_left_as_it_is(redis_server: RedisServer) -> None:
    fill(redis_server)
    done = await administer("purge", "room", "lobby", redis=redis_server.url)
    assert (done.returncode, done.stdout) == (0, "lobby: nothing was ever said there\n")


async def test_the_settings_may_come_from_the_environment(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(redis_server, "one")
    monkeypatch.setenv("CHAT_NAMESPACE", "other")
    done = await administer("log", "lobby", redis=redis_server.admin_url)
    assert done.stderr.endswith("there is no room 'lobby' in the namespace 'other'\n")
    done = await administer("log", "lobby", "--namespace", "chat", redis=redis_server.admin_url)
    assert done.stdout.endswith("\tone\n")


async def test_replicas_that_do_not_confirm_are_told_of(tmp_path: Path) -> None:
    folders = [tmp_path / "primary", tmp_path / "replica"]
    for folder in folders:
        folder.mkdir()
    async with RedisServer(folders[0], port=free_port()) as primary:
        fill(primary, "one", "two")
        replicated = {"port": free_port(), "replicaof": f"127.0.0.1 {primary.port}"}
        async with RedisServer(folders[1], **replicated) as replica:
            primary.ask("WAIT", 1, 10_000)
            done = await administer("purge", "message", "lobby", "1", redis=primary.url)
            assert (done.returncode, "warning" in done.stdout) == (0, False)
            replica.pause()
            done = await administer("purge", "message", "lobby", "2", redis=primary.url)
            assert done.returncode == 0
            assert "\nwarning: 0 of 1 replicas have confirmed it; " in done.stdout
            replica.resume()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["purge", "message", "nowhere", "1"], "there is no room 'nowhere' in the namesp"),
        (["purge", "room", "nowhere"], "there is no room 'nowhere' in the namespace 'chat'"),
        (["log", "nowhere"], "there is no room 'nowhere' in the namespace 'chat'"),
        (["purge", "room", "lobby", "--namespace", "b"], "there is no room 'lobby' in the namesp"),
        (["purge", "room", ""], "'': A room's name has 1 to 64 characters."),
        (["purge", "room", "a b"], "'a b': A room's name has no spaces"),
        (["purge", "message", "lobby", "x"], "SEQ: 'x' is no whole number from 1 to "),
        (["purge", "message", "lobby", "0"], "SEQ: '0' is no whole number from 1 to "),
        (["purge", "message", "lobby", "-1"], "SEQ: '-1' is no whole number from 1 to "),
        (["purge", "message", "lobby", "1.5"], "SEQ: '1.5' is no whole number from 1 to "),
        (["purge", "message", "lobby", "²"], "SEQ: '²' is no whole number from 1 to "),
        (["purge", "message", "lobby", str(2**60)], f"SEQ: '{2**60}' is no whole number from 1 "),
        (["purge", "message", "lobby", "9" * 5000], "SEQ: '999"),
        (["purge", "message", "lobby", "1", "7"], "'lobby' has no message 7: its last one is 1"),
        (
            ["purge", "message", "lobby", *map(str, range(1, 1002))],
            "1001 messages: at most 1000 at once",
        ),
        (["log", "lobby", "--limit", "0"], "--limit: '0' is no whole number from 1 to 10000"),
        (["log", "lobby", "--redis-timeout", "x"], "--redis-timeout: 'x' is not a number"),
    ],
)  # fmt: skip
async def test_wrong_usage_is_one_line_and_status_2(
    redis_server: RedisServer, arguments: list[str], complaint: str
) -> None:
    fill(redis_server, "one")
    before = redis_server.contents()
    done = await administer(*arguments, redis=redis_server.admin_url)
    assert done.returncode == 2, done
    assert done.stderr.startswith(f"chat-gateway: {complaint}"), done.stderr
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    assert redis_server.contents() == before


async def test_a_redis_that_is_not_there_is_one_line_and_status_1(
    redis_server: RedisServer,
) -> None:
    fill(redis_server, "one")
    redis_server.ask("SET", "chat:{room:lobby}:log:copier", "somebody else")
    redis_server.ask("CONFIG", "SET", "requirepass", "s3cret")
    anybody = redis_server.admin_url
    for url, complaint in (
        (f"redis://127.0.0.1:{free_port()}", "Redis (127.0.0.1:"),
        (anybody, f"Redis ({redis_server.socket}) cannot be used: Redis at "),
        (
            f"{redis_server.admin_url}?password=wrong",
            f"Redis ({redis_server.socket}) cannot be used: ",
        ),
        (f"{redis_server.admin_url}?password=s3cret", "another erasure in this room is under way"),
    ):
        done = await administer("purge", "room", "lobby", redis=url)
        assert done.returncode == 1, done
        assert done.stderr.startswith(f"chat-gateway: {complaint}"), done.stderr
        assert (done.stderr.count("\n"), done.stdout) == (1, "")
        assert "s3cret" not in done.stderr


@pytest.mark.parametrize("missing", ["-info", "-wait"])
async def test_what_was_erased_is_told_though_replicas_cannot_be_asked(
    redis_server: RedisServer, missing: str
) -> None:
    fill(redis_server, "one")
    url = redis_server.allow(*rules_for("chat"), missing)
    done = await administer("purge", "room", "lobby", redis=url)
    assert done.returncode == 0, done
    assert done.stdout.startswith("lobby: erased everything up to 1\n")
    # Without a replica nothing is to be asked but how many there are.
    assert ("cannot be asked: NOPERM" in done.stdout) is (missing == "-info")


async def test_a_spoilt_room_is_one_line_and_status_1(redis_server: RedisServer) -> None:
    fill(redis_server, "one")
    redis_server.ask("SET", LOG, "spoilt")
    for arguments in (["log", "lobby"], ["purge", "room", "lobby"]):
        done = await administer(*arguments, redis=redis_server.url)
        assert done.returncode == 1, done
        assert done.stderr.startswith("chat-gateway: WRONGTYPE "), done.stderr
        assert (done.stderr.count("\n"), done.stdout) == (1, "")
