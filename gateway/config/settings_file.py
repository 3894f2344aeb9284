"""Reads a file of settings: TOML, with the names of the fields, and no tables."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from gateway.config.parsing import BadSetting, shown

MOST_BYTES: Final = 256 * 1024
_MOST_SHOWN: Final = 300
"""Characters of the path that a message repeats."""


def read(path: Path) -> dict[str, str]:
    """Return the values in a file, each as it would be written behind its flag.

    :raises BadSetting: if it cannot be read, or is not TOML.
    """
    name = repr(str(path)[:_MOST_SHOWN])
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadSetting(f"{name} is not a file")
        if found.st_size > MOST_BYTES:
            raise BadSetting(f"{name} has more than {MOST_BYTES} bytes")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError, UnicodeDecodeError, a NUL in the path
        if isinstance(error, BadSetting):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadSetting(f"cannot read {name}: {reason}") from None
    return {key.replace("-", "_"): _as_text(key, value) for key, value in table.items()}


def _as_text(name: str, value: Any) -> str:  # noqa: ANN401 - whatever TOML has
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    raise BadSetting(f"{shown(name)} is neither a text, a number, true or false, nor a list")
