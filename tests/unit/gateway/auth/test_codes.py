"""Codes that people type."""

from __future__ import annotations

import pytest

from gateway.auth.codes import MOST_CHARS, hash_code, new_code, parse


def test_a_code_is_read_as_people_type_it() -> None:
    for _ in range(100):
        code = new_code()
        assert len(code) == 19
        bare = code.replace("-", "")
        for typed in (code, bare, bare.lower(), f"  {code.lower()} ", " ".join(bare)):
            assert parse(typed) == code


def test_letters_that_look_like_digits_are_read_as_these() -> None:
    assert parse("oil0 oil0 oil0 oil0") == "0110-0110-0110-0110"


@pytest.mark.parametrize(
    "wrong",
    ["", "-", "0" * 15, "0" * 17, "U" * 16, "0" * 15 + "!", "0" * 15 + "٣", " " * 1_000_000],
)
def test_what_is_no_code(wrong: str) -> None:
    assert parse(wrong) is None


def test_no_more_is_read_than_its_bound() -> None:
    assert parse("0" * 16 + " " * (MOST_CHARS - 16)) is not None
    assert parse("0" * 16 + " " * (MOST_CHARS - 15)) is None


def test_codes_differ_and_so_do_their_hashes() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == len({hash_code(code) for code in codes}) == 100
    assert not any(code in hash_code(code) for code in codes)
