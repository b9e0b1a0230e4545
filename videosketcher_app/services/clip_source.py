"""Where an export's frames come from: the recovered strokes if they are the drawing, else its video.

Legend: H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.services.changes import size_of
from videosketcher_app.services.saved import PartSpan, SavedDrawing
from videosketcher_app.storage import media

if TYPE_CHECKING:
    from videosketcher_app.services.brushes.painted import Painter

NEEDED_IOU = 0.95
TOLERANCE_PX = 1.5

Frame = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class StrokeCheck:
    """How like the drawing its strokes are.

    Attributes:
        iou: intersection over union of the ink of the finished drawing and of its strokes, within
            1.5 px of the drawing's own size.
        passes: the strokes may stand for the drawing.
    """

    iou: float
    passes: bool


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The frames of one export, made while they are read.

    Attributes:
        sketch: the strokes at the export's pace.
        size_px: width and height.
        from_strokes: False: the frames of the video, scaled.
        painter: paints the strokes, if a brush of the engine painted the drawing.
    """

    saved: SavedDrawing
    sketch: Sketch
    size_px: tuple[int, int]
    from_strokes: bool
    hold_s: float
    speed: float
    cancel: CancelToken
    painter: Painter | None = None

    @property
    def fps(self) -> int:
        """Frames a second."""
        return self.saved.request.fps

    @property
    def mark(self) -> str:
        """What the names of files say about their origin."""
        return "" if self.from_strokes else "_frames"

    @property
    def anonymous_sketch(self) -> Sketch:
        """The strokes without the names of their parts."""
        return replace(self.sketch, part_names=())

    def frames(self) -> Iterator[Frame]:
        """The frames (H, W, 3), each looked at the cancel token before."""
        for frame_HW3 in self._drawn() if self.from_strokes else self._scaled():
            self.cancel.raise_if_cancelled()
            yield frame_HW3

    def finished(self) -> Frame:
        """The finished drawing (H, W, 3)."""
        from videosketcher_app.data import renderer

        if self.from_strokes and self.painter is not None:
            return self.painter.picture(self.sketch, *self.size_px)
        if self.from_strokes:
            return renderer.picture(self.sketch, *self.size_px)
        return _resized(media.read_image(self.saved.files["png"]), self.size_px)

    def _drawn(self) -> Iterator[Frame]:
        from videosketcher_app.data.frame_stream import stream_frames

        if self.painter is not None:
            return self.painter.frames(self.sketch, *self.size_px)
        return stream_frames(self.sketch, *self.size_px)

    def _scaled(self) -> Iterator[Frame]:
        clip = media.read_video(self.saved.files["mp4"])
        spans = self.saved.timeline
        for index in frame_schedule(
            len(clip.frames_THW3), spans, fps=self.fps, hold_s=self.hold_s, speed=self.speed
        ):
            yield _resized(clip.frames_THW3[index], self.size_px)


def stroke_check(saved: SavedDrawing) -> StrokeCheck:
    """Compares the strokes, rendered at the drawing's own size, with the finished drawing.

    Raises:
        InvalidFile: picture or SVG are damaged.
    """
    from videosketcher_app.data import renderer
    from videosketcher_app.evaluation.strokes import ink_iou
    from videosketcher_app.services.brushes.painted import painter_of

    if not saved.strokes.strokes:
        return StrokeCheck(iou=0.0, passes=False)
    picture_HW3 = media.read_image(saved.files["png"])
    height, width = picture_HW3.shape[:2]
    painter = painter_of(saved)
    draw = renderer.picture if painter is None else painter.picture
    drawn_HW3 = draw(saved.strokes, width, height)
    iou = ink_iou(picture_HW3, drawn_HW3, tolerance_px=TOLERANCE_PX)
    return StrokeCheck(iou=iou, passes=iou >= NEEDED_IOU)


def clip_of(
    saved: SavedDrawing, *, height_px: int, hold_s: float, speed: float, cancel: CancelToken
) -> Clip:
    """The clip of a drawing at some height and pace.

    Raises:
        InvalidRequest: height, hold or speed are not possible.
        InvalidFile: the drawing is damaged.
    """
    from videosketcher_app.data.retime import Retiming, retimed
    from videosketcher_app.services.brushes.painted import painter_of

    sketch = saved.strokes
    size_px = size_of(sketch.width_px, sketch.height_px, wanted_height_px=height_px)
    holds = {span.index: hold_s for span in saved.timeline}
    retiming = Retiming(holds_s=holds, speed=speed)  # refuses what is not possible
    if hold_s or speed != 1:
        sketch = retimed(sketch, retiming)
    return Clip(
        saved=saved,
        sketch=sketch,
        size_px=size_px,
        from_strokes=stroke_check(saved).passes,
        hold_s=hold_s,
        speed=speed,
        cancel=cancel,
        painter=painter_of(saved),
    )


def frame_schedule(
    num_frames: int, spans: tuple[PartSpan, ...], *, fps: float, hold_s: float, speed: float
) -> list[int]:
    """Which frame of a video to show when: parts at another speed, each held at its end."""
    schedule: list[int] = []
    for span in spans:
        first, last = round(span.start_s * fps), min(num_frames, round(span.end_s * fps))
        if last > first:
            count = max(1, round((last - first) / speed))
            schedule += [first + int(i * speed) for i in range(count - 1)] + [last - 1]
        schedule += [max(0, last - 1)] * round(hold_s * fps)
    return schedule


def _resized(frame_HW3: Frame, size_px: tuple[int, int]) -> Frame:
    import cv2

    return np.asarray(cv2.resize(frame_HW3, size_px, interpolation=cv2.INTER_CUBIC), np.uint8)
