"""Verifies JWTs, given the keys and the time. Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import jwt
from jwt.exceptions import InvalidSubjectError

from gateway.auth.jwt_identity import MOST_CHARS, BadJwt, JwtIdentity, JwtRules, Reason
from gateway.auth.jwt_keys import ALGORITHMS, JwtKey, Keys

LEEWAY: Final = 10.0
"""Seconds by which the issuer's clock may be ahead of ours: they count for ``nbf`` alone."""
_MOST_NAME: Final = 255
"""Characters of an issuer, a subject or a nickname."""
_LATEST: Final = 2**53


class JwtHeader(NamedTuple):
    """What a token says of its signature: the algorithm, and the id of the key, or ''."""

    algorithm: str
    key: str


def read_header(token: str) -> JwtHeader:
    """Return what a token says of its signature, which nothing has verified yet.

    :raises BadJwt: ``too_long``, ``malformed``, ``algorithm``.
    """
    if len(token) > MOST_CHARS:
        raise BadJwt("too_long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise BadJwt("malformed") from None
    algorithm, key = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise BadJwt("algorithm")
    return JwtHeader(algorithm, key if isinstance(key, str) else "")


def verify_jwt(token: str, keys: Keys, rules: JwtRules, now: float) -> JwtIdentity:
    """Return whom a token is about, if one of the keys has signed it and it is valid now.

    :raises BadJwt: with any reason but ``unavailable``.
    """
    header = read_header(token)
    fitting = [key for key in keys if key.algorithm == header.algorithm]
    if not fitting:
        raise BadJwt("algorithm")
    if header.key:
        fitting = [key for key in fitting if key.id in ("", header.key)]
    if not fitting:
        raise BadJwt("key")
    for key in fitting:
        claims = _claims(token, key, rules)
        if claims is not None:
            return _identity(claims, rules, now)
    raise BadJwt("signature")


def _claims(token: str, key: JwtKey, rules: JwtRules) -> dict[str, Any] | None:
    """Return what a token says, whose audience and issuer are right; None if not by this key."""
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=rules.audience,
            issuer=rules.issuer or None,
            # By the clock that the caller has, in `_identity`.
            options={
                "require": ["exp", "aud", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidSignatureError:
        return None
    except jwt.MissingRequiredClaimError as error:
        raise BadJwt(_MISSING.get(error.claim, "malformed")) from None
    except jwt.InvalidAudienceError:
        raise BadJwt("audience") from None
    except jwt.InvalidIssuerError:
        raise BadJwt("issuer") from None
    except InvalidSubjectError:
        raise BadJwt("no_sub") from None
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise BadJwt("malformed") from None


_MISSING: Final[dict[str, Reason]] = {
    "exp": "no_exp", "aud": "audience", "sub": "no_sub", "iss": "issuer",
}  # fmt: skip


def _identity(claims: dict[str, Any], rules: JwtRules, now: float) -> JwtIdentity:
    expires = _time(claims["exp"])
    if expires <= now:
        raise BadJwt("expired")
    if _time(claims.get("nbf", 0)) > now + LEEWAY:
        raise BadJwt("not_yet_valid")
    issuer = claims.get("iss", "")
    if not isinstance(issuer, str) or len(issuer) > _MOST_NAME:
        raise BadJwt("issuer")
    return JwtIdentity(
        issuer=issuer,
        subject=_name(claims["sub"], "no_sub"),
        nick=_name(claims.get(rules.nick_claim), "no_nick"),
        expires=expires,
        issued=_time(claims.get("iat", 0)),
    )


def _time(value: object) -> float:
    """Return seconds of the Unix epoch; :raises BadJwt: if they are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadJwt("malformed")
    if not 0 <= value <= _LATEST:  # nor what is infinite, or no number
        raise BadJwt("malformed")
    return float(value)


def _name(value: object, reason: Reason) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_NAME:
        raise BadJwt(reason)
    return value
