"""Which keys are taken from a file or an address, and for which algorithm alone."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.jwt_identity import BadKeys
from gateway.auth.jwt_keys import MOST_BYTES, MOST_KEYS, read_keys, read_published
from tests.unit.gateway.auth.jwt_making import (
    OTHER_SECRET,
    SECRET,
    jwk,
    jwks,
    oct_jwk,
    private_key,
    private_pem,
    public_der,
    public_pem,
)

RSA, P256, ED25519 = (private_key(algorithm) for algorithm in ("RS256", "ES256", "EdDSA"))


def algorithms(data: bytes) -> list[str]:
    return [key.algorithm for key in read_keys(data)]


def why_not(data: bytes) -> str:
    with pytest.raises(BadKeys) as caught:
        read_keys(data)
    return str(caught.value)


def test_a_key_decides_its_algorithm() -> None:
    pem = b"# of our issuer\n" + public_pem(RSA) + public_pem(P256) + public_pem(ED25519)
    assert algorithms(pem) == ["RS256", "ES256", "EdDSA"]
    assert algorithms(jwks(jwk(RSA), jwk(P256), jwk(ED25519), oct_jwk())) == [
        "RS256", "ES256", "EdDSA", "HS256",
    ]  # fmt: skip
    assert algorithms(SECRET) == algorithms(SECRET + b"\r\n") == ["HS256"]
    assert algorithms(SECRET + b"\n" + OTHER_SECRET + b"\n") == ["HS256", "HS256"]


def test_the_older_form_of_rsa_keys_is_read() -> None:
    assert isinstance(RSA, rsa.RSAPrivateKey)
    assert algorithms(RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)) == ["RS256"]


def test_a_key_has_its_id() -> None:
    keys = read_keys(jwks(jwk(RSA, kid="one"), jwk(P256), oct_jwk(kid="three")))
    assert [key.id for key in keys] == ["one", "", "three"]


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
        {"kty": "magic"},
        {},
        jwk(RSA, use="enc"),
        jwk(RSA, key_ops=["encrypt"]),
        jwk(RSA, alg="RS512"),
        jwk(RSA, alg="HS256"),
        jwk(RSA, alg="ES256"),
        jwk(P256, alg="HS256"),
        jwk(RSA, alg=7),
        jwk(RSA, n="!"),
        jwk(RSA, n=7),
        oct_jwk(alg="RS256"),
        oct_jwk(alg="none"),
    ],
)
def test_keys_for_something_else_are_left_out(other: dict[str, object]) -> None:
    assert algorithms(jwks(other, jwk(ED25519))) == ["EdDSA"]
    assert "no key" in why_not(jwks(other))


def test_no_secret_is_taken_from_what_is_published() -> None:
    assert [key.algorithm for key in read_published(jwks(oct_jwk(), jwk(RSA)))] == ["RS256"]
    with pytest.raises(BadKeys):
        read_published(jwks(oct_jwk()))
    with pytest.raises(BadKeys):
        read_published(SECRET)
    with pytest.raises(BadKeys):
        read_published(public_pem(RSA))


def test_a_public_key_is_never_a_secret() -> None:
    bare = base64.b64encode(public_der(P256))
    ssh = RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert "public key" in why_not(bare)
    assert "public key" in why_not(ssh)
    assert "public key" in why_not(jwks(oct_jwk(public_pem(RSA))))
    assert "public key" in why_not(jwks(oct_jwk(public_der(RSA))))


@pytest.mark.parametrize("key", [RSA, P256, ED25519])
def test_a_private_key_is_refused(key: rsa.RSAPrivateKey) -> None:
    assert "PRIVATE KEY" in why_not(public_pem(RSA) + private_pem(key))
    assert "private key" in why_not(jwks(jwk(RSA), jwk(key, d="AAAA")))


def test_weak_or_unknown_keys_are_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    assert "1024 bits" in why_not(public_pem(short))
    assert "1024 bits" in why_not(jwks(jwk(short)))
    assert "none of" in why_not(public_pem(ec.generate_private_key(ec.SECP384R1())))
    ed = ed448.Ed448PrivateKey.generate().public_key()
    assert "none of" in why_not(ed.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "fewer than 32 bytes" in why_not(SECRET[:31])
    assert "fewer than 32 bytes" in why_not(SECRET + b"\nshort")
    assert "fewer than 32 bytes" in why_not(jwks(oct_jwk(SECRET[:31])))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no key"),
        (b"\n\n", "no key"),
        (b"{", "not valid JSON"),
        (b"[" * 60_000, "not valid JSON"),
        (b'{"keys":' * 8_000, "not valid JSON"),
        (b"[]", "no JWK"),
        (b'{"keys": 7}', "no JWK"),
        (b'{"keys": [7]}', "no JWK"),
        (b'{"keys": []}', "no key"),
        (b'{"a": 1}', "no key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA", "no key"),
        (SECRET + b"\n" + SECRET + b"\n" + SECRET, "one or two lines"),
        (b"x" * (MOST_BYTES + 1), "more than"),
    ],
)
def test_what_has_no_keys_is_refused_with_why(data: bytes, why: str) -> None:
    assert why in why_not(data)


def test_there_are_not_too_many_keys() -> None:
    assert len(read_keys(jwks(*[jwk(P256)] * MOST_KEYS))) == MOST_KEYS
    assert "more than" in why_not(jwks(*[jwk(P256)] * (MOST_KEYS + 1)))
    assert "more than" in why_not(public_pem(ED25519) * (MOST_KEYS + 1))


def test_what_is_said_of_bad_keys_does_not_repeat_them() -> None:
    for data in (
        SECRET[:31],
        SECRET * 9 + b"\n" + SECRET + b"\n" + SECRET,
        json.dumps({"k": "0123"}).encode(),
    ):
        assert "0123" not in why_not(data)
