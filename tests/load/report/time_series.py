"""What all generators counted in each second, put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.load.generator.histogram import Histogram


class TimeSeries:
    """The seconds of a run, in order; each is complete once every generator has reported it.

    - ``count``: how many generators there are
    - ``warmup``: the seconds before 0
    - ``show`` is called with a line for each complete second
    """

    def __init__(self, count: int, warmup: float, show: Callable[[str], None]) -> None:
        self._count = count
        self._warmup = warmup
        self._show = show
        self._lines: dict[int, list[dict[str, Any]]] = {}
        self.seconds: list[dict[str, Any]] = []

    def add(self, line: dict[str, Any]) -> None:
        """Take one generator's report of one second."""
        lines = self._lines.setdefault(line["second"], [])
        lines.append(line)
        if len(lines) == self._count:
            self._complete(line["second"], lines)

    def _complete(self, number: int, lines: list[dict[str, Any]]) -> None:
        latency = Histogram.merged([each["latency"] for each in lines]).summary()
        second = {
            "second": number - self._warmup,
            "deliveries": sum(each["deliveries"] for each in lines),
            "ready": sum(each["ready"] for each in lines),
            "p50": latency.get("p50"),
            "p99": latency.get("p99"),
            "max": latency.get("max"),
        }
        self.seconds.append(second)
        p99 = f", p99 {latency['p99']:.1f} ms" if latency else ""
        self._show(
            f"{second['second']:5.0f} s  {second['deliveries']:>9,} deliveries/s{p99}"
            f"  {second['ready']:,} clients"
        )
