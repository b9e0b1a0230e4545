"""Layered pictures as moving drawings: one layer after another comes in, in flat color, and stays.

A set is a folder with one folder a picture:

    tiger_cub/caption.txt                  its prompt, one line
    tiger_cub/0_body.png, 1_head.png, ...  the layers with transparency, from the back to the front

Layers are composited on white. A layer comes in from left to right during its share of the clip, all
shares alike; the finished picture stands for the rest (`filling.LAST_INK_SHARE`).

Legend: L layers, T frames, H/W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.filling import FIRST_INK_FRAME, LAST_INK_SHARE, CanvasLike
from videosketcher_app.storage import bounded
from videosketcher_app.storage.media import read_image

CAPTION_FILE = "caption.txt"
MAX_LAYERS = 24
MAX_CAPTION_BYTES = 20_000
_SOFT_EDGE = 0.06  # of a layer's width: what is coming in has no hard border
Alpha = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayeredDrawing:
    """A picture in layers.

    Attributes:
        rgba_LHW4: uint8, from the back to the front.
    """

    id: str
    caption: str
    rgba_LHW4: NDArray[np.uint8]

    def clip(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) of it coming into being on white paper."""
        color_LHW3, alpha_LHW = self._fitted(canvas)
        frames = np.full((num_frames, canvas.height, canvas.width, 3), 255, np.float32)
        for number, (color_HW3, alpha_HW) in enumerate(zip(color_LHW3, alpha_LHW, strict=True)):
            shown_THW = self._shown(number, alpha_HW, num_frames)
            frames += shown_THW[..., None] * (color_HW3 - frames)
        return frames.round().astype(np.uint8)

    def layers(self, canvas: CanvasLike, num_frames: int) -> Alpha:
        """How much of every pixel shows a layer (L, T, H, W), 0 to 1; a nearer layer hides others."""
        _, alpha_LHW = self._fitted(canvas)
        shown_LTHW = np.stack(
            [self._shown(number, alpha, num_frames) for number, alpha in enumerate(alpha_LHW)]
        )
        free_THW = np.ones_like(shown_LTHW[0])
        for number in reversed(range(len(shown_LTHW))):
            shown_LTHW[number], free_THW = (
                shown_LTHW[number] * free_THW,
                free_THW * (1 - shown_LTHW[number]),
            )
        return shown_LTHW

    def _fitted(self, canvas: CanvasLike) -> tuple[Alpha, Alpha]:
        """Colors (L, H, W, 3) and coverage (L, H, W), the picture in the middle of the canvas."""
        height, width = self.rgba_LHW4.shape[1:3]
        scale = min(canvas.width / width, canvas.height / height)
        wide, high = max(1, round(scale * width)), max(1, round(scale * height))
        left, top = (canvas.width - wide) // 2, (canvas.height - high) // 2
        fitted = np.zeros((len(self.rgba_LHW4), canvas.height, canvas.width, 4), np.float32)
        for number, rgba in enumerate(self.rgba_LHW4):
            small = cv2.resize(_premultiplied(rgba), (wide, high), interpolation=cv2.INTER_AREA)
            fitted[number, top : top + high, left : left + wide] = small
        alpha = fitted[..., 3]
        color = fitted[..., :3] / np.maximum(alpha, 1e-6)[..., None]
        return np.where(alpha[..., None] > 0, color, 255).astype(np.float32), alpha

    def _shown(self, number: int, alpha_HW: Alpha, num_frames: int) -> Alpha:
        """Coverage (T, H, W) of a layer that comes in during its share of the clip."""
        last = max(FIRST_INK_FRAME, LAST_INK_SHARE * (num_frames - 1))
        share = (last - FIRST_INK_FRAME) / len(self.rgba_LHW4)
        begun = FIRST_INK_FRAME + number * share
        come_T = np.clip((np.arange(num_frames) - begun + 1) / max(share, 1e-6), 0, 1)
        columns = np.flatnonzero(alpha_HW.max(axis=0) > 0)
        if not len(columns):
            return np.zeros((num_frames, *alpha_HW.shape), np.float32)
        left, wide = columns[0], max(1, columns[-1] - columns[0] + 1)
        at_W = (np.arange(alpha_HW.shape[1]) - left) / wide
        edge_TW = come_T[:, None] * (1 + _SOFT_EDGE) - at_W
        return (alpha_HW * np.clip(edge_TW / _SOFT_EDGE, 0, 1)[:, None]).astype(np.float32)


def is_layered_set(folder: Path) -> bool:
    """True for the folder of a set."""
    return any(folder.glob(f"*/{CAPTION_FILE}"))


def read_layered_set(folder: Path) -> tuple[LayeredDrawing, ...]:
    """Every picture of a set, by name.

    Raises:
        InvalidFile: a layer is damaged, has another size than the first, or there are too many;
            the message names the picture.
    """
    return tuple(_read(caption.parent) for caption in sorted(folder.glob(f"*/{CAPTION_FILE}")))


def _read(folder: Path) -> LayeredDrawing:
    text = bounded.read_text(
        folder / CAPTION_FILE, max_bytes=MAX_CAPTION_BYTES, what=f"caption of {folder.name}"
    )
    files = sorted(folder.glob("*.png"), key=_place)
    if not 1 <= len(files) <= MAX_LAYERS:
        raise InvalidFile(
            f"The picture {folder.name} has {len(files)} layers.",
            hint=f"Give it 1 to {MAX_LAYERS} PNG files, named 0_body.png, 1_head.png, ...",
        )
    layers = [_with_alpha(read_image(file, keep_alpha=True)) for file in files]
    odd = next(
        (f.name for f, x in zip(files, layers, strict=True) if x.shape != layers[0].shape), ""
    )
    if odd:
        raise InvalidFile(
            f"The layer {odd} of {folder.name} has another size than the first.",
            hint="Save all layers of a picture in one size.",
        )
    return LayeredDrawing(id=folder.name, caption=text.strip(), rgba_LHW4=np.stack(layers))


def _place(path: Path) -> tuple[int, str]:
    number = path.stem.partition("_")[0]
    return (int(number) if number.isdecimal() else 10**9, path.name)


def _with_alpha(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.shape[2] == 4:
        return image
    return np.concatenate([image, np.full_like(image[..., :1], 255)], axis=-1)


def _premultiplied(rgba_HW4: NDArray[np.uint8]) -> Alpha:
    """Colors times coverage, so that scaling mixes no color of what cannot be seen."""
    values = rgba_HW4.astype(np.float32)
    alpha = values[..., 3:] / 255
    return np.concatenate([values[..., :3] * alpha, alpha], axis=-1, dtype=np.float32)
