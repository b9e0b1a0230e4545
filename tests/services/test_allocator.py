"""Freed memory goes back to the machine."""

from __future__ import annotations

import sys

import pytest

from videosketcher_app.services import allocator

MIB = 1 << 20
# The last piece keeps the heap from shrinking when all before it are freed.
CODE = """
import psutil
from videosketcher_app.services import allocator

assert allocator.keep_few_heaps()
own = psutil.Process()
pieces = [bytes(20_000) for _ in range(5000)]
del pieces[:-1]
before = own.memory_info().rss
assert allocator.give_back()
print(before - own.memory_info().rss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has this")
def test_free_memory_is_given_back(run_python):
    done = run_python(CODE)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50 * MIB


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    assert not allocator.keep_few_heaps()
    assert not allocator.give_back()
