"""Passwords for Redis and the sentinels come from files, and no message repeats them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.backplane import RedisEndpoint
from gateway.backplane.redis.topology import Sentinels
from gateway.config import BadSetting, Settings
from gateway.redis_topology import topology_from_settings


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("s3cret/@:# word\n", "utf-8")
    return str(path)


@pytest.mark.parametrize("url", ["redis://chat@h:1/2", "unix://chat@/redis.sock", "redis://h"])
def test_the_password_in_a_file_is_that_for_redis(url: str, secret: str) -> None:
    found = topology_from_settings(Settings(redis=url, redis_password_file=secret))
    assert isinstance(found, RedisEndpoint)
    user = ("chat",) if "chat" in url else ()
    assert found.credentials() == [("AUTH", *user, "s3cret/@:# word")]
    assert "s3cret" not in found.place


def test_the_sentinels_have_a_file_of_their_own(secret: str, tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    guard.write_text("gu4rd\r\n")
    found = topology_from_settings(
        Settings(
            redis="redis+sentinel://chat@one:1,two:2/main?sentinel_username=guard",
            redis_password_file=secret,
            sentinel_password_file=str(guard),
        )
    )
    assert isinstance(found, Sentinels)
    assert (found.server.username, found.server.password) == ("chat", "s3cret/@:# word")
    assert {(s.username, s.password) for s in found.sentinels} == {("guard", "gu4rd")}


def test_without_files_the_url_says_all() -> None:
    found = topology_from_settings(Settings(redis="redis://chat:word@h"))
    assert isinstance(found, RedisEndpoint)
    assert found.credentials() == [("AUTH", "chat", "word")]


@pytest.mark.parametrize(
    ("url", "files", "complaint"),
    [
        ("redis://chat:word@h", {"redis_password_file"}, "the URL has a password already"),
        (
            "redis+sentinel://h/main?sentinel_password=word",
            {"sentinel_password_file"},
            "the URL has a password already",
        ),
        ("redis://h", {"sentinel_password_file"}, "a password for sentinels needs a redis+sent"),
    ],
)
def test_two_passwords_or_one_for_nobody_are_refused(
    url: str, files: set[str], complaint: str, secret: str
) -> None:
    settings = Settings(redis=url, **dict.fromkeys(files, secret))  # type: ignore[arg-type]
    with pytest.raises(BadSetting) as refused:
        topology_from_settings(settings)
    assert str(refused.value).startswith(f"--redis (CHAT_REDIS): {complaint}")
    assert "word" not in str(refused.value).replace("password", "")
    assert "s3cret" not in str(refused.value)


WRONG = [
    (b"", "is empty"),
    (b"\n", "is empty"),
    (b"s3cret\nsecond\n", "has more than one line, or control characters"),
    (b"s3cret\0", "has more than one line, or control characters"),
    (b"s3cret\xff", "is not UTF-8"),
    (b"s" * 5000, "has more than 4096 bytes"),
]


@pytest.mark.parametrize(("content", "complaint"), WRONG)
@pytest.mark.parametrize("name", ["redis_password_file", "sentinel_password_file"])
def test_what_is_no_secret_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(BadSetting) as refused:
        topology_from_settings(Settings(**{name: str(path)}))  # type: ignore[arg-type]
    said = str(refused.value)
    assert said.startswith("--" + name.replace("_", "-"))
    assert said.endswith(complaint)
    assert "s3cret" not in said
    assert "\n" not in said


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for a writer
    for path, complaint in [
        (tmp_path, "is not a file"),
        (tmp_path / "pipe", "is not a file"),
        (tmp_path / "missing", "No such file or directory"),
    ]:
        with pytest.raises(BadSetting, match=complaint):
            topology_from_settings(Settings(redis_password_file=str(path)))
