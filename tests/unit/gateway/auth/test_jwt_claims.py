"""Which JWTs are taken, and each reason for which one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.jwt_claims import (
    LEEWAY,
    JwtHeader,
    read_header,
    verify_jwt,
)
from gateway.auth.jwt_identity import MOST_CHARS, BadJwt, JwtIdentity, JwtRules
from gateway.auth.jwt_keys import Keys, read_keys
from tests.unit.gateway.auth.jwt_making import (
    CLAIMS,
    NOW,
    OTHER_SECRET,
    RULES,
    SECRET,
    base64url,
    hmac_signed,
    jwk,
    jwks,
    private_key,
    public_der,
    public_pem,
    signed,
    unsigned,
)

ASYMMETRIC = ["RS256", "ES256", "EdDSA"]
SECRET_KEYS = read_keys(SECRET)


def refused(token: str, keys: Keys = SECRET_KEYS, rules: JwtRules = RULES, now: float = NOW) -> str:
    with pytest.raises(BadJwt) as caught:
        verify_jwt(token, keys, rules, now)
    assert str(caught.value)
    return caught.value.reason


def of_secret(**changed: Any) -> str:
    return signed(SECRET, "HS256", **changed)


# --- Which are taken ------------------------------------------------------------------------------


def test_a_token_says_whom_it_is_about() -> None:
    identity = verify_jwt(of_secret(), SECRET_KEYS, RULES, NOW)
    assert identity == JwtIdentity("https://issuer.example", "user-1", "alice", NOW + 300)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_every_algorithm_is_taken(algorithm: str) -> None:
    key = private_key(algorithm)
    token = signed(key, algorithm)
    for keys in (public_pem(key), jwks(jwk(key)), json.dumps(jwk(key)).encode()):
        assert verify_jwt(token, read_keys(keys), RULES, NOW).nick == "alice"


@pytest.mark.parametrize("kid", [None, "any"])
def test_two_keys_hold_while_they_are_rotated(kid: str | None) -> None:
    both = read_keys(SECRET + b"\n" + OTHER_SECRET + b"\n")
    for secret in (SECRET, OTHER_SECRET):
        assert verify_jwt(signed(secret, "HS256", kid=kid), both, RULES, NOW)
    old, new = private_key("RS256"), private_key("RS256", 1)
    for keys in (public_pem(old) + public_pem(new), jwks(jwk(old), jwk(new))):
        for key in (old, new):
            assert verify_jwt(signed(key, "RS256", kid=kid), read_keys(keys), RULES, NOW)


def test_the_key_that_a_token_names_is_used() -> None:
    old, new = private_key("EdDSA"), private_key("EdDSA", 1)
    keys = read_keys(jwks(jwk(old, kid="old"), jwk(new, kid="new")))
    assert verify_jwt(signed(new, "EdDSA", kid="new"), keys, RULES, NOW)
    assert refused(signed(new, "EdDSA", kid="old"), keys) == "signature"
    assert refused(signed(new, "EdDSA", kid="newer"), keys) == "key"


def test_an_audience_may_be_one_of_several() -> None:
    assert verify_jwt(of_secret(aud=["mail", "chat"]), SECRET_KEYS, RULES, NOW)


def test_any_issuer_is_taken_unless_one_is_asked_for() -> None:
    rules = JwtRules(audience="chat", nick_claim="nick")
    assert verify_jwt(of_secret(), SECRET_KEYS, rules, NOW).issuer == CLAIMS["iss"]
    assert verify_jwt(of_secret(without="iss"), SECRET_KEYS, rules, NOW).issuer == ""
    assert refused(of_secret(without="iss")) == "issuer"


# --- Which are not --------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_no_public_key_verifies_another_algorithm(algorithm: str) -> None:
    """An attacker signs by HMAC, with what everybody may know as the secret."""
    key = private_key(algorithm)
    keys = read_keys(public_pem(key))
    payload = json.dumps(CLAIMS).encode()
    for secret in (public_pem(key), public_pem(key).strip(), public_der(key)):
        assert refused(hmac_signed(payload, secret), keys) == "algorithm"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "", "HS512", "RS512", "PS256", "ES384", None, 1]
)
def test_other_algorithms_are_refused(algorithm: object) -> None:
    token = unsigned({"alg": algorithm, "typ": "JWT"}, json.dumps(CLAIMS).encode())
    assert refused(token) == "algorithm"
    with pytest.raises(BadJwt) as caught:
        read_header(token)
    assert caught.value.reason == "algorithm"


def test_an_algorithm_without_a_key_is_refused() -> None:
    for algorithm in ASYMMETRIC:
        assert refused(signed(private_key(algorithm), algorithm)) == "algorithm"


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_another_key_is_refused(algorithm: str) -> None:
    keys = read_keys(public_pem(private_key(algorithm)))
    assert refused(signed(private_key(algorithm, 1), algorithm), keys) == "signature"


def test_a_token_that_was_changed_is_refused() -> None:
    head, _, mac = of_secret().split(".")
    body = base64url(json.dumps({**CLAIMS, "sub": "somebody else"}).encode())
    assert refused(f"{head}.{body}.{mac}") == "signature"
    assert refused(f"{head}.{body}.") == "signature"
    assert refused(signed(OTHER_SECRET, "HS256")) == "signature"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"without": "exp"}, "no_exp"),
        ({"without": "aud"}, "audience"),
        ({"without": "sub"}, "no_sub"),
        ({"without": "nick"}, "no_nick"),
        ({"without": "iss"}, "issuer"),
        ({"exp": None}, "no_exp"),
        ({"aud": "mail"}, "audience"),
        ({"aud": ["mail"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": 1}, "audience"),
        ({"aud": [1]}, "audience"),
        ({"iss": "https://other.example"}, "issuer"),
        ({"sub": ""}, "no_sub"),
        ({"sub": "s" * 256}, "no_sub"),
        ({"nick": ""}, "no_nick"),
        ({"nick": 7}, "no_nick"),
        ({"nick": "n" * 256}, "no_nick"),
        ({"nick": ["alice"]}, "no_nick"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 1}, "expired"),
        ({"exp": 0}, "expired"),
        ({"nbf": NOW + LEEWAY + 1}, "not_yet_valid"),
        ({"exp": str(NOW + 300)}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": [1]}, "malformed"),
        ({"exp": -1}, "malformed"),
        ({"exp": float("inf")}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": 10**400}, "malformed"),
        ({"nbf": "soon"}, "malformed"),
        ({"nbf": None}, "malformed"),
    ],
)
def test_each_wrong_claim_has_its_reason(changed: dict[str, Any], reason: str) -> None:
    assert refused(of_secret(**changed)) == reason


@pytest.mark.parametrize("iss", [1, ["https://issuer.example"], None, {}])
def test_an_issuer_that_is_no_text_is_refused(iss: object) -> None:
    payload = json.dumps({**CLAIMS, "iss": iss}).encode()
    token = hmac_signed(payload)
    assert refused(token) == "issuer"
    if iss is not None:
        assert refused(token, rules=JwtRules("chat", nick_claim="nick")) == "issuer"


def test_a_subject_that_is_no_text_is_refused() -> None:
    payload = json.dumps({**CLAIMS, "sub": 7}).encode()
    token = hmac_signed(payload)
    assert refused(token) == "no_sub"


def test_a_token_holds_until_its_last_second_and_an_early_one_a_moment_later() -> None:
    assert verify_jwt(of_secret(), SECRET_KEYS, RULES, NOW + 299.9)
    assert refused(of_secret(), now=NOW + 300) == "expired"
    assert verify_jwt(of_secret(nbf=NOW + LEEWAY), SECRET_KEYS, RULES, NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "ß.ß.ß",
        "\ud800.a.b",
        unsigned(b"not JSON"),
        unsigned(b"[]"),
        unsigned(b"[" * 6000),
        unsigned(b'{"alg":"HS256","a":' + b"[" * 6000),
        unsigned({"alg": "HS256", "kid": 7}),
        unsigned({"alg": "HS256", "crit": ["x"], "x": 1}),
    ],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert refused(token) == "malformed"


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"not JSON", b"[" * 6000, b'{"exp":' + b"9" * 5000 + b"}"]
)
def test_a_signed_payload_that_cannot_be_read_is_malformed(payload: bytes) -> None:
    token = hmac_signed(payload)
    assert refused(token) == "malformed"


@pytest.mark.parametrize("length", [MOST_CHARS + 1, 64 * 1024, 10_000_000])
def test_a_token_over_its_bound_is_not_read(length: int) -> None:
    assert refused("x" * length) == "too_long"


def test_the_longest_token_is_read() -> None:
    token = of_secret(x="x" * 8_700)
    assert MOST_CHARS - 300 < len(token) <= MOST_CHARS
    assert verify_jwt(token, SECRET_KEYS, RULES, NOW)


def test_a_header_says_which_key_it_is() -> None:
    assert read_header(of_secret(kid="one")) == JwtHeader("HS256", "one")
    assert read_header(of_secret()) == JwtHeader("HS256", "")


@given(st.text(max_size=200) | st.binary(max_size=60).map(unsigned))
def test_every_text_is_refused_with_a_reason(token: str) -> None:
    assert refused(token) in {"malformed", "algorithm", "signature"}
