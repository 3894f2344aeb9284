"""Addresses of nodes, as a person types them."""

from __future__ import annotations

import pytest

from client.addresses import (
    DEFAULT_URL,
    BareAddress,
    NodeAddress,
    node_url,
    place,
    typed_urls,
)

ACCEPTED = [
    ("chat.example", "chat.example"),
    ("chat.example:8765", "chat.example:8765"),
    ("chat.example:8765/", "chat.example:8765"),
    ("chat.example/ws", "chat.example"),
    ("chat.example/there?a=b", "chat.example/there?a=b"),
    ("127.0.0.1:80", "127.0.0.1:80"),
    ("::1", "[::1]"),
    ("fe80::1%eth0", "[fe80::1%eth0]"),
    ("[::1]", "[::1]"),
    ("[::1]:8765", "[::1]:8765"),
    ("bücher.example", "bücher.example"),
    ("ws://a", "ws://a/ws"),
    ("ws://a:80/", "ws://a:80/ws"),
    ("wss://[::1]:8765/there", "wss://[::1]:8765/there"),
    ("http://a", "ws://a/ws"),
    ("https://a:8443/ws", "wss://a:8443/ws"),
    ("HTTPS://A", "wss://A/ws"),
]
REFUSED = [
    "", "/", ":80", "a:", "a:port", "a:0", "a:99999", "a:-1", "a:٨", "a b", "a\u202eb", "a\nb",
    "@a", "me@a", "ws:/a", "ws//a", "mailto:me", "[::1", "[::1]a", "[nonsense]", "1::2::3", "a#b",
    "ws://", "ws://a:port", "ws://a:0", "ws://a:99999", "ws://a b/ws", "ws://a/\u202eb", "ws://[",
    "ftp://a", "://a", "redis://a",
]  # fmt: skip


@pytest.mark.parametrize(("typed", "address"), ACCEPTED)
def test_an_address(typed: str, address: str) -> None:
    assert node_url(typed) == address
    assert node_url(address) == address, "what is kept is an address, too"


@pytest.mark.parametrize("typed", REFUSED)
def test_no_other_text_passes_for_one(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is no address of a server; one looks like chat\.exam"):
        node_url(typed)


def test_several_are_typed_one_a_line_and_may_be_short() -> None:
    typed = " chat.example:8765\nwss://b/there,ws://b\n\nws://b/ws"
    assert typed_urls(typed) == ("chat.example:8765", "wss://b/there", "ws://b/ws")


@pytest.mark.parametrize("typed", ["", " \n", ",", "ftp://a", "a ws://"])
def test_a_wrong_one_is_told(typed: str) -> None:
    with pytest.raises(ValueError, match="address"):
        typed_urls(typed)


def test_the_usual_one_is_one() -> None:
    assert node_url(DEFAULT_URL) == DEFAULT_URL


@pytest.mark.parametrize(
    ("address", "named"),
    [("a", "a"), ("a:80/there", "a:80"), ("[::1]:80", "[::1]:80"), ("ws://a:80/ws", "a:80")],
)
def test_a_server_is_named_after_its_place(address: str, named: str) -> None:
    assert place(address) == named


@pytest.mark.parametrize(
    ("address", "port", "url"),
    [
        ("a", None, "wss://a/ws"),
        ("a", 8765, "wss://a:8765/ws"),
        ("a:80", 8765, "wss://a:80/ws"),
        ("[::1]/there", 8765, "wss://[::1]:8765/there"),
        ("a?b", None, "wss://a/ws?b"),
    ],
)
def test_a_bare_address_becomes_a_url(address: str, port: int | None, url: str) -> None:
    assert BareAddress.parse(address).url("wss", port) == url


@pytest.mark.parametrize(
    ("url", "host", "authority", "resource"),
    [
        ("ws://a:1/чат", "a", "a:1", "/%D1%87%D0%B0%D1%82"),
        ("ws://a/a%20b/é?x=ü&y=%3D#top", "a", "a", "/a%20b/%C3%A9?x=%C3%BC&y=%3D"),
        ("ws://bücher.example:1/ws", "xn--bcher-kva.example", "xn--bcher-kva.example:1", "/ws"),
        ("wss://чат.example", "xn--80a0bn.example", "xn--80a0bn.example", "/ws"),
        ("ws://[2001:db8::1]:1/ws", "2001:db8::1", "[2001:db8::1]:1", "/ws"),
    ],
)
def test_an_address_is_sent_in_ascii(url: str, host: str, authority: str, resource: str) -> None:
    address = NodeAddress.from_url(url)
    assert (address.host, address.authority, address.resource) == (host, authority, resource)
