"""Keys and tokens as an issuer makes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.auth.jwt_identity import JwtRules

NOW: Final = 1_800_000_000.0
SECRET: Final = b"0123456789abcdef0123456789abcdef"
OTHER_SECRET: Final = b"another secret that is long enough"
RULES: Final = JwtRules(audience="chat", issuer="https://issuer.example", nick_claim="nick")
CLAIMS: Final[dict[str, Any]] = {
    "iss": "https://issuer.example",
    "sub": "user-1",
    "aud": "chat",
    "exp": NOW + 300,
    "nick": "alice",
}
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def private_key(algorithm: str, number: int = 0) -> PrivateKey:
    """The issuer's key for an algorithm, and by number further ones."""
    del number
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def jwk(key: PrivateKey, **also: object) -> dict[str, Any]:
    algorithm: Any = {
        rsa.RSAPublicKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePublicKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PublicKey: jwt.algorithms.OKPAlgorithm,
    }
    public = key.public_key()
    made = next(each for kind, each in algorithm.items() if isinstance(public, kind))
    return {**made.to_jwk(public, as_dict=True), **also}


def oct_jwk(secret: bytes = SECRET, **also: object) -> dict[str, Any]:
    return {"kty": "oct", "k": base64url(secret), **also}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def signed(
    key: PrivateKey | bytes,
    algorithm: str,
    *,
    without: str = "",
    kid: object = None,
    **changed: object,
) -> str:
    """A token with the usual claims, some changed, one left out."""
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if name != without}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def unsigned(header: Mapping[str, object] | bytes, payload: bytes = b"{}", end: str = "") -> str:
    """A token of any header, with whatever stands for its signature."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{base64url(head)}.{base64url(payload)}.{end}"


def hmac_signed(payload: bytes, secret: bytes = SECRET) -> str:
    """A token of any payload, signed by HS256."""
    head = ".".join(map(base64url, (b'{"alg": "HS256"}', payload)))
    return f"{head}.{base64url(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
