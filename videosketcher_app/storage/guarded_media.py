"""Pictures and videos from strangers: decoded in a child process that can be killed.

A decoder that hangs, eats memory or crashes takes the child down, not the app. The child has a time
limit and a memory limit, no environment of ours, and what it answers is checked again here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import IO

import numpy as np
import psutil

from videosketcher_app.core.access import LIMITS, Limits, Role
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.bounded import check_size
from videosketcher_app.storage.media import Pixels, VideoClip
from videosketcher_app.storage.media_child import END, ERROR, FRAME

TIME_LIMIT_S = 20.0
_MIB = 1024**2
_POLL_S = 0.05
_MAX_HEADER_BYTES = 10_000
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LD_LIBRARY_PATH")
_DAMAGED = "This file cannot be decoded: it is damaged."


def decode_image(
    source: Path | bytes,
    *,
    limits: Limits = LIMITS[Role.OWNER],
    time_limit_s: float = TIME_LIMIT_S,
    keep_alpha: bool = False,
    max_side_px: int | None = None,
    budget_bytes: int | None = None,
) -> Pixels:
    """Reads a picture as (H, W, 3): turned upright, on white paper, without any metadata.

    Args:
        keep_alpha: a picture with transparency is read as (H, W, 4) instead of laid on paper.
        max_side_px: a larger picture is made smaller.
        budget_bytes: memory that decoding may take; None allows for every picture in the limits.

    Raises:
        InvalidFile: not a picture, damaged, over the limits, or too slow to decode.
    """
    budget = budget_bytes or 20 * limits.image_pixels + 64 * _MIB
    check_size(source, limits.image_bytes, "picture")
    options = {"keep_alpha": keep_alpha, "max_side_px": max_side_px}
    with _child("image", source, limits, budget, time_limit_s, options) as output:
        clip = _received(
            output,
            max_pixels=limits.image_pixels,
            max_frames=1,
            channels=(3, 4) if keep_alpha else (3,),
        )
    return clip.frames_THW3[0]


def decode_video(
    source: Path | bytes,
    *,
    limits: Limits = LIMITS[Role.OWNER],
    time_limit_s: float = TIME_LIMIT_S,
    max_side_px: int | None = None,
) -> VideoClip:
    """Reads all frames of a video.

    Args:
        max_side_px: larger frames are made smaller, so that more of them fit.

    Raises:
        InvalidFile: not a video, damaged, over the limits, or too slow to decode.
    """
    # Decoders keep about two dozen frames for reference, at one and a half bytes a pixel.
    budget = 36 * limits.video_side_px**2 + 256 * _MIB
    check_size(source, limits.video_bytes, "video")
    with _child(
        "video", source, limits, budget, time_limit_s, {"max_side_px": max_side_px}
    ) as output:
        clip = _received(output, max_pixels=limits.video_side_px**2, max_frames=limits.video_frames)
    if not clip.fps > 0:
        raise InvalidFile("This video has no frames.", hint="Use another file.")
    return clip


@contextmanager
def _child(
    kind: str,
    source: Path | bytes,
    limits: Limits,
    budget_bytes: int,
    time_limit_s: float,
    options: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[IO[bytes]]:
    """Lends the child's answer; the child is gone at the end, whatever happens."""
    place = "-" if isinstance(source, bytes) else str(source.absolute())
    limits_json, options_json = json.dumps(asdict(limits)), json.dumps(dict(options))
    arguments = [kind, limits_json, str(budget_bytes), place, options_json]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        [sys.executable, "-m", "videosketcher_app.storage.media_child", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )
    watch = _Watch(process, time_limit_s, budget_bytes + 256 * _MIB)
    watch.start()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with suppress(OSError):  # a child that died early says why, or is told as damaged
            if isinstance(source, bytes):
                process.stdin.write(source)
        with suppress(OSError):
            process.stdin.close()
        yield process.stdout
    except InvalidFile as error:
        watch.finish()
        if watch.verdict is not None:
            raise watch.verdict from error
        raise
    finally:
        watch.finish()
        process.kill()
        process.wait()
        process.stdout.close()


class _Watch(threading.Thread):
    """Kills the child when its time is over or it takes too much memory."""

    def __init__(
        self, process: subprocess.Popen[bytes], time_limit_s: float, max_bytes: int
    ) -> None:
        super().__init__(name="media watch", daemon=True)
        self.verdict: InvalidFile | None = None
        self._process, self._max_bytes = process, max_bytes
        self._time_limit_s = time_limit_s
        self._done = threading.Event()

    def run(self) -> None:
        """Looks at the child until it is done."""
        end = time.monotonic() + self._time_limit_s
        while not self._done.wait(max(0.0, min(_POLL_S, end - time.monotonic()))):
            if time.monotonic() >= end:
                self.verdict = InvalidFile(
                    f"Decoding this file took longer than {self._time_limit_s:g} s.",
                    hint="Use a shorter or smaller one.",
                )
            elif self._memory_bytes() > self._max_bytes:
                self.verdict = InvalidFile(
                    "This file needs too much memory.", hint="Use a smaller one."
                )
            if self.verdict is not None:
                self._process.kill()
                return

    def finish(self) -> None:
        """Stops looking."""
        self._done.set()
        self.join()

    def _memory_bytes(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0


def _received(
    output: IO[bytes], *, max_pixels: int, max_frames: int, channels: tuple[int, ...] = (3,)
) -> VideoClip:
    """The frames that a child sends.

    Raises:
        InvalidFile: what the child says of the file, or that it broke off.
    """
    start = output.read(1)
    if start == ERROR:
        raise _told(output)
    try:
        header = json.loads(start + output.readline(_MAX_HEADER_BYTES))
        count, height, width, depth = (int(n) for n in header["shape"])
        fps = float(header["fps"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFile(_DAMAGED, hint="Use another file.") from error
    fits = 0 < height * width <= max_pixels and 0 < count <= max_frames
    if depth not in channels or not fits:
        raise InvalidFile(_DAMAGED, hint="Use another file.")
    frames_THW3 = np.empty((count, height, width, depth), np.uint8)
    for index in range(count + 1):
        mark = output.read(1)
        if mark == END and index:
            return VideoClip(frames_THW3=frames_THW3[:index], fps=fps)
        if mark == ERROR:
            raise _told(output)
        if mark != FRAME or index == count or not _filled(output, frames_THW3[index]):
            break
    raise InvalidFile(_DAMAGED, hint="Use another file.")


def _filled(output: IO[bytes], frame_HW3: Pixels) -> bool:
    room = frame_HW3.reshape(-1).data
    while room:
        count = output.readinto(room)  # type: ignore[attr-defined]
        if not count:
            return False
        room = room[count:]
    return True


def _told(output: IO[bytes]) -> InvalidFile:
    try:
        told = json.loads(output.read(_MAX_HEADER_BYTES))
        return InvalidFile(str(told["message"]), hint=str(told["hint"]))
    except (ValueError, KeyError, TypeError):
        return InvalidFile(_DAMAGED, hint="Use another file.")


def _environment() -> dict[str, str]:
    """What Python needs to start, and none of the keys that ours may hold."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
