"""Links in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.text.links import find_links, is_link
from tests.unit.steps import is_linear


def links(text: str) -> list[str]:
    return [text[start:end] for start, end in find_links(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/b?c=d#e now", ["https://a.example/b?c=d#e"]),
        ("HTTP://A.example.", ["HTTP://A.example"]),
        ("(https://a.example/b)", ["https://a.example/b"]),
        ("(see https://a.example/b_(c)).", ["https://a.example/b_(c)"]),
        ("https://a.example/(b", ["https://a.example/(b"]),
        ("[x](https://a.example/)", ["https://a.example/"]),
        ("<https://a.example/>, https://b.example!", ["https://a.example/", "https://b.example"]),
        ("https://a.example/, 'https://b.example'", ["https://a.example/", "https://b.example"]),
        ("http://[::1]:8080/x", ["http://[::1]:8080/x"]),
        ("https://\u00e4.example/\u2713", ["https://\u00e4.example/\u2713"]),
        ("https:// http://. http:///x http://a:port http://[", []),
        ("xhttps://a.example javascript:alert(1) file:///etc/passwd ftp://a www.a.example", []),
        ("https://a.example/\u202egnp.exe", []),
        # in sentences of other scripts
        ("请看https://example.com/a。谢谢", ["https://example.com/a"]),
        ("看https://example.com/a吧", ["https://example.com/a"]),
        (
            "（https://example.com/a）、「https://b.example」",
            ["https://example.com/a", "https://b.example"],
        ),
        (
            "«https://a.example/b» ‹https://a.example/c›",
            ["https://a.example/b", "https://a.example/c"],
        ),
        ("‘https://a.example/’ “https://b.example”", ["https://a.example/", "https://b.example"]),
        ("https://example.comを見て", ["https://example.com"]),
        ("http://localhost:8080を見て", ["http://localhost:8080"]),
        ("(https://a.example/b)を見て", ["https://a.example/b"]),
        ("https://a.example/b.请看", ["https://a.example/b"]),
        ("https://example.com/a؟ نعم", ["https://example.com/a"]),
        (
            "انظر https://example.com/a،https://b.example\u200f.",
            ["https://example.com/a", "https://b.example"],
        ),
        ("ดูhttps://example.com/aนะ", ["https://example.com/a"]),
        ("https://example.com/a를 보세요", ["https://example.com/a"]),
        ("देखो https://example.com/a।", ["https://example.com/a"]),
        ("смотриhttps://a.example/в", ["https://a.example/в"]),
        ("https://a.example/b👍", ["https://a.example/b"]),
        # of other scripts themselves
        ("https://例え.テスト/パス", ["https://例え.テスト/パス"]),
        ("https://münchen.example/straße", ["https://münchen.example/straße"]),
        ("https://mu\u0308nchen.example/cafe\u0301", ["https://mu\u0308nchen.example/cafe\u0301"]),
        ("https://zh.wikipedia.org/wiki/中国。", ["https://zh.wikipedia.org/wiki/中国"]),
        (
            "https://ja.wikipedia.org/wiki/ジョン・レノン。",
            ["https://ja.wikipedia.org/wiki/ジョン・レノン"],
        ),
        ("https://a.example/?q=请&p=1, ok", ["https://a.example/?q=请&p=1"]),
        (
            "https://fa.wikipedia.org/wiki/می\u200cخواهم",
            ["https://fa.wikipedia.org/wiki/می\u200cخواهم"],
        ),
        ("https://a.example/Michelson–Morley – ok", ["https://a.example/Michelson–Morley"]),
        # brackets
        ("https://de.wikipedia.org/wiki/Foo_(Bar).", ["https://de.wikipedia.org/wiki/Foo_(Bar)"]),
        ("https://a.example/b),https://c.example", ["https://a.example/b", "https://c.example"]),
        ("https://a.example/b[1]{2}(3)", ["https://a.example/b[1]{2}(3)"]),
        # code
        (
            "`https://a.example` https://b.example `https://c.example",
            ["https://b.example", "https://c.example"],
        ),
        ("```\nhttps://a.example\n```\nhttps://b.example", ["https://b.example"]),
    ],
)
def test_they_are_found_without_what_belongs_to_the_sentence(text: str, found: list[str]) -> None:
    assert links(text) == found


@given(st.text(alphabet="htps:/.()[]{}!,x @-\n\u202e", max_size=200))
def test_whatever_is_found_may_be_opened(text: str) -> None:
    assert all(is_link(link) for link in links(text))


@given(st.text(alphabet="htps:/.()[]a请。、`\n \u0301é"))
def test_they_are_in_order_and_begin_with_their_scheme(text: str) -> None:
    last = 0
    for start, end in find_links(f"http://a{text}http://b"):
        assert last <= start < end
        assert f"http://a{text}http://b"[start:].startswith(("http://", "https://"))
        last = end


@pytest.mark.parametrize(
    "piece",
    ["http://a(", "http://", "http://.", "http://a:b", "http://a/", "http://a/\u202e", ")", ".",
     "`", "http://[", "http://a.请", "http://a/請", "`http://a`", "http://a@", "http://\u0301"],
)  # fmt: skip
def test_finding_is_linear(piece: str) -> None:
    assert is_linear(find_links, piece)
    assert is_linear(lambda text: find_links(f"http://a/{text}"), piece)
