"""How many unread messages mention somebody."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.payloads import encode_message_tail
from gateway.delivery.mention_count import MOST_COUNTED, MOST_READ_CLOSELY, count_mentions
from gateway.wire.mentions import is_mentioned


def said(text: str, sender: str = "alice") -> bytes:
    return b'{"seq":1,"at":1' + encode_message_tail(room="bob", sender=sender, text=text, id="bob")


@given(
    st.lists(st.text(max_size=10).map("{} bob".format) | st.sampled_from(["`bob`", "BOB!", "no"])),
    st.sampled_from(["bob", "Bob", "a\\b", 'say "hi"', "Straße", ""]),
)
def test_it_counts_what_the_rule_says(texts: list[str], nick: str) -> None:
    texts += [f"{nick} {text}" for text in texts[:3]]
    expected = sum(is_mentioned(nick, text) for text in texts)
    assert count_mentions([said(text) for text in texts], nick, "carol") == expected


def test_what_one_writes_oneself_does_not_count() -> None:
    assert count_mentions([said("bob", "bob"), said("bob", "Bob")], "bob", "bob") == 1


def test_what_other_programs_wrote_does_not_count() -> None:
    assert count_mentions([b"bob", b'{"text":"bob"}', b"\xff bob", said("bob")], "bob", "x") == 1


def test_only_the_newest_are_counted() -> None:
    old, new = [said("bob")] * 50, [said("no")] * (MOST_COUNTED - 10)
    assert count_mentions([*old, *new], "bob", "carol") == 10


@pytest.mark.parametrize("text", ["bobby ", "ébobby "])
def test_what_is_read_closely_is_bounded_and_the_rest_counts(text: str) -> None:
    long = said(text * 500)
    counted = count_mentions([long] * MOST_COUNTED, "bob", "carol")
    read = MOST_READ_CLOSELY // len(json.loads(long)["text"])
    assert counted == MOST_COUNTED - read
