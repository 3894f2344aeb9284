"""The command line as an operator meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from gateway import config
from gateway.config import declarations


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHAT_")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=inherited | environment | {"COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (["serve", "--port", "http"], {}, "--port: 'http' is not a whole number "),
        (["serve"], {"CHAT_PORT": "http"}, "CHAT_PORT: 'http' is not a whole number"),
        (["serve"], {"CHAT_PROT": "1"}, "CHAT_PROT: there is no such setting: did you mean "),
        (["serve", "--prot", "1"], {}, "--prot: there is no such setting: did you mean --port?"),
        (["serve", "--por=1"], {}, "--por: there is no such setting: did you mean --port?"),
        (["serve", "--port"], {}, "argument --port: expected one argument (see `chat-gateway ser"),
        ([], {}, "the following arguments are required: COMMAND (see `chat-gateway --help`)"),
        (["fly"], {}, "argument COMMAND: invalid choice: 'fly' "),
        (["settings", "--x"], {}, "there is no argument '--x' (see `chat-gateway --help`)"),
        (["serve", "--redis", "http://x"], {}, "--redis (CHAT_REDIS): "),
        (["serve", "--redis", "redis://h/abc"], {}, "--redis (CHAT_REDIS): the database in "),
        (
            ["serve", "--redis", "rediss://h?ssl_ca_cert=x"],
            {},
            "--redis (CHAT_REDIS): a Redis URL has no option 'ssl_ca_cert'\n",
        ),
        (["serve", "--redis", "redis://h\n/0"], {}, "--redis (CHAT_REDIS): a Redis URL has no "),
        (["serve", "--redis", "redis://h/٣"], {}, "--redis (CHAT_REDIS): the database in a "),
        (
            ["serve", "--redis", "rediss://h?ssl_ca_certs=/nowhere/ca.pem"],
            {},
            "--redis (CHAT_REDIS): ssl_ca_certs: /nowhere/ca.pem cannot be used: No such file ",
        ),
        (
            ["serve", "--redis", "rediss://h?ssl_ca_path=/nowhere"],
            {},
            "--redis (CHAT_REDIS): ssl_ca_path: /nowhere is no folder\n",
        ),
        (
            ["serve", "--redis", f"rediss://h?ssl_certfile={__file__}"],
            {},
            f"--redis (CHAT_REDIS): ssl_certfile or ssl_keyfile: {__file__} cannot be used: not in",
        ),
        (
            ["serve", "--redis", "rediss://h?ssl_keyfile=/nowhere"],
            {},
            "--redis (CHAT_REDIS): ssl_keyfile needs ssl_certfile\n",
        ),
        (
            ["serve", "--host", "192.0.2.1"],
            {},
            "--host (CHAT_HOST): this machine has no address 192.0.2.1: ",
        ),
        (
            ["serve"],
            {"CHAT_HOST": "a..b"},
            "--host (CHAT_HOST): 'a..b' cannot be resolved (no host name): ",
        ),
        (
            ["demo", "--nodes", "0"],
            {},
            "argument --nodes: '0' is not a whole number between 1 and 20 ",
        ),
        (["demo", "--port", "0"], {}, "argument --port: '0' is not a whole number between 1 and "),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_2(
    arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 2
    assert done.stderr.startswith(f"chat-gateway: {complaint}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_wrong_redis_url_says_where_it_came_from_and_no_password() -> None:
    done = run("serve", CHAT_REDIS="redis://:s3cret@host:notaport")
    assert done.returncode == 2
    assert done.stderr.startswith("chat-gateway: --redis (CHAT_REDIS): ")
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("flag", "environment", "warned"),
    [
        ("redis://chat:s3cret@h", {}, True),
        ("redis+sentinel://h/main?sentinel_password=s3cret", {}, True),
        ("redis://chat@h", {}, False),
        (None, {"CHAT_REDIS": "redis://chat:s3cret@h"}, False),
    ],
)
def test_a_password_on_the_command_line_is_warned_of(
    flag: str | None, environment: dict[str, str], warned: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that the node ends
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, *(["--redis", flag] if flag else []), **environment)
    assert done.returncode == 2
    assert ("the password in --redis is shown to every user" in done.stderr) is warned
    assert "s3cret" not in done.stderr


def test_a_taken_port_is_one_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--log-level", "error")
    assert done.returncode == 2
    complaint = f"--port (CHAT_PORT): {port} is taken, at 127.0.0.1:{port}: end the program that "
    assert done.stderr.startswith(f"chat-gateway: {complaint}")
    assert done.stderr.count("\n") == 1


def test_help_lists_every_flag_with_its_variable() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    for name in declarations():
        assert f"\n  {config.flag(name)} " in done.stdout
        assert config.variable(name) in done.stdout


def test_help_lists_the_commands() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in ("serve", "admin", "demo", "settings"):
        assert f"\n    {command} " in done.stdout


def test_settings_prints_the_table() -> None:
    done = run("settings")
    assert (done.returncode, done.stdout) == (0, config.markdown_table())


BUFFERED = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""Without a buffer argparse writes by itself, and passes over it where that fails."""


def shell(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as ``"$@"`` in a shell command."""
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "gateway", *arguments],
        env=BUFFERED,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["settings"], ["--help"], ["serve", "--help"]])
def test_who_reads_no_further_is_told_nothing(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=BUFFERED,
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", [["settings"], ["--help"], ["serve", "--help"]])
def test_a_full_disk_is_one_line_and_status_1(arguments: list[str]) -> None:
    done = shell('"$@" >/dev/full', *arguments)
    assert done.returncode == 1
    assert done.stderr == "chat-gateway: cannot print: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "status"), [(["settings"], 0), (["fly"], 2), (["serve", "--port", "http"], 2)]
)
@pytest.mark.parametrize("closing", ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_complaint_that_nobody_can_read_changes_no_status(
    arguments: list[str], status: int, closing: str
) -> None:
    assert shell(f'"$@" {closing}', *arguments).returncode == status


def test_a_unicode_library_of_another_version_is_one_line_and_status_2() -> None:
    as_if = "from gateway.policy import unicode_tables as u; u.INSTALLED_VERSION = '17.0.0'"
    done = subprocess.run(
        [sys.executable, "-c", f"{as_if}; from gateway.cli import main; main(['serve'])"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("chat-gateway: unicodedata2 has Unicode 17.0.0, this release ")
    assert done.stderr.count("\n") == 1
