"""The keys by which JWTs are verified, each bound to one algorithm. Pure.

What a key is decides its algorithm, never what a token says: RSA is RS256, P-256 is ES256, Ed25519
is EdDSA, and a secret is HS256. So no public key can be used as a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from jwt.algorithms import HMACAlgorithm

from gateway.auth.jwt_identity import BadKeys

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

ALGORITHMS: Final = frozenset({"HS256", "RS256", "ES256", "EdDSA"})
MOST_BYTES: Final = 64 * 1024
"""Bytes of keys that are read."""
MOST_KEYS: Final = 16
_MOST_SECRETS: Final = 2
_LEAST_SECRET_BYTES: Final = 32
_RSA_BITS: Final = range(2048, 8193)
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PUBLIC: Final = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})


class JwtKey(NamedTuple):
    """A key, the only algorithm that it is for, and its id; '' if it has none."""

    algorithm: str
    id: str
    key: PublicKey | bytes


Keys = tuple[JwtKey, ...]


def read_keys(data: bytes) -> Keys:
    """Return the keys in a file: several are tried, so that they can be rotated.

    It has public keys in PEM, a JWK or a JWK set in JSON, or one or two secrets of 32 bytes or
    more, a line each.

    :raises BadKeys:
    """
    data = data.strip()
    if len(data) > MOST_BYTES:
        raise BadKeys(f"there are more than {MOST_BYTES} bytes")
    if data.startswith((b"{", b"[")):
        return _checked(_from_json(data))
    if b"-----BEGIN" in data:
        return _checked(_from_pem(data))
    return _checked(_from_lines(data))


def read_published(data: bytes) -> Keys:
    """Return the public keys in a JWK set that is published; :raises BadKeys: if it has none."""
    if len(data) > MOST_BYTES:
        raise BadKeys(f"there are more than {MOST_BYTES} bytes")
    return _checked(key for key in _from_json(data) if key.algorithm != "HS256")


def _checked(keys: Iterable[JwtKey]) -> Keys:
    found = tuple(keys)
    if not found:
        raise BadKeys("there is no key for RS256, ES256, EdDSA or HS256")
    if len(found) > MOST_KEYS:
        raise BadKeys(f"there are more than {MOST_KEYS} keys")
    return found


def _from_json(data: bytes) -> list[JwtKey]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        raise BadKeys("it is not valid JSON") from None
    found = read.get("keys", [read]) if isinstance(read, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadKeys("it is no JWK and no JWK set")
    if len(found) > MOST_KEYS:
        raise BadKeys(f"there are more than {MOST_KEYS} keys")
    keys = [_from_jwk(each) for each in found]
    return [key for key in keys if key is not None]


def _from_jwk(jwk: dict[str, object]) -> JwtKey | None:
    """Return a key; None if it is for something else than the four algorithms."""
    operations = jwk.get("key_ops")
    if jwk.get("alg") not in (None, *ALGORITHMS) or jwk.get("use", "sig") != "sig":
        return None
    if isinstance(operations, list) and "verify" not in operations:
        return None
    if jwk.get("kty") != "oct" and "d" in jwk:
        raise BadKeys("there is a private key: only the public one belongs here")
    try:
        key = jwt.PyJWK(jwk).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    name = jwk.get("kid", "")
    made = _bound(key, name if isinstance(name, str) else "")
    return made if made is not None and jwk.get("alg", made.algorithm) == made.algorithm else None


def _from_pem(data: bytes) -> Iterable[JwtKey]:
    for block in _PEM.finditer(data):
        if block[1] not in _PUBLIC:
            raise BadKeys(f"there is a {block[1].decode()}: only PUBLIC KEYs belong here")
        try:
            key = load_pem_public_key(block[0])
        except (ValueError, UnsupportedAlgorithm):
            raise BadKeys("a key in PEM cannot be read") from None
        made = _bound(key)
        if made is None:
            raise BadKeys("a key is none of RSA, P-256 and Ed25519")
        yield made


def _from_lines(data: bytes) -> Iterable[JwtKey]:
    lines = [line.strip() for line in data.splitlines() if line.strip()]
    if len(lines) > _MOST_SECRETS:
        raise BadKeys("there are neither keys in PEM or JSON, nor one or two lines with a secret")
    for line in lines:
        yield JwtKey("HS256", "", _secret(line))


def _secret(secret: bytes) -> bytes:
    """Return a secret for HS256, if it is long enough and no public key by mistake."""
    if len(secret) < _LEAST_SECRET_BYTES:
        raise BadKeys(f"a secret has fewer than {_LEAST_SECRET_BYTES} bytes")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError:
        raise BadKeys("a public key stands where a secret belongs") from None
    if _is_public_key(secret):
        raise BadKeys("a public key stands where a secret belongs; it needs its PEM lines")
    return secret


def _is_public_key(secret: bytes) -> bool:
    """Return whether this is a public key in Base64, as in PEM without its first and last line."""
    try:
        load_der_public_key(base64.b64decode(secret, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _bound(key: object, name: str = "") -> JwtKey | None:
    """Return a key with the only algorithm for which it is used; None if it is of another kind.

    :raises BadKeys: if it is a secret that `_secret` refuses, or an RSA key that is too short, or
        longer than anybody needs.
    """
    if isinstance(key, bytes):
        return JwtKey("HS256", name, _secret(key))
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            raise BadKeys(f"an RSA key has {key.key_size} bits; 2048 to 8192 are allowed")
        return JwtKey("RS256", name, key)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return JwtKey("ES256", name, key)
    return JwtKey("EdDSA", name, key) if isinstance(key, ed25519.Ed25519PublicKey) else None
