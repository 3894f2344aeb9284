"""Links in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text.links import find_links, is_link


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
    ],
)
def test_they_are_found_without_what_belongs_to_the_sentence(text: str, found: list[str]) -> None:
    assert links(text) == found


@given(st.text(alphabet="htps:/.()[]{}!,x @-\n\u202e", max_size=200))
def test_whatever_is_found_may_be_opened(text: str) -> None:
    assert all(is_link(link) for link in links(text))


def test_a_long_text_takes_no_long_time() -> None:
    assert links("http://a" + ")" * 4000) == ["http://a"]
    assert len(links("http://a(" * 400)) == 1
