"""JWTs by keys from a file, and by keys that are published at an address."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio
import trio.testing
import trustme

from gateway.auth.jwt_identity import BadJwt, BadKeys
from gateway.auth.jwt_keys import MOST_BYTES
from gateway.credentials.jwks_address import FETCH_SECONDS, JwksAddress, parse_address
from gateway.credentials.jwt_verifier import (
    FETCH_EVERY,
    FRESH_SECONDS,
    STALE_SECONDS,
    FileKeys,
    JwtVerifier,
    KeySource,
    PublishedKeys,
)
from tests.unit.gateway.auth.jwt_making import (
    CLAIMS,
    NOW,
    OTHER_SECRET,
    RULES,
    SECRET,
    jwk,
    jwks,
    private_key,
    public_pem,
    signed,
)
from tests.unit.gateway.credentials.jwks_server import JwksServer, serving

OLD, NEW = private_key("ES256"), private_key("ES256", 1)
OLD_KEYS, NEW_KEYS = jwks(jwk(OLD, kid="old")), jwks(jwk(NEW, kid="new"))
BY_OLD, BY_NEW = signed(OLD, "ES256", kid="old"), signed(NEW, "ES256", kid="new")


def verifier(source: KeySource) -> JwtVerifier:
    return JwtVerifier(source, RULES, clock=lambda: NOW)


def published(server: JwksServer) -> JwtVerifier:
    return verifier(PublishedKeys(server.address))


async def refused(verifier: JwtVerifier, token: str) -> str:
    with pytest.raises(BadJwt) as caught:
        await verifier.verify(token)
    return caught.value.reason


# --- From a file ----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return path


async def test_keys_are_rotated_by_reading_the_file_again(file: Path) -> None:
    checks = verifier(FileKeys(file))
    old, new = signed(SECRET, "HS256"), signed(OTHER_SECRET, "HS256")
    assert (await checks.verify(old)).nick == CLAIMS["nick"]
    await trio.Path(file).write_bytes(SECRET + b"\n" + OTHER_SECRET)
    assert await refused(checks, new) == "signature"
    checks.reload()
    assert await checks.verify(old) == await checks.verify(new)
    await trio.Path(file).write_bytes(OTHER_SECRET)
    checks.reload()
    assert await refused(checks, old) == "signature"


async def test_the_old_keys_stay_if_the_file_is_bad(file: Path) -> None:
    checks = verifier(FileKeys(file))
    for data in (b"short", b"{", b""):
        await trio.Path(file).write_bytes(data)
        with pytest.raises(BadKeys, match=str(file)):
            checks.reload()
        assert await checks.verify(signed(SECRET, "HS256"))
    await trio.Path(file).unlink()
    with pytest.raises(BadKeys, match="No such file"):
        checks.reload()
    assert await checks.verify(signed(SECRET, "HS256"))


def test_a_secret_that_others_can_read_is_refused_but_not_a_public_key(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(BadKeys, match="others may read"):
        FileKeys(file)
    file.write_bytes(public_pem(OLD))
    FileKeys(file)


def test_a_file_over_its_bound_is_not_read(file: Path) -> None:
    file.write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(BadKeys, match="more than"):
        FileKeys(file)


async def test_each_refusal_has_its_reason(file: Path) -> None:
    checks = verifier(FileKeys(file))
    assert await refused(checks, "x" * 65_536) == "too_long"
    assert await refused(checks, "x.y.z") == "malformed"
    assert await refused(checks, BY_OLD) == "algorithm"
    assert await refused(checks, signed(SECRET, "HS256", exp=NOW)) == "expired"


# --- Which addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("https://issuer.example/jwks", (True, "issuer.example", 443, "/jwks")),
        ("https://issuer.example:8443", (True, "issuer.example", 8443, "/")),
        ("HTTPS://Issuer.Example/a?b=c#d", (True, "issuer.example", 443, "/a?b=c")),
        ("http://127.0.0.1/keys", (False, "127.0.0.1", 80, "/keys")),
        ("http://[::1]:8080/keys", (False, "::1", 8080, "/keys")),
        ("http://localhost/keys", (False, "localhost", 80, "/keys")),
    ],
)
def test_an_address_is_read(address: str, parts: tuple[bool, str, int, str]) -> None:
    assert parse_address(address) == JwksAddress(*parts)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "issuer.example",
        "ftp://issuer.example",
        "file:///etc/passwd",
        "https://",
        "https://issuer.example:port/",
        "https://issuer.example:99999/",
        "https://user:password@issuer.example/",
        "https://issuer.example/\r\nX: y",
        "https://issuer.example/a b",
        "https://[::1",
        "https://ïssuer.example/",
        "http://issuer.example/",
        "http://127.0.0.1.issuer.example/",
        "http://192.0.2.1/",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(BadKeys):
        PublishedKeys(address)


# --- From an address ------------------------------------------------------------------------------


async def test_keys_are_fetched_once_and_kept() -> None:
    async with serving(OLD_KEYS) as server:
        checks = published(server)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(checks.verify, BY_OLD)
        assert (await checks.verify(BY_OLD)).subject == CLAIMS["sub"]
        assert len(server.requests) == 1
        assert server.requests[0].startswith(b"GET /keys?of=chat HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_https_is_verified() -> None:
    authority = trustme.CA()
    theirs, ours = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    async with serving(OLD_KEYS, theirs) as server:
        address = f"https://localhost:{server.port}/keys"
        assert await verifier(PublishedKeys(address, tls=ours)).verify(BY_OLD)
        strict = PublishedKeys(address)
        assert await refused(verifier(strict), BY_OLD) == "unavailable"
        assert "certificate" in strict.problem.lower()
        assert len(server.requests) == 1


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_too_often(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with serving(OLD_KEYS) as server:
        checks = published(server)
        assert await checks.verify(BY_OLD)
        for _ in range(100):
            assert await refused(checks, BY_NEW) == "key"
        assert len(server.requests) == 1

        server.answer = server.ok(NEW_KEYS)
        mock_clock.jump(FETCH_EVERY)
        assert await checks.verify(BY_NEW)
        assert await refused(checks, BY_OLD) == "key"
        assert len(server.requests) == 2


async def test_a_token_that_cannot_be_right_fetches_nothing() -> None:
    async with serving(OLD_KEYS) as server:
        checks = published(server)
        assert await refused(checks, "x" * 65_536) == "too_long"
        assert await refused(checks, "x.y.z") == "malformed"
        assert server.requests == []


async def before_a_fetch(server: JwksServer, clock: trio.testing.MockClock) -> JwtVerifier:
    """Return a verifier with the old key, whose next fetch the server holds."""
    checks = published(server)
    assert await checks.verify(BY_OLD)
    clock.jump(FETCH_EVERY)
    server.answer = server.ok(NEW_KEYS)
    server.hold()
    return checks


async def test_who_has_a_known_key_does_not_wait_for_a_fetch(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with serving(OLD_KEYS) as server:
        checks = await before_a_fetch(server, mock_clock)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(checks.verify, BY_NEW)
            await server.asked.wait()
            assert await checks.verify(BY_OLD)
            assert server.held is not None
            server.held.set()


async def test_who_leaves_does_not_keep_others_from_new_keys(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with serving(OLD_KEYS) as server:
        checks = await before_a_fetch(server, mock_clock)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(checks.verify, BY_NEW)
            await server.asked.wait()
            nursery.cancel_scope.cancel()
            assert server.held is not None
            server.held.set()
        assert await checks.verify(BY_NEW)
        assert len(server.requests) == 2


async def test_a_key_that_was_withdrawn_is_forgotten(mock_clock: trio.testing.MockClock) -> None:
    async with serving(OLD_KEYS) as server:
        checks = published(server)
        assert await checks.verify(BY_OLD)
        server.answer = server.ok(NEW_KEYS)
        mock_clock.jump(FRESH_SECONDS)
        assert await refused(checks, BY_OLD) == "key"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "answers 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "302"),
        (JwksServer.ok(b"{}"), "no key"),
        (JwksServer.ok(b"not JSON"), "not valid JSON"),
        (JwksServer.ok(b"x" * (MOST_BYTES + 1)), "more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "cannot get"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "cannot get"),
        (b"not HTTP\r\n\r\n", "cannot get"),
        (b"", "cannot get"),
    ],
)
async def test_what_cannot_be_fetched_is_unavailable(answer: bytes, problem: str) -> None:
    async with serving(OLD_KEYS) as server:
        source = PublishedKeys(server.address)
        server.answer = answer
        assert await refused(verifier(source), BY_OLD) == "unavailable"
        assert problem in source.problem
        assert await refused(verifier(source), BY_OLD) == "unavailable"
        assert len(server.requests) == 1


async def test_a_server_that_does_not_answer_is_given_up(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with serving(OLD_KEYS) as server:
        server.hold()
        source = PublishedKeys(server.address)

        async def wait() -> None:
            assert await refused(verifier(source), BY_OLD) == "unavailable"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await server.asked.wait()
            mock_clock.jump(FETCH_SECONDS)
        assert "does not answer" in source.problem


async def test_known_keys_hold_for_a_while_if_they_cannot_be_fetched_anew(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with serving(OLD_KEYS) as server:
        source = PublishedKeys(server.address)
        checks = verifier(source)
        assert await checks.verify(BY_OLD)
        server.answer = b""
        mock_clock.jump(STALE_SECONDS - 1)
        assert await checks.verify(BY_OLD)
        assert source.problem
        mock_clock.jump(1)
        assert await refused(checks, BY_OLD) == "unavailable"

        server.answer = server.ok(OLD_KEYS)
        mock_clock.jump(FETCH_EVERY)
        assert await checks.verify(BY_OLD)
        assert source.problem == ""
