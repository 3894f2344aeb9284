"""``chat-gateway admin`` on accounts, as an operator meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest
import trio

from gateway.auth import codes
from gateway.auth.password_hashing import verify_password
from tests import PATIENCE
from tests.nodes import administer
from tests.redis_server import RedisServer
from tests.waiting import until

PASSWORD: Final = "tractor lemon 8 window"  # noqa: S105
HASH: Final = "$argon2id$v=19$m=65536,t=3,p=1$lHNDGdQNQ3FwEz4wcmv8Sg$cO+jmWLKm3TjRvg+KYRg24NjjDYtxIwpqXuEDAXfbn4"  # noqa: E501
DEVICE: Final = '{"name":"phone","hash":"secret-hash","seen":1796076000,"made":1796076001}'


async def admin(
    server: RedisServer, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command with something on its standard input."""
    done = await trio.run_process(
        [sys.executable, "-m", "gateway", "admin", *arguments, "--redis", server.url],
        stdin=typed.encode(), capture_stdout=True, capture_stderr=True, check=False,
    )  # fmt: skip
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


async def make(server: RedisServer, nick: str, *options: str) -> str:
    """Make an account, and return its id."""
    done = await admin(server, "user", "add", nick, *options, typed=PASSWORD + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()[-1]


def stored(server: RedisServer, account: str) -> dict[str, str]:
    found: dict[str, str] = server.ask("HGETALL", f"chat:{{account:{account}}}:meta")
    return found


async def refused(server: RedisServer, *arguments: str, typed: str = "") -> str:
    """Run a command that is refused as wrong usage; give the line that says why."""
    before = server.contents()
    done = await admin(server, *arguments, typed=typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert server.contents() == before
    return done.stderr


async def test_the_first_owner_is_made_with_a_password_from_the_standard_input(
    redis_server: RedisServer,
) -> None:
    account = await make(redis_server, "Anna", "--role", "owner")
    found = stored(redis_server, account)
    assert (found["nick"], found["role"], found["state"]) == ("Anna", "owner", "active")
    assert verify_password(found["password"], PASSWORD)
    listed = await admin(redis_server, "user", "list")
    assert listed.stdout.split("\t")[:4] == ["Anna", account, "owner", "active"]
    shown = await admin(redis_server, "user", "show", "ANNA")
    assert f"id\t{account}\n" in shown.stdout
    assert found["password"] not in shown.stdout


@pytest.mark.parametrize("second", [PASSWORD, "another password"])
async def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    redis_server: RedisServer, second: str
) -> None:
    ours, theirs = pty.openpty()
    command = ["-m", "gateway", "admin", "user", "add", "Anna", "--redis", redis_server.url]
    process = await trio.lowlevel.open_process(
        [sys.executable, *command], stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""

    async def read_until(text: bytes) -> None:
        nonlocal shown
        while text not in shown:
            await trio.lowlevel.wait_readable(ours)
            shown += os.read(ours, 4096)

    with trio.fail_after(PATIENCE):
        await read_until(b"Password: ")
        os.write(ours, PASSWORD.encode() + b"\n")
        await read_until(b"Again: ")
        os.write(ours, second.encode() + b"\n")
        await read_until(b"made Anna" if second == PASSWORD else b"two different passwords")
        assert (await process.wait() == 0) == (second == PASSWORD)
    os.close(ours)
    assert PASSWORD.encode() not in shown


async def test_what_cannot_be_is_refused_in_one_line(redis_server: RedisServer) -> None:
    await make(redis_server, "Anna")
    add = ("user", "add", "Bob")
    for arguments, typed, said in (
        (add, "", "no password"),
        (add, "short\n", "12 characters"),
        ((*add, "--role", "king"), PASSWORD, "none of user, admin, owner"),
        (("user", "add", "anna"), PASSWORD, "is registered"),
        (("user", "show", "bob"), "", "no account 'bob'"),
        (("user", "enable", "anna"), "", "not disabled"),
        (("user", "role", "anna", "king"), "", "none of user"),
        (("device", "revoke", "anna"), "", "--all"),
        (("device", "revoke", "anna", "d1"), "", "no device 'd1'"),
        (("invite", "create", "--uses", "0"), "", "--uses"),
        (("invite", "revoke", "0123456789ab"), "", "no invitation"),
    ):
        assert said in await refused(redis_server, *arguments, typed=typed)


async def test_a_guest_who_has_the_nickname_is_in_the_way(redis_server: RedisServer) -> None:
    redis_server.ask("HSET", "chat:{nicks}", "anna", "s1 n1 1 Anna")
    said = await refused(redis_server, "user", "add", "Anna", typed=PASSWORD)
    assert "a guest has the nickname" in said


async def test_changes_are_published_before_they_are_written(redis_server: RedisServer) -> None:
    account = await make(redis_server, "Anna")
    redis_server.ask("HSET", f"chat:{{account:{account}}}:devices", "d1", DEVICE, "d2", DEVICE)
    heard: list[bytes] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_listen, redis_server, f"chat@0:{{account:{account}}}", heard.append)
        channels = f"chat@0:{{account:{account}}}"
        await until(lambda: redis_server.ask("PUBSUB", "NUMSUB", channels)[1], "the listener")
        for arguments, answer, event in (
            (("device", "revoke", "anna", "d1"), "signed out: d1", '"devices":["d1"]'),
            (("device", "revoke", "anna", "--all"), "signed out: d2", '"devices":["d2"]'),
            (("user", "disable", "anna"), "disabled Anna", '"code":"disabled"'),
            (("user", "enable", "anna"), "enabled Anna", ""),
            (("user", "delete", "anna"), "deleted Anna; the nickname is free in 30 days",
             '"code":"deleted"'),
        ):  # fmt: skip
            done = await admin(redis_server, *arguments)
            assert (done.returncode, done.stderr, done.stdout) == (0, "", answer + "\n")
            if event:
                await until(lambda event=event: any(event.encode() in each for each in heard),  # type: ignore[misc]
                            f"the event {event}")  # fmt: skip
        nursery.cancel_scope.cancel()
    assert stored(redis_server, account)["state"] == "deleted"
    assert "is registered" in await refused(redis_server, "user", "add", "Anna", typed=PASSWORD)


async def _listen(server: RedisServer, channel: str, hear: Callable[[bytes], None]) -> None:
    stream = await trio.open_unix_socket(str(server.socket))
    async with stream:
        await stream.send_all(f"SUBSCRIBE {channel}\r\n".encode())
        async for data in stream:
            hear(bytes(data))


async def test_a_deleted_nickname_is_free_at_once_if_the_operator_says_so(
    redis_server: RedisServer,
) -> None:
    first = await make(redis_server, "Anna")
    await admin(redis_server, "user", "delete", "anna")
    assert "no account" in await refused(redis_server, "user", "disable", f"id:{first}")
    done = await admin(redis_server, "user", "delete", f"id:{first}", "--free-nick")
    assert done.stdout == "deleted Anna; the nickname is free\n"
    assert await make(redis_server, "Anna") != first


async def test_a_reset_password_is_a_code_that_is_shown_once(redis_server: RedisServer) -> None:
    account = await make(redis_server, "Anna")
    done = await admin(redis_server, "user", "reset-password", "anna")
    found = stored(redis_server, account)
    assert found["reset"] == codes.hash_code(done.stdout.strip())
    assert found["password"] == ""
    assert done.stdout.strip() not in redis_server.contents()


async def test_an_invitation_is_made_listed_and_revoked_by_its_code_or_its_key(
    redis_server: RedisServer,
) -> None:
    made = await admin(
        redis_server, "invite", "create", "--uses", "3", "--for", "7d", "--note", "team"
    )
    code = made.stdout.strip()
    assert code not in redis_server.contents()
    [row] = (await admin(redis_server, "invite", "list")).stdout.splitlines()
    key, uses, _, note = row.split("\t")
    assert (uses, note) == ("3", "team")
    for name in (code.lower(), key):
        assert (await admin(redis_server, "invite", "revoke", name)).stdout == f"revoked {key}\n"
        await refused(redis_server, "invite", "revoke", name)
        redis_server.ask("HSET", f"chat:{{invite:{codes.hash_code(code)}}}", "uses", "1")
        redis_server.ask("SADD", "chat:invites", codes.hash_code(code))


async def test_accounts_are_exported_and_restored_without_what_must_not_be(
    redis_server: RedisServer,
) -> None:
    account = await make(redis_server, "Anna", "--role", "admin")
    base = f"chat:{{account:{account}}}"
    redis_server.ask("HSET", f"{base}:devices", "d1", DEVICE)
    redis_server.ask("HSET", f"{base}:rooms", "lobby", "Lobby")
    redis_server.ask("HSET", f"{base}:meta", "reset", "code-hash", "reset_until", "99")
    before = stored(redis_server, account)
    exported = (await admin(redis_server, "export")).stdout
    assert json.loads(exported)["password"] == before["password"]
    assert not [secret for secret in ("secret-hash", "code-hash") if secret in exported]
    again = await admin(redis_server, "import", typed=exported)
    assert again.stdout == "accounts restored, or there before: 1\n"
    assert stored(redis_server, account) == before
    redis_server.ask("FLUSHALL")
    await admin(redis_server, "import", typed=exported)
    restored = stored(redis_server, account)
    assert not restored.keys() & {"reset", "reset_until"}
    assert {name: before[name] for name in restored} == restored
    assert redis_server.ask("HGETALL", f"{base}:rooms") == {"lobby": "Lobby"}
    assert not redis_server.ask("EXISTS", f"{base}:devices")
    assert (await admin(redis_server, "export")).stdout == exported


async def test_a_deleted_account_is_restored_from_an_export(redis_server: RedisServer) -> None:
    account = await make(redis_server, "Anna")
    exported = (await admin(redis_server, "export")).stdout
    await admin(redis_server, "user", "delete", "anna")
    assert (await admin(redis_server, "export")).stdout == ""
    await admin(redis_server, "import", typed=exported)
    found = stored(redis_server, account)
    assert found["state"] == "active"
    assert int(found["version"]) > 2, "later than that of the deletion"
    assert (await admin(redis_server, "export")).stdout == exported


async def test_lines_that_cannot_be_restored_are_named_and_the_others_are_restored(
    redis_server: RedisServer,
) -> None:
    await make(redis_server, "Anna")
    good = {"id": "0123456789abcdef", "nick": "Bob", "password": HASH}
    wrong: list[tuple[dict[str, object], str]] = [
        ({"id": "x"}, "no id"),
        ({"nick": "a b"}, "a b"),
        ({"role": "king"}, "none of"),
        ({"state": "deleted"}, "no state"),
        ({"password": "text"}, "no hash"),
        ({"password": HASH.replace("m=65536", "m=99999999")}, "no hash"),
        ({"nick": None}, "no account"),
        ({"nick": "anna"}, "is registered"),
    ]
    lines = [{"id": "0123456789abcde0", "nick": "Eve"} | changes for changes, _ in wrong]
    typed = "".join(json.dumps(line) + "\n\n" for line in (*lines, good))
    done = await admin(redis_server, "import", typed=typed)
    assert done.returncode == 2
    *warnings, summary = done.stdout.splitlines()
    for number, (warning, (_, said)) in enumerate(zip(warnings, wrong, strict=True)):
        assert warning.startswith(f"warning: line {2 * number + 1}: ")
        assert said in warning
    assert summary == "accounts restored, or there before: 1"
    assert done.stderr == "chat-gateway: not restored: 8 of 18 lines\n"
    listed = await admin(redis_server, "user", "list")
    assert sorted(line.split("\t")[0] for line in listed.stdout.splitlines()) == ["Anna", "Bob"]


async def test_the_password_cannot_be_given_on_the_command_line(redis_server: RedisServer) -> None:
    done = await administer("user", "add", "Anna", "--password", PASSWORD, redis=redis_server.url)
    assert done.returncode == 2
