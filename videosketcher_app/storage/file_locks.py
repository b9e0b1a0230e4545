"""The system's lock on an open file: it goes with its process, so no crash leaves a stale one."""

from __future__ import annotations

import os

# Windows refuses to read a locked byte, so the byte that is locked lies far behind any content.
_LOCKED_BYTE = 1 << 50


def try_lock(descriptor: int) -> bool:
    """Takes the lock without waiting; False if another holder has it."""
    try:
        lock(descriptor)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a network disk without locks: better an unlocked download than none
        return True
    return True


if os.name == "nt":
    import msvcrt

    def lock(descriptor: int) -> None:
        """Takes the lock without waiting; OSError says why not."""
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, at, os.SEEK_SET)

else:
    import fcntl

    def lock(descriptor: int) -> None:
        """Takes the lock without waiting; OSError says why not."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
