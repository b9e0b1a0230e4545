"""DeviceLease: who holds the device, for what, and how many bytes; the model manager's interface.

Two kinds of grant. A *lease* is one job's working memory: one at a time, taken by the compute
worker around the job and given back in `finally`. A *resident* grant stays beside it: weights on
the shelf, the KV cache of a co-drawing session. Both are refused, before anything is allocated,
when they cannot fit.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from videosketcher_app.core.errors import AppError, OutOfMemory
from videosketcher_app.services.model_manager.trouble import DeviceLost, explained

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class DeviceMemory:
    """What the device has, in bytes.

    Attributes:
        free_bytes: what no process uses now.
        used_bytes: what this process has taken, promised or not.
    """

    total_bytes: int
    free_bytes: int
    used_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One holder's part of the device.

    Attributes:
        holder: who, in words for people ("A sketch", "pocket-t2v").
        num_bytes: promised to the holder, whether used yet or not.
        resident: stays when the running job ends.
    """

    holder: str
    num_bytes: int
    resident: bool = False


class DeviceLease:
    """Keeps the book of one device. Knows no torch: it counts what holders declare.

    Args:
        memory: measures the device; asked only when somebody wants bytes.
        limit_bytes: what the app may use in all; None means all that the device has.
    """

    def __init__(
        self, *, memory: Callable[[], DeviceMemory], limit_bytes: int | None = None
    ) -> None:
        self._memory = memory
        self._limit_bytes = limit_bytes
        self._changed = threading.Condition()
        self._active: Grant | None = None
        self._worker: threading.Thread | None = None  # that has the device now
        self._residents: dict[str, Grant] = {}
        self._reclaim: Callable[[], bool] = lambda: False
        self._lost: DeviceLost | None = None

    @property
    def limit_bytes(self) -> int | None:
        """What the app may use in all; None means all that the device has."""
        return self._limit_bytes

    def set_limit(self, limit_bytes: int | None) -> None:
        """Another limit, from the next grant on; who holds more keeps it until asked."""
        assert limit_bytes is None or limit_bytes > 0, limit_bytes
        with self._changed:
            self._limit_bytes = limit_bytes

    def when_short(self, reclaim: Callable[[], bool]) -> None:
        """Calls `reclaim()` when a grant does not fit: it lets go of what nobody uses.

        It returns True if anything was let go. Never called while a job of another thread runs.
        """
        self._reclaim = reclaim

    @contextmanager
    def lease(self, holder: str, num_bytes: int = 0) -> Iterator[Grant]:
        """The device for one job, until the block ends; waits while another job has it.

        Raises:
            OutOfMemory: the bytes do not fit beside what is resident, or the job ran out of memory.
            DeviceLost: the device's driver failed, now or in an earlier job.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._active is None)
            self._require_room(holder, num_bytes)
            grant = self._active = Grant(holder=holder, num_bytes=num_bytes)
            self._worker = threading.current_thread()
        trouble: AppError | None = None
        try:
            yield grant
        except Exception as error:
            trouble = explained(error)
            if trouble is None:
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what filled the memory
        finally:
            with self._changed:
                if isinstance(trouble, DeviceLost):
                    self._lost = trouble
                self._active = self._worker = None
                self._changed.notify_all()
        if trouble is not None:
            raise trouble

    def keep(self, holder: str, num_bytes: int) -> Grant:
        """A resident grant, or a new size for the one that the holder has.

        Raises:
            OutOfMemory: the bytes do not fit; the holder keeps what it had.
            DeviceLost: nothing more can be computed in this process.
        """
        more_bytes = self._more_bytes(holder, num_bytes)
        if more_bytes and more_bytes > self.room() and self._may_reclaim():
            self._reclaim()  # outside of the lock: it releases grants, and may take others' locks
        with self._changed:
            self._require_room(holder, self._more_bytes(holder, num_bytes))
            grant = Grant(holder=holder, num_bytes=num_bytes, resident=True)
            self._residents[holder] = grant
            return grant

    def release(self, holder: str) -> None:
        """Gives a resident grant back; a holder without one changes nothing."""
        with self._changed:
            self._residents.pop(holder, None)

    @contextmanager
    def resident(self, holder: str, num_bytes: int) -> Iterator[Grant]:
        """`keep` for the length of a block.

        Raises:
            OutOfMemory: see `keep`.
        """
        grant = self.keep(holder, num_bytes)
        try:
            yield grant
        finally:
            self.release(holder)

    def grants(self) -> tuple[Grant, ...]:
        """Everybody who holds a part now; the running job first."""
        with self._changed:
            return self._grants()

    @property
    def granted_bytes(self) -> int:
        """The sum of all grants."""
        return sum(grant.num_bytes for grant in self.grants())

    def memory(self) -> DeviceMemory:
        """The device as measured now; the total is the limit if one is set."""
        measured = self.measured()
        total_bytes = measured.total_bytes
        if self._limit_bytes is not None:
            total_bytes = min(total_bytes, self._limit_bytes)
        return DeviceMemory(
            total_bytes=total_bytes,
            free_bytes=min(measured.free_bytes, total_bytes),
            used_bytes=measured.used_bytes,
        )

    def measured(self) -> DeviceMemory:
        """The whole device as measured now, whatever the limit."""
        return self._memory()

    def room(self, without: Collection[str] = ()) -> int:
        """Bytes for one more holder, if these others let go of theirs; never negative."""
        memory = self.memory()
        grants = self.grants()
        staying = sum(grant.num_bytes for grant in grants if grant.holder not in without)
        leaving = sum(grant.num_bytes for grant in grants if grant.holder in without)
        # A promise that was not used yet gives nothing back.
        coming_back = min(leaving, memory.used_bytes)
        return max(min(memory.total_bytes - staying, memory.free_bytes + coming_back), 0)

    def _more_bytes(self, holder: str, num_bytes: int) -> int:
        held = self._residents.get(holder)
        return max(num_bytes - (held.num_bytes if held else 0), 0)

    def _may_reclaim(self) -> bool:
        return self._worker in (None, threading.current_thread())

    def _grants(self) -> tuple[Grant, ...]:
        active = (self._active,) if self._active is not None else ()
        return (*active, *self._residents.values())

    def _require_room(self, holder: str, num_bytes: int) -> None:
        assert num_bytes >= 0, num_bytes
        if self._lost is not None:
            raise DeviceLost(self._lost.message, hint=self._lost.hint)
        if num_bytes == 0:
            return
        room_bytes, grants = self.room(), self._grants()
        if num_bytes <= room_bytes:
            return
        others = ", ".join(f"{g.holder} ({_gb(g.num_bytes)})" for g in grants if g.num_bytes)
        held = f"; held by {others}" if others else ""
        raise OutOfMemory(
            f"{holder} needs {_gb(num_bytes)} of memory and {_gb(room_bytes)} are free{held}.",
            hint="Close other programs, choose a smaller size or fewer frames, "
            "or wait until a session ends.",
        )


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / GIB:.2f} GB"


def measure_device(device: str) -> DeviceMemory:
    """The memory of a device by its setting: "auto", "cpu", "cuda", "cuda:1", ...

    Asks CUDA only in a process that has loaded torch already; until then, and on a machine
    without one, the device is the machine's own memory.
    """
    import sys

    import psutil

    torch = sys.modules.get("torch")
    if device != "cpu" and torch is not None and torch.cuda.is_available():
        index = device if device.startswith("cuda") else "cuda"
        free_bytes, total_bytes = torch.cuda.mem_get_info(index)
        return DeviceMemory(
            total_bytes=total_bytes,
            free_bytes=free_bytes,
            used_bytes=torch.cuda.memory_reserved(index),
        )
    if device == "mps" and torch is not None and torch.backends.mps.is_available():
        total_bytes = torch.mps.recommended_max_memory()
        used_bytes = torch.mps.driver_allocated_memory()
        return DeviceMemory(
            total_bytes=total_bytes,
            free_bytes=max(total_bytes - used_bytes, 0),
            used_bytes=used_bytes,
        )
    memory = psutil.virtual_memory()
    return DeviceMemory(
        total_bytes=memory.total,
        free_bytes=memory.available,
        used_bytes=psutil.Process().memory_info().rss,
    )


def device_lease(device: str, memory_gb: float | None) -> DeviceLease:
    """The lease of the device that the settings name."""
    limit_bytes = int(memory_gb * GIB) if memory_gb is not None else None
    return DeviceLease(memory=lambda: measure_device(device), limit_bytes=limit_bytes)
