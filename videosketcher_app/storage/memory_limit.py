"""A hard limit on what a child process that reads strangers' files may take of memory."""

from __future__ import annotations

from pathlib import Path


def limit_memory(budget_bytes: int) -> None:
    """From here on at most so many bytes more, where the system can promise it."""
    try:
        import resource
    except ImportError:  # Windows: the parent watches instead
        return
    statm = Path("/proc/self/statm")
    if not statm.exists():  # macOS does not hold to this limit: the parent watches there too
        return
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + budget_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
