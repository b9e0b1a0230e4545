"""Tracer: the model's ink as crisp strokes while it draws, at a cost that does not grow.

Strokes that are over are told once and never change. Only ink since the earliest stroke that may
still go on is traced again with the next block.

Legend: T frames, H/W canvas pixels. Times are frames of the turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.services.codraw.reel import Picture, Reel

STILL_OPEN_FRAMES = 4.0  # a stroke that ended so long ago goes on no more
MOST_OPEN_FRAMES = 72  # then what is open is taken as it is
EDGE_PX = 3  # the soft edge on both sides of a line
MOST_INK = 0.15  # of the canvas; more than that is no line drawing
MOST_STROKES = 400  # at once; more than that is noise


class Tracer:
    """Traces one turn.

    Args:
        pen: whose width and color the strokes take; None leaves those of the ink.
    """

    def __init__(self, reel: Reel, pen: Pen | None = None) -> None:
        self._reel, self._pen = reel, pen
        self._from = 0  # frames before it are done with
        self._base_HW3 = reel.before_HW3  # with all ink that is done with
        self.strokes: list[Stroke] = []
        self.complete = True

    def advance(self) -> tuple[Stroke, ...]:
        """The strokes that have become final with the frames so far."""
        now = len(self._reel)
        strokes = self._open_strokes(now)
        border = _border(strokes, now - STILL_OPEN_FRAMES)
        if now - self._from > MOST_OPEN_FRAMES:
            border = float(now)
        return self._take(strokes, border)

    def finish(self, num_frames: int) -> tuple[Stroke, ...]:
        """The rest, after the reel was cut to so many frames."""
        self.strokes = list(strokes_until(self.strokes, num_frames))
        self._from = min(self._from, num_frames)
        return self._take(self._open_strokes(num_frames), float(num_frames))

    def _take(self, strokes: Iterable[Stroke], border: float) -> tuple[Stroke, ...]:
        final = tuple(stroke for stroke in strokes if stroke.end < border)
        self.strokes += final
        if final or border > self._from + MOST_OPEN_FRAMES / 2:
            self._from = max(self._from, math.ceil(border))
            self._base_HW3 = self._done_with(final)
        return final

    def _done_with(self, final: Sequence[Stroke]) -> Picture:
        """The paper before `_from`, and all of the final strokes, whose last ink is still wet."""
        import cv2

        base_HW3 = self._reel.frame(self._from - 1) if self._from else self._reel.before_HW3
        latest_HW3 = self._reel.last_HW3
        done = np.zeros(base_HW3.shape[:2], np.uint8)
        for stroke in final:
            line = [np.round(stroke.points_N2).astype(np.int32)]
            cv2.polylines(done, line, False, 1, math.ceil(stroke.pen.width_px) + EDGE_PX)
        return np.where(done[..., None] > 0, latest_HW3, base_HW3)

    def _open_strokes(self, stop: int) -> list[Stroke]:
        """Strokes of the ink that came from `_from` on."""
        from videosketcher_app.data.ink import ink_map
        from videosketcher_app.data.recover import recover_strokes

        if stop <= self._from or not self.complete:
            return []
        frames_THW3 = _news(self._base_HW3, [f for f, _ in self._reel.frames(self._from, stop)])
        ink = ink_map(frames_THW3)
        if float((ink.darkness_HW > 0).mean()) > MOST_INK:
            self.complete = False
            return []
        strokes = recover_strokes(ink)
        if len(strokes) > MOST_STROKES:
            self.complete = False
            return []
        shift = self._from - 1  # frame 0 of the clip is the paper before
        return [
            replace(
                stroke,
                times_N=np.maximum(stroke.times_N + shift, 0).astype(np.float32),
                pen=self._pen_for(stroke),
            )
            for stroke in strokes
        ]

    def _pen_for(self, stroke: Stroke) -> Pen:
        if self._pen is None:
            return stroke.pen
        return replace(stroke.pen, color=self._pen.color, width_px=self._pen.width_px)


def _news(before_HW3: Picture, frames: list[Picture]) -> Picture:
    """What frames add to a picture, on white paper (T + 1, H, W, 3); the first one adds nothing."""
    clip_THW3 = np.full((len(frames) + 1, *before_HW3.shape), 255, np.uint8)
    for index, frame_HW3 in enumerate(frames, start=1):
        np.subtract(255, before_HW3 - np.minimum(frame_HW3, before_HW3), out=clip_THW3[index])
    return clip_THW3


def _border(strokes: list[Stroke], old: float) -> float:
    """The time before which every stroke is over, and from which on every other one begins."""
    border = old
    while True:
        reaching = [stroke.start for stroke in strokes if stroke.end >= border]
        lower = min([border, *reaching])
        if lower >= border:
            return max(border, 0.0)
        border = lower


def strokes_until(strokes: Iterable[Stroke], num_frames: int) -> Iterator[Stroke]:
    """Strokes as they were when only the first frames were there."""
    for stroke in strokes:
        there = stroke.times_N <= num_frames - 1
        if not there.any():
            continue
        count = int(there.sum())
        yield replace(
            stroke,
            points_N2=stroke.points_N2[:count],
            times_N=stroke.times_N[:count],
            pressure_N=stroke.pressure_N[:count],
        )
