"""Opening links in the person's web browser."""

from __future__ import annotations

import webbrowser

import trio

from gateway.wire.text.links import is_link


async def open_link(link: str) -> bool:
    """Open a link in the browser and return whether there is one; other texts are not opened.

    The browser may take its time, so it is started in a thread.
    """
    if not is_link(link):
        return False
    return await trio.to_thread.run_sync(webbrowser.open, link, abandon_on_cancel=True)
