"""The generator processes as their conductor sees them: asked and heard over pipes."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

ANSWER_SECONDS: Final = 360.0
"""Seconds without a line of any generator after which a run is given up."""


class GeneratorProcesses:
    """Generators by their number, from 0 on; one conversation with all of them at a time."""

    def __init__(self, count: int, core: int | None) -> None:
        self._lines: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.load.generator"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(count)
        ]  # fmt: skip
        for number, process in enumerate(self._processes):
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            threading.Thread(target=self._listen, args=(number, process), daemon=True).start()

    def __len__(self) -> int:
        return len(self._processes)

    def _listen(self, number: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put((number, json.loads(line)))
        self._lines.put((number, {"ended": True}))

    def ask(self, number: int, do: str, **fields: Any) -> None:
        """Have one generator do something; `answers` waits for the end of it."""
        pipe = self._processes[number].stdin
        assert pipe is not None
        pipe.write(json.dumps({"do": do, **fields}) + "\n")
        pipe.flush()

    def answers(self, on_second: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
        """Return every generator's last line, by number; lines before it go to ``on_second``.

        :raises SystemExit: if a generator ended.
        """
        last: dict[int, dict[str, Any]] = {}
        while len(last) < len(self):
            number, line = self._lines.get(timeout=ANSWER_SECONDS)
            if line.get("ended"):
                raise SystemExit("a generator ended before its time")
            if line.get("done"):
                last[number] = line
            else:
                on_second(line)
        return [last[number] for number in sorted(last)]

    def close(self) -> None:
        """End all generators, whatever they are doing."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
