"""Files that operators name, read within bounds."""

from __future__ import annotations

import stat
from pathlib import Path


class CannotRead(Exception):
    """A file cannot be read; the text is one line for the operator."""


def read_bounded(path: Path, *, name: str, most: int, others_may: bool = True) -> bytes:
    """Return what is in a file of at most ``most`` bytes; nothing else is opened, such as a pipe.

    - ``name``: what the file is called in the text of an error;
    - ``others_may``: unless it is set, a file is refused that other users can read, or change.

    :raises CannotRead: if it is missing, unreadable, too large, or no file.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CannotRead(f"{name} is not a file")
        if not others_may and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_IROTH):
            raise CannotRead(
                f"others may read or change {name} (mode {stat.S_IMODE(found.st_mode):04o}): "
                "chmod it to 0600 or 0640"
            )
        if found.st_size > most:
            raise CannotRead(f"{name} has more than {most} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotRead(f"cannot read {name}: {reason}") from None
