"""Addresses of nodes, as a person types them."""

from __future__ import annotations

import pytest

from client.addresses import DEFAULT_URL, NodeAddress, node_url, typed_urls


def test_several_are_typed_one_a_line_and_may_be_short() -> None:
    typed = " chat.example:8765\nwss://b/there,ws://b\n\nws://b/ws"
    urls = ("ws://chat.example:8765/ws", "wss://b/there", "ws://b/ws")
    assert typed_urls(typed) == urls


@pytest.mark.parametrize("typed", ["", " \n", "http://a", "ws://a:port", "ws://", "a:99999"])
def test_a_wrong_one_is_told(typed: str) -> None:
    with pytest.raises(ValueError, match=r"URL|address"):
        typed_urls(typed)


@pytest.mark.parametrize("typed", ["ws://a b/ws", "ws://a/\u202eb", "nonsense", "ws://a:0"])
def test_no_other_text_passes_for_one(typed: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        node_url(typed)


def test_the_usual_one_is_one() -> None:
    assert node_url(DEFAULT_URL) == DEFAULT_URL


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
