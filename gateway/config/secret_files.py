"""Reads secrets from files, such as those that Docker, Kubernetes and systemd give to a process."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.config.parsing import BadSetting, shown
from gateway.process.files import CannotRead, read_bounded

MOST_BYTES: Final = 4096


def read_secret(path: str) -> str:
    """Return the secret in a file: its only line, without the line's end.

    :raises BadSetting: if it cannot be read, is empty, too long, or more than a line. The text does
        not repeat what is in the file.
    """
    try:
        data = read_bounded(Path(path), name=shown(path), most=MOST_BYTES)
        secret = data.decode().removesuffix("\n").removesuffix("\r")
    except CannotRead as error:
        raise BadSetting(str(error)) from None
    except UnicodeDecodeError:
        raise BadSetting(f"{shown(path)} is not UTF-8") from None
    if not secret:
        raise BadSetting(f"{shown(path)} is empty")
    if not secret.isprintable():
        raise BadSetting(f"{shown(path)} has more than one line, or control characters")
    return secret
