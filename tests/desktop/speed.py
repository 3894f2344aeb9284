"""How quick the client is: ``python -m tests.desktop.speed``.

A busy room, the time until the first paint, and what an idle client costs; each as the program
itself, on a screen of its own, with a real node.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trio

from client.desktop.app import App
from client.desktop.settings.preferences import PreferencesFile
from client.desktop.settings.servers import SavedServer
from client.desktop.theme.theme import open_root
from client.desktop.tk import host
from tests.desktop.screen import virtual_screen
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until

RATE = 500
SENDERS = 20
_KEY_SECONDS = 0.25


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all three and print them."""
    parser = argparse.ArgumentParser(description="Measure how quick the client is.")
    parser.add_argument("--seconds", type=float, default=60, help="of a busy room [60]")
    parser.add_argument("--idle", type=float, default=30, help="seconds of doing nothing [30]")
    options = parser.parse_args(arguments)
    with virtual_screen() as display, tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DISPLAY": display, "XDG_CONFIG_HOME": folder}
        trio.run(_first_paint)
        root, theme = open_root("Chat")
        settings = PreferencesFile(Path(folder) / "preferences.json")

        async def measure() -> None:
            async with (
                RedisServer(Path(folder)) as redis,
                open_cluster(redis, 1) as cluster,
                trio.open_nursery() as nursery,
            ):
                settings.change(servers=(SavedServer("Here", (cluster.urls[0],)),), server="Here")
                app = App(root, theme, settings, room="lobby", nick="alice")
                nursery.start_soon(app.run)
                await until(app.window.chat.winfo_viewable, "the chat to be in sight")
                await _idle(options.idle)
                await _busy(app, cluster.urls[0], options.seconds)
                nursery.cancel_scope.cancel()

        host.run(root, measure)


async def _first_paint() -> None:
    """Start the program a few times, less Python's own start."""
    script = (
        "import sys, time; begin = time.perf_counter(); sys.argv = ['chat-client']\n"
        "from client.desktop.theme.theme import Theme\n"
        "from client.desktop.tk import host\n"
        "run = host.run\n"
        "def seen(root, main):\n"
        "    def painted(event):\n"
        "        print(time.perf_counter() - begin, flush=True); root.quit(); sys.exit()\n"
        "    root.bind('<Expose>', painted); run(root, main)\n"
        "host.run = seen\n"
        "from client.__main__ import main; main()"
    )
    times = []
    for _ in range(5):
        done = await trio.run_process(
            [sys.executable, "-c", script], capture_stdout=True, check=False
        )
        times.append(float(done.stdout.split()[0]))
    sys.stdout.write(f"first paint: {statistics.median(times):.2f} s (worst {max(times):.2f} s)\n")


async def _idle(seconds: float) -> None:
    await trio.sleep(3)
    cpu, began = _cpu(), time.perf_counter()
    await trio.sleep(seconds)
    share = (_cpu() - cpu) / (time.perf_counter() - began)
    sys.stdout.write(f"idle: {share:.2%} of a core\n")


async def _busy(app: App, url: str, seconds: float) -> None:
    """Press keys while many speak, and see how long each takes to be in the field."""
    field = app.window.chat.composer.text
    delays: list[float] = []
    memory: list[int] = []
    sent = 0
    script = Path(__file__).with_name("chatter.py")
    process = await trio.lowlevel.open_process(
        [sys.executable, str(script), url, str(RATE), str(SENDERS), str(seconds)]
    )
    began = time.perf_counter()
    due = trio.current_time()
    while time.perf_counter() - began < seconds:
        due += _KEY_SECONDS
        await trio.sleep_until(due)  # measured from here, however late the window comes to it
        field.focus_force()
        seen = trio.Event()
        field.event_generate("<Key>", keysym="a", when="tail")
        field.after_idle(seen.set)
        await seen.wait()
        delays.append(trio.current_time() - due)
        memory.append(_rss())
    process.kill()
    await process.wait()
    sent = app.chat.room("lobby").transcript.newest_seq or 0
    delays.sort()
    sys.stdout.write(
        f"busy: {sent / seconds:,.0f} messages/s for {seconds:g} s; keys answered in "
        f"{statistics.median(delays) * 1000:.0f} ms, "
        f"p99 {delays[int(len(delays) * 0.99)] * 1000:.0f} ms, "
        f"worst {delays[-1] * 1000:.0f} ms; memory after a third "
        f"{memory[len(memory) // 3] / 1e6:.0f} MB, at the end {memory[-1] / 1e6:.0f} MB\n"
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
