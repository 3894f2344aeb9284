"""Reads a file of settings: TOML, with the names of the fields, and no tables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from gateway.config.parsing import BadSetting, shown
from gateway.process.files import CannotRead, read_bounded

MOST_BYTES: Final = 256 * 1024
_MOST_SHOWN: Final = 300
"""Characters of the path that a message repeats."""


def read(path: Path) -> dict[str, str]:
    """Return the values in a file, each as it would be written behind its flag.

    :raises BadSetting: if it cannot be read, or is not TOML.
    """
    name = repr(str(path)[:_MOST_SHOWN])
    try:
        table = tomllib.loads(read_bounded(path, name=name, most=MOST_BYTES).decode())
    except CannotRead as error:
        raise BadSetting(str(error)) from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise BadSetting(f"cannot read {name}: {error}") from None
    return {key.replace("-", "_"): _as_text(key, value) for key, value in table.items()}


def _as_text(name: str, value: Any) -> str:  # noqa: ANN401 - whatever TOML has
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise BadSetting(f"{shown(name)} is neither a text, a number, true or false, nor a list")
