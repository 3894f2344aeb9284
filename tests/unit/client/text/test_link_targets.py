"""Links that do not lead where they seem to, and those that do."""

from __future__ import annotations

import pytest

from client.text.link_targets import disguised_host


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://apple.com@evil.com", "evil.com"),
        ("https://apple.com%2flogin@evil.com/a@b", "evil.com"),
        ("http://a:b@c:d@evil.org:8080/", "evil.org"),
        ("https://user@[::1]:80/", "[::1]"),
        ("https://аррӏе.com", "xn--80ak6aa92e.com"),
        ("https://pаypal.com", "xn--pypal-4ve.com"),
        ("https://login.pаypal.com:443/x", "login.xn--pypal-4ve.com"),
        ("https://ɡoogle.com", "xn--oogle-qmc.com"),
        ("https://g\u0131thub.com", "xn--gthub-n4a.com"),
        ("https://ạpple.com", "xn--pple-4q5a.com"),
        ("https://пример.com", "xn--e1afmkfd.com"),
        ("https://αpple.com", "xn--pple-zld.com"),
        ("https://ａｐｐｌｅ.com", "apple.com"),
        ("https://ap\u00adple.com", "apple.com"),
        ("https://ap\u200dple.com", "xn--apple-yt3b.com"),
        ("https://ev%69l.com", "evil.com"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1", "127.0.0.1"),
        ("http://010.1.1.1", "8.1.1.1"),
    ],
)
def test_a_disguise_is_seen_through(link: str, host: str) -> None:
    assert disguised_host(link) == host


@pytest.mark.parametrize(
    "link",
    [
        "https://apple.com", "https://APPLE.com/@evil.com?x=@#@", "http://localhost:8765/ws",
        "http://127.0.0.1:8/", "http://[::1]:80/a", "https://xn--80ak6aa92e.com",
        "https://münchen.de", "https://Ünicode.DE", "https://例え.jp", "https://例え.com",
        "https://한국.com", "https://пример.рф", "https://مثال.إختبار", "https://h/a_b",
        "https://en.wikipedia.org/wiki/Москва", "https://apple.com?a@b", "https://apple.com#a@b",
    ],
)  # fmt: skip
def test_what_is_no_disguise_is_opened_without_a_question(link: str) -> None:
    assert disguised_host(link) is None


@pytest.mark.parametrize(
    "text",
    ["", "https://", "https://@", "nonsense", "https://.", "https://[", "https://\u0430" * 50],
)
def test_every_text_has_an_answer(text: str) -> None:
    disguised_host(text)
