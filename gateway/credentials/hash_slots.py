"""The slots for password hashes: as many run at once on a machine, over all processes.

A slot is a file that is locked (``flock``) while a hash runs, in a folder of this user under the
system's folder for temporary files. So counted together are

- all processes of one user that see the same such folder: workers of a node, nodes beside it;
- not those of another user, in another container, or of another systemd unit with ``PrivateTmp``.

A process that dies frees its slots, as the kernel closes its files.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SLOTS: Final = 2
_WRITABLE_BY_OTHERS: Final = 0o022


class HashSlots:
    """The slots of this machine.

    - ``folder``: where their files are; made if it is missing. It has to be this user's, and
      nobody else may write in it.

    If the files cannot be used, the slots are those of this process alone: see `problem`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _temporary_folder()

    def problem(self) -> str:
        """Return why the slots are not shared with other processes, for the log; '' if they are."""
        try:
            os.close(self._open(0))
        except OSError as error:
            where = self._folder or "a folder for temporary files"
            return f"cannot lock files in {where}: {error.strerror or error}"
        return ""

    @contextlib.contextmanager
    def hold(self, number: int) -> Iterator[None]:
        """Wait, blocking the thread, until one of the slots is free; hold it meanwhile."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                # Opened each time: what cleans up temporary files may have removed the last one.
                file = self._open(number)
                stack.callback(os.close, file)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self, number: int) -> int:
        """Return a slot's file, opened; nobody else can have put another one in its place."""
        if self._folder is None:
            raise FileNotFoundError(errno.ENOENT, "there is none that can be used")
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(self._folder, flags)
        try:
            found = os.fstat(folder)
            if found.st_uid != os.geteuid() or found.st_mode & _WRITABLE_BY_OTHERS:
                raise PermissionError("others can write in it")
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(f"hash-slot-{number}", flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)


def _temporary_folder() -> Path | None:
    """Return the folder for this user's slots; None if the system has no such place.

    A container may have a read-only file system, and nothing mounted there.
    """
    try:
        return Path(tempfile.gettempdir()) / f"chat-gateway-{os.geteuid()}"
    except FileNotFoundError:
        return None
