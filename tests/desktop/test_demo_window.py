"""The window that the demo opens: what becomes of the demo when it is closed."""

from __future__ import annotations

import shlex

import pytest
import trio

from tests.demo import run_demo
from tests.desktop.screen import XWindow


@pytest.mark.usefixtures("display")
async def test_a_closed_window_is_opened_again_as_the_demo_says() -> None:
    async with run_demo("--nodes", "1", terminal=True) as demo:
        await demo.up()
        (await XWindow.find()).close()
        said = await demo.prints(r"^The window is closed\. To open another one:\n  (.+)\n")
        await demo.prints(r"^Ctrl-C ends the cluster\.$")
        again = await trio.lowlevel.open_process([*shlex.split(said[1]), "--nick", "alice"])
        window = await XWindow.find("alice in #lobby")
        window.close()
        await again.wait()
        assert demo.process.returncode is None


@pytest.mark.usefixtures("display")
async def test_without_a_terminal_a_closed_window_ends_the_demo() -> None:
    async with run_demo("--nodes", "1") as demo:
        await demo.up()
        (await XWindow.find()).close()
        await demo.prints(r"^Stopping\.$")
        assert await demo.ends() == 0
