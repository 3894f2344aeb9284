"""Plots as SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

_WIDTH: Final = 560
_HEIGHT: Final = 260
_LEFT: Final = 62
_RIGHT: Final = 52
_TOP: Final = 12
_BOTTOM: Final = 30
_INNER: Final = _WIDTH - _LEFT - _RIGHT
_TALL: Final = _HEIGHT - _TOP - _BOTTOM


def curve(points: Sequence[Sequence[float]]) -> str:
    """Return a plot of latency over percentile; each further nine takes the same width."""
    top = ceiling(max(ms for _, ms in points))
    most = 4.0  # 99.99%
    placed = [
        (_LEFT + min(_nines(percentile), most) / most * _INNER, _y(ms, top))
        for percentile, ms in points
        if percentile < 100
    ]
    labels = "".join(
        _label(_LEFT + nines / most * _INNER, _HEIGHT - 8, text, "middle")
        for nines, text in (
            (0, "0"),
            (0.301, "50"),
            (1, "90"),
            (2, "99"),
            (3, "99.9"),
            (4, "99.99"),
        )
    )
    return _svg(_grid(top, "") + labels + _line(placed, "one"))


def timeline(seconds: Sequence[dict[str, Any]]) -> str:
    """Return a plot of deliveries a second (left axis) and p99 (right axis) over time.

    The warm-up is below zero.
    """
    first, last = float(seconds[0]["second"]), float(seconds[-1]["second"])
    span = max(1.0, last - first)
    top = ceiling(max(each["deliveries"] for each in seconds))
    slowest = ceiling(max((each["p99"] or 0.0) for each in seconds))

    def x(second: float) -> float:
        return _LEFT + (second - first) / span * _INNER

    rate = [(x(each["second"]), _y(each["deliveries"], top)) for each in seconds]
    p99 = [
        (x(each["second"]), _y(each["p99"], slowest)) for each in seconds if each["p99"] is not None
    ]
    labels = "".join(
        _label(x(second), _HEIGHT - 8, f"{second:g} s", "middle")
        for second in (first, (first + last) // 2, last)
    )
    right = "".join(
        _label(
            _WIDTH - _RIGHT + 6, _y(part * slowest, slowest) + 4, _short(part * slowest), "start"
        )
        for part in (0.0, 0.5, 1.0)
    )
    # Between the times on the axis, where no line is drawn.
    legend = "".join(
        f'<rect class="fill-{number}" x="{x_at:.0f}" y="{_HEIGHT - 13}" width="10" height="3"/>'
        + _label(x_at + 16, _HEIGHT - 8, name, "start")
        for number, name, x_at in (
            ("one", "deliveries", _LEFT + _INNER * 0.15),
            ("two", "p99", _LEFT + _INNER * 0.68),
        )
    )
    return _svg(_grid(top, "") + labels + right + _line(rate, "one") + _line(p99, "two") + legend)


def bars(values: Sequence[tuple[str, float]], unit: str) -> str:
    """Return a plot with one bar for each name."""
    top = max(value for _, value in values) or 1.0
    height = 30
    drawn = ""
    for row, (name, value) in enumerate(values):
        y = row * height + 6
        width = max(1.0, value / top * (_INNER - 40))
        drawn += (
            f'<rect class="fill-one" x="{_LEFT}" y="{y}" width="{width:.1f}" height="18" rx="3"/>'
            + _label(_LEFT - 8, y + 13, name, "end")
            + _label(_LEFT + width + 8, y + 13, _short(value) + unit, "start")
        )
    return _svg(drawn, len(values) * height + 6)


def ceiling(value: float) -> float:
    """Return where an axis ends: the next 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= value)


def _nines(percentile: float) -> float:
    return -math.log10(1 - percentile / 100)


def _y(value: float, top: float) -> float:
    return _TOP + _TALL - value / top * _TALL


def _grid(top: float, unit: str) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(part * top, top):.1f}" '
        f'y2="{_y(part * top, top):.1f}"/>'
        + _label(_LEFT - 8, _y(part * top, top) + 4, _short(part * top) + unit, "end")
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _line(points: Sequence[tuple[float, float]], style: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{style}" points="{path}"/>'


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _svg(inner: str, height: int = _HEIGHT) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{inner}</svg>'
