"""Events as lines: whatever is in them, a line comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from gateway.observability.logs import MOST_LINE_BYTES, Rendering

JSON = Rendering(human=False)
HUMAN = Rendering(human=True)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("not this one")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not this one")

    __repr__ = __str__


def line_of(**event: Any) -> dict[str, Any]:
    """Render an event both ways; gives the JSON, read."""
    for line in (HUMAN(None, "info", event), JSON(None, "info", event)):
        assert line.endswith(b"\n")
        assert len(line) <= MOST_LINE_BYTES
        line.decode()
    assert line.count(b"\n") == 1
    read: dict[str, Any] = json.loads(line)
    assert read["level"] == "info"
    assert read["timestamp"]
    return read


def test_an_event_keeps_its_plain_values() -> None:
    line = line_of(event="connected", nick="al ice", port=80, seconds=1.5, again=True, reason=None)
    assert {**line, "level": "", "timestamp": ""} == {
        "event": "connected",
        "nick": "al ice",
        "port": 80,
        "seconds": 1.5,
        "again": True,
        "reason": None,
        "level": "",
        "timestamp": "",
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"\xff", "b'\\xff'"),
        ({1: {2}}, "{1: {2}}"),
        (float("nan"), "nan"),
        (10**50, "1" + 50 * "0"),
        (10**5_000, "<int, whose repr raised ValueError>"),
        (Unprintable(), "<Unprintable, whose repr raised RuntimeError>"),
        ("lone \ud800", "lone \\ud800"),
        ("two\nlines", "two\nlines"),
    ],
    ids=["bytes", "dict", "nan", "large", "too large", "no repr", "surrogate", "newline"],
)
def test_a_value_that_json_does_not_know_is_told_as_text(value: object, told: str) -> None:
    assert line_of(event="odd", value=value)["value"] == told


def raised(make: Callable[[], Exception]) -> dict[str, Any]:
    """Render an event as `log.exception` makes it while this one is handled."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        raise make()
    return line_of(event="failed", exc_info=caught.value)


class UnreadableError(Exception):
    @property
    def __cause__(self) -> NoReturn:  # type: ignore[override]
        raise RecursionError


def deep_group() -> Exception:
    group: Exception = ValueError("the cause")
    for _ in range(5_000):
        group = ExceptionGroup("deep", [group])
    return group


def long_chain() -> Exception:
    error = ValueError("the cause")
    for _ in range(5_000):
        outer = ValueError("more")
        outer.__cause__, error = error, outer
    return error


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ValueError("the cause"), "ValueError: the cause"),
        (lambda: ValueError("z" * 10**6), "characters cut"),
        (lambda: ValueError("\ud800"), "\\ud800"),
        (UnprintableError, "UnprintableError"),
        (UnreadableError, "UnreadableError, which cannot be printed"),
        (deep_group, "ExceptionGroup"),
        (long_chain, "ValueError: more"),
    ],
    ids=["usual", "long", "surrogate", "no str", "no cause", "deep group", "long chain"],
)
def test_an_exception_of_any_kind_is_told(make: Callable[[], Exception], told: str) -> None:
    assert told in raised(make)["exception"]


def test_the_exception_that_is_handled_is_told() -> None:
    line: dict[str, Any] = {}
    try:
        int("seven")
    except ValueError:
        line = line_of(event="failed", exc_info=True)
    assert line["exception"].splitlines()[-1].startswith("ValueError: invalid literal")
    assert "exc_info" not in line


def test_a_long_value_keeps_its_beginning_and_its_end() -> None:
    told = line_of(event="long", reason="begin" + "x" * 10**6 + "end")["reason"]
    assert told.startswith("begin")
    assert told.endswith("end")
    assert "990008 characters cut" in told


def test_many_long_values_are_cut_further() -> None:
    values = {f"value{number}": "x" * 10_000 for number in range(20)}
    assert "characters cut" in line_of(event="long", **values)["value0"]


def test_an_event_too_long_all_the_same_is_told_by_its_name() -> None:
    values = {f"value{number}": "\U0001f600" * 200 for number in range(100)}
    line = line_of(event="too long", **values)
    assert line["event"] == "too long"
    assert line["not_rendered"] == "too long"
    assert "value0" not in line
