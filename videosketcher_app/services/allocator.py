"""The memory that this process has freed goes back to the machine instead of lying in its heaps.

glibc opens a heap for nearly every thread, and what is freed in one of them stays there: measured,
three rounds of ten drawings through the page left 195 MB of free memory beside 229 in use, and more
with every round. With one heap it stays at 37 MB, and that is given back when nothing is drawn.
Systems without glibc are left alone.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Any

MOST_HEAPS = 1  # Python lets one thread allocate at a time, and small pieces have a cache a thread
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def keep_few_heaps() -> bool:
    """Limits the heaps of this process; call it before there are many threads. True if it worked."""
    libc = _glibc()
    return libc is not None and bool(libc.mallopt(_ARENA_MAX, MOST_HEAPS))


def give_back() -> bool:
    """Gives free memory back to the machine; takes some milliseconds. True if there was any."""
    libc = _glibc()
    return libc is not None and bool(libc.malloc_trim(0))


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError):
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt"):
            return libc
    return None
