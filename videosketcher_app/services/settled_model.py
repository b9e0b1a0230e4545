"""A loaded model with what a request says beyond sizes and steps: kernel, rounding, clip to draw over."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.sketch_request import DEFAULT_STRENGTH


class _Canvas(NamedTuple):
    width: int
    height: int


def settled(model: Any, request: SketchRequest, role: Role = Role.OWNER) -> Any:
    """The model as this request draws with it; the one on the shelf stays as it was.

    Raises:
        InvalidRequest: its attention kernel does not work here, or a guest names a clip.
        InvalidFile: the clip cannot be read.
    """
    if hasattr(model, "settled"):
        model = model.settled(
            rounding=request.rounding,
            attention=request.attention,
            negative_prompt=request.negative_prompt,
        )
    if request.input_video is None:
        return model
    if role is not Role.OWNER:
        raise InvalidRequest(
            "Clips to draw over are the owner's.", hint="Draw without an input video."
        )
    size = (request.width or model.defaults.width, request.height or model.defaults.height)
    frames_THW3 = read_clip(Path(request.input_video), size, request.num_frames)
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    return model.starting_from(frames_THW3, strength)


def read_clip(path: Path, size: tuple[int, int], num_frames: int) -> NDArray[np.uint8]:
    """A video or picture as (T, H, W, 3): its whole length in `num_frames`, nothing stretched.

    Args:
        size: width and height of the canvas.

    Raises:
        InvalidFile: it is no picture or video, damaged, or over the limits.
    """
    from videosketcher_app.data.clip_media import IMAGE_SUFFIXES, on_canvas
    from videosketcher_app.storage.guarded_media import decode_image, decode_video

    limits = LIMITS[Role.OWNER]
    canvas = _Canvas(*size)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return np.repeat(on_canvas(decode_image(path, limits=limits), canvas)[None], num_frames, 0)
    frames_THW3 = decode_video(path, limits=limits, max_side_px=max(size)).frames_THW3
    wanted_T = np.linspace(0, len(frames_THW3) - 1, num_frames).round().astype(int)
    return np.stack([on_canvas(frames_THW3[index], canvas) for index in wanted_T])
