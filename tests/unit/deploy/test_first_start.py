"""The secrets of docker-compose.yml are made once, and kept."""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import trio
import trio.testing
import trustme

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in ("redis-password", "redis-users", "redis-data", "certificate"):
        (tmp_path / name).mkdir()
    return tmp_path


def start(volumes: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy/first_start.py", volumes],
        env={"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def contents(volumes: Path) -> dict[str, bytes]:
    return {str(p.relative_to(volumes)): p.read_bytes() for p in volumes.rglob("*") if p.is_file()}


MADE: Final = {
    "redis-password/password", "redis-users/operator-password", "redis-users/users.acl",
    "certificate/server.pem", "certificate/ca.pem",
}  # fmt: skip


def test_everything_is_made_once(volumes: Path) -> None:
    first = start(volumes)
    assert (first.returncode, first.stderr) == (0, "")
    made = contents(volumes)
    assert made.keys() == MADE
    again = start(volumes)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert contents(volumes) == made


def test_nobody_else_reads_it_and_nothing_tells_it(volumes: Path) -> None:
    said = start(volumes).stdout
    for name, content in contents(volumes).items():
        found = (volumes / name).stat()
        assert found.st_mode & 0o777 == 0o400
        if os.geteuid() == 0:
            owners = {"redis-password": 10001, "redis-users": 999, "certificate": 99}
            assert found.st_uid == owners[name.partition("/")[0]]
        assert content.decode().strip() not in said


def test_redis_knows_the_hashes_of_the_passwords(volumes: Path) -> None:
    start(volumes)
    users = (volumes / "redis-users/users.acl").read_text()
    for name in ("redis-password/password", "redis-users/operator-password"):
        password = (volumes / name).read_text().strip()
        assert len(password) >= 40
        assert password not in users
        assert f"#{hashlib.sha256(password.encode()).hexdigest()} " in users
    template = (ROOT / "deploy/redis-users.acl").read_text().split()
    given = users.splitlines()[0].split()[4:]
    assert given[: len(template) - 4] == template[4:]
    assert set(given[len(template) - 4 :]) == {
        "+@connection", "-asking", "-client", "-command", "-echo", "-readonly", "-readwrite",
        "-reset", "+client|setname",
    }  # fmt: skip
    assert "user default off " in users


def test_the_users_of_an_older_version_are_replaced_and_its_password_is_kept(volumes: Path) -> None:
    start(volumes)
    made = contents(volumes)
    users = volumes / "redis-users/users.acl"
    users.unlink()
    users.write_text("user chat on nopass -@all\n")
    start(volumes)
    assert contents(volumes) == made


def test_data_of_another_user_become_those_of_redis(volumes: Path) -> None:
    (volumes / "redis-data/appendonlydir").mkdir()
    (volumes / "redis-data/appendonlydir/base").write_text("x")
    start(volumes)
    expected = 999 if os.geteuid() == 0 else os.geteuid()
    assert {p.stat().st_uid for p in (volumes / "redis-data").rglob("*")} == {expected}


# --- the certificate ------------------------------------------------------------------------------


async def shake_hands(volumes: Path, name: str, authority: Path) -> None:
    """Connect to the certificate as a client that trusts the authority; raises if it would not."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(volumes / "certificate/server.pem")
    client = ssl.create_default_context(cafile=str(authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.SSLStream(far, server, server_side=True).do_handshake)
        await trio.SSLStream(near, client, server_hostname=name).do_handshake()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "chat.lan", "192.0.2.7"])
async def test_clients_that_trust_its_authority_trust_the_certificate(
    volumes: Path, name: str
) -> None:
    start(volumes, CHAT_DOMAIN="chat.lan, 192.0.2.7")
    await shake_hands(volumes, name, volumes / "certificate/ca.pem")


async def test_another_name_makes_another_certificate(volumes: Path) -> None:
    start(volumes)
    before = contents(volumes)
    assert "made a certificate for localhost, 127.0.0.1, ::1, chat.lan" in (
        start(volumes, CHAT_DOMAIN="chat.lan").stdout
    )
    after = contents(volumes)
    changed = {name for name, content in after.items() if before[name] != content}
    assert changed == {"certificate/server.pem", "certificate/ca.pem"}


def given(folder: Path, **options: datetime) -> tuple[trustme.CA, dict[str, str]]:
    authority = trustme.CA()
    certificate = authority.issue_cert("chat.example", **options)  # type: ignore[arg-type]
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "chain.pem", append=bool(number))
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return authority, {
        "CHAT_TLS_CERTIFICATE": str(folder / "chain.pem"),
        "CHAT_TLS_KEY": str(folder / "key.pem"),
    }


async def test_a_given_certificate_is_served_instead(volumes: Path, tmp_path: Path) -> None:
    start(volumes)
    authority, environment = given(tmp_path)
    assert start(volumes, **environment).returncode == 0
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    await shake_hands(volumes, "chat.example", tmp_path / "root.pem")
    assert not (volumes / "certificate/ca.pem").exists()
    assert "made a certificate" in start(volumes).stdout  # without it we need our own again


def test_a_certificate_that_soon_ends_is_replaced_if_it_is_our_own(
    volumes: Path, tmp_path: Path
) -> None:
    _, environment = given(tmp_path, not_after=datetime.now(UTC) + timedelta(days=29))
    assert start(volumes, **environment).returncode == 0
    (volumes / "certificate/ca.pem").write_text("as if it were our own")
    assert "made a certificate" in start(volumes).stdout


@pytest.mark.parametrize("wrong", ["key", "expired", "missing", "no PEM"])
def test_a_wrong_certificate_is_one_line_and_the_old_one_stays(
    volumes: Path, tmp_path: Path, wrong: str
) -> None:
    start(volumes)
    before = contents(volumes)
    ends = datetime.now(UTC) + timedelta(days=-1 if wrong == "expired" else 60)
    folder = tmp_path / "given"
    folder.mkdir()
    _, environment = given(folder, not_after=ends)
    if wrong == "key":
        trustme.CA().private_key_pem.write_to_path(folder / "key.pem")
    elif wrong == "missing":
        (folder / "key.pem").unlink()
    elif wrong == "no PEM":
        (folder / "chain.pem").write_text("no PEM")
    done = start(volumes, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("CHAT_TLS_CERTIFICATE: ")
    assert done.stderr.count("\n") == 1
    now = {name: c for name, c in contents(volumes).items() if not name.startswith("given")}
    assert now == before
