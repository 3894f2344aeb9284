"""Writing a file that only its owner can read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Replace a file, at once and durably; neither it nor a draft is ever readable by others.

    :raises OSError: if it cannot be written; then the file is as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        draft.unlink()  # of an earlier process with our number; its mode may be another
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - no other way gives it its mode before its content
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
