"""Whom a ban means, and whom it keeps out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.bans import (
    Ban,
    BanList,
    Kind,
    Target,
    WrongTarget,
    parse_target,
    read_target,
    time_in_words,
)

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        ("nick", "Mallory", "rnallory"),
        ("nick", "rnallory", "rnallory"),
        ("nick", "раура", "paypa"),  # noqa: RUF001 - in Cyrillic letters
        ("nick", "Жанна", "жahha"),
        ("nick", "жahha", "жahha"),
        ("nick", "m" * 32, "rn" * 32),
        ("nick", "rn" * 32, "rn" * 32),
        ("session", "kW3nq0bZ5JtYx1cR8e2P", "kW3nq0bZ5JtYx1cR8e2P"),
        ("address", "192.0.2.7", "192.0.2.7/32"),
        ("address", "192.0.2.0/24", "192.0.2.0/24"),
        ("address", "2001:DB8:0:0::/64", "2001:db8::/64"),
        ("address", "::ffff:192.0.2.7", "192.0.2.7/32"),
        ("address", "::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("address", "fe80::1", "fe80::1/128"),
    ],
)
def test_a_target_is_known_by_one_key(kind: Kind, text: str, key: str) -> None:
    target = parse_target(kind, text)
    assert target == Target(kind, key)
    assert str(target) == f"{kind}:{key}"
    assert read_target(f"{kind}:{text}") == target


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("nick", "", "A nickname has 2 to 32 characters"),
        ("nick", "a b", "may not have a space"),
        ("nick", "ab\x07", "may not have the character"),
        ("nick", "Жahha", "may not mix these scripts"),
        ("nick", "x" * 5000, "A nickname has"),
        ("session", "", "is no session's id"),
        ("session", "a b", "is no session's id"),
        ("address", "", "is no address or network"),
        ("address", "here", "is no address or network"),
        ("address", "192.0.2.300", "is no address or network"),
        ("address", "192.0.2.0/33", "is no address or network"),
        ("address", "192.0.2.7/24", "write 192.0.2.0/24"),
        ("address", "192.0.2.7/255.255.255.0", "write 192.0.2.0/24"),
        ("address", "2001:db8::1/64", "write 2001:db8::/64"),
        ("address", "fe80::1%eth0", "is an address in a network"),
        ("address", "0.0.0.0/0", "is everybody"),
        ("address", "::/0", "is everybody"),
        ("address", "9" * 5000, "is no address or network"),
    ],
)
def test_what_is_no_target_is_refused_in_one_short_line(kind: Kind, text: str, says: str) -> None:
    with pytest.raises(WrongTarget) as caught:
        parse_target(kind, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def ban(kind: Kind, text: str, until: int = 0) -> Ban:
    return Ban(parse_target(kind, text), "spam", until)


@pytest.mark.parametrize(
    ("made", "keeps_out"),
    [
        (ban("nick", "Mallory"), {"nick": "mALLORY"}),
        (ban("session", "s1"), {"session": "s1", "nick": "alice"}),
        (ban("address", "192.0.2.7"), {"host": "192.0.2.7"}),
        (ban("address", "192.0.2.0/24"), {"host": "192.0.2.255"}),
        (ban("address", "2001:db8::/32"), {"host": "2001:db8:ffff::1"}),
    ],
)
def test_a_ban_keeps_out_whom_it_means_and_nobody_else(
    made: Ban, keeps_out: dict[str, str]
) -> None:
    bans = BanList([made])
    assert bans.find(NOW, **keeps_out) == made
    for other in ("", "192.0.3.1", "::1", "nonsense", "2001:db9::1"):
        assert bans.find(NOW, nick="bob", session="s2", host=other) is None


def test_an_ended_ban_keeps_out_nobody_and_hides_no_other() -> None:
    over, holds = ban("nick", "mallory", NOW), ban("address", "192.0.2.0/24", NOW + 1)
    bans = BanList([over, holds])
    assert bans.find(NOW, nick="mallory") is None
    assert bans.find(NOW, nick="mallory", host="192.0.2.1") == holds
    assert bans.find(NOW + 1, nick="mallory", host="192.0.2.1") is None


def test_a_ban_that_another_program_has_spoilt_is_left_out() -> None:
    bans = BanList([Ban(Target("address", "nonsense")), ban("nick", "mallory")])
    assert len(bans) == 1


@given(
    networks=st.lists(
        st.ip_addresses(v=4).map(lambda a: f"{a}/32") | st.ip_addresses(v=6).map(str)
    ),
    host=st.ip_addresses(),
)
def test_an_address_is_banned_if_and_only_if_a_network_has_it(
    networks: list[str], host: object
) -> None:
    bans = BanList(Ban(Target("address", network)) for network in networks)
    expected = any(str(host) == network.partition("/")[0] for network in networks)
    assert (bans.find(NOW, host=str(host)) is not None) == expected


def test_times_are_told_in_utc() -> None:
    assert time_in_words(NOW) == "2027-01-15T08:00:00Z"
