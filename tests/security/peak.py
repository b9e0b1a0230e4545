"""Peak: what a block costs, in memory and in time of the processor."""

from __future__ import annotations

import os
import threading
import time

import psutil


class Peak:
    """What a block costs this process and its children.

    Attributes:
        most: bytes of memory above what there was before.
        cpu_s: seconds of processor time: what the block takes on a machine that does nothing else.
        seconds: by the clock, which also counts what other programs do meanwhile.
    """

    def __enter__(self) -> Peak:
        self._before, self.most, self._end = _memory(), 0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        self._begun, self._cpu_begun = time.monotonic(), _cpu_s()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu_s = time.monotonic() - self._begun, _cpu_s() - self._cpu_begun
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.01):
            self.most = max(self.most, _memory() - self._before)


def _cpu_s() -> float:
    """Of this process and of all its children that have ended."""
    return sum(os.times()[:4])


def _memory() -> int:
    own = psutil.Process()
    total, command = own.memory_info().rss, own.cmdline()
    for process in own.children():
        try:
            # A child that has not become another program yet shows its parent's memory as its own.
            total += process.memory_info().rss if process.cmdline() != command else 0
        except psutil.Error:
            continue
    return total
