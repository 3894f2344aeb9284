"""Reads secrets from files, such as those that Docker, Kubernetes and systemd give to a process."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from gateway.config.parsing import BadSetting, shown

MOST_BYTES: Final = 4096


def read_secret(path: str) -> str:
    """Return the secret in a file: its only line, without the line's end.

    :raises BadSetting: if it cannot be read, is empty, too long, or more than a line. The text does
        not repeat what is in the file.
    """
    file = Path(path)
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadSetting(f"{shown(path)} is not a file")
        if found.st_size > MOST_BYTES:
            raise BadSetting(f"{shown(path)} has more than {MOST_BYTES} bytes")
        secret = file.read_bytes().decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise BadSetting(f"cannot read {shown(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{shown(path)} is not UTF-8") from None
    if not secret:
        raise BadSetting(f"{shown(path)} is empty")
    if not secret.isprintable():
        raise BadSetting(f"{shown(path)} has more than one line, or control characters")
    return secret
