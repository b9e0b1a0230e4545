"""Mark finding: a picture of any mark of a pen or brush, as the mark without its paper.

Takes phone photos with uneven light, scans, swatches, webcam pictures and transparent PNGs. What
was understood stays correctable: every figure of a Mark can be replaced by the user's.

Legend: H/W pixels; pictures are uint8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.brushes.measure import Figures, core_color, figures_of
from videosketcher_app.data.brushes.paper import (
    FlatPicture,
    flattened,
    lab_distance_from_white,
    without_rules,
)

WORK_SIDE_PX = 800  # larger pictures are made smaller first
MIN_SIDE_PX = 12
MAX_SIDE_PX = 20_000
_HINT = "Use a picture of one stroke on plain paper, or pick a brush of the shelf."
_LEAST_INK = 7.0  # ink fainter than this CIELAB distance from paper is no ink
_MIN_AREA_SHARE = 0.0004
_MAX_AREA_SHARE = 0.55
_MIN_PAPER_SHARE = 0.3
_SOLID_SPREAD = 9.0  # a picture whose pixels differ by less is one color
_COLORFUL_LEVELS = 30  # of 255 between the channels: more than any paper or lamp
_MAX_NOISE = 12.0  # what looks like paper must be even up to this CIELAB distance
_MAX_BORDER_SHARE = 0.12  # of the picture's border that a mark may touch
_MAX_COLOR_SPREAD = 26.0  # a mark has one color; a photo of something has many
_BLOB = 6.0  # a stroke that is broken up as much as a photo is at least this much longer than wide
_BROKEN = 0.33
_JOIN_SHARE = 0.014  # of the shorter side: specks this near belong together
_KEEP_SHARE = 0.12  # a piece with this share of the main piece's ink is part of the mark
_MARGIN_SHARE = 0.02


class NoMark(InvalidRequest):
    """The picture shows no mark that could be a brush."""

    code = "NO_MARK"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mark:
    """A mark without its paper, and what was understood of it.

    Attributes:
        cutout_HW4: RGBA; over white it shows the mark as in the picture, evenly lit.
        color: RGB in [0, 1] of its core on white paper.
        figures: width, texture and direction dependence.
        swatch: the picture was one even color, so there is no line to measure.
    """

    cutout_HW4: NDArray[np.uint8]
    color: tuple[float, float, float]
    figures: Figures
    swatch: bool = False

    def corrected(
        self, *, color: tuple[float, float, float] | None = None, width_px: float | None = None
    ) -> Mark:
        """The mark in the user's color, or with the user's width in pixels of the cut-out."""
        mark = self
        if color is not None:
            mark = replace(mark, cutout_HW4=_recolored(self, color), color=color)
        if width_px is not None:
            mark = replace(mark, figures=replace(mark.figures, width_px=width_px))
        return mark


def find_mark(picture: NDArray[np.uint8]) -> Mark:
    """The mark in a picture (H, W), (H, W, 3) or (H, W, 4).

    Raises:
        NoMark: there is none: blank, no plain paper, too small, or many colors.
    """
    rgb, alpha = _channels(picture)
    if alpha is not None:
        return _of_cutout(rgb, alpha)
    calm = cv2.GaussianBlur(rgb, (0, 0), 1.5).reshape(-1, 3)
    if float(np.ptp(calm, axis=0).max()) < _SOLID_SPREAD:
        return _swatch(rgb)
    flat = flattened(rgb)
    if flat.noise > _MAX_NOISE:
        raise NoMark("no mark found: there is no plain paper around it.", hint=_HINT)
    ink = without_noise(flat)
    level = _threshold(flat, ink)
    if level is None:
        middle = np.median(rgb.reshape(-1, 3), axis=0)
        if np.ptp(middle) > _COLORFUL_LEVELS:
            return _swatch(rgb)
        raise NoMark("no mark found: nothing stands out from the paper.", hint=_HINT)
    mask = without_rules(flat, ink > level)
    chosen = _main_piece(mask, ink)
    _check(flat, ink, mask, chosen, level)
    mark = _cut(flat, ink, chosen)
    figures = mark.figures
    if figures.unevenness > _BROKEN and figures.length_px < _BLOB * figures.width_px:
        raise NoMark("no mark found: what stands out is no stroke.", hint=_HINT)
    return mark


def without_noise(flat: FlatPicture) -> NDArray:
    """Ink (H, W) with the noise of blank paper subtracted."""
    return np.maximum(flat.ink_HW - flat.noise, 0)


def _channels(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray | None]:
    """RGB and transparency at working size; None if the picture is opaque."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert picture.ndim == 3, picture.shape
    assert picture.shape[2] in (3, 4), picture.shape
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE_PX or max(height, width) > MAX_SIDE_PX:
        raise NoMark(
            f"no mark found: the picture is {width} x {height} pixels.",
            hint=f"Use one of {MIN_SIDE_PX} to {MAX_SIDE_PX:,} pixels a side.",
        )
    factor = min(1.0, WORK_SIDE_PX / max(height, width))
    if factor < 1:
        # Transparent pixels carry no color of their own: mixing must not let theirs in.
        size = (max(2, round(width * factor)), max(2, round(height * factor)))
        picture = _shrunk(picture, size)
    if picture.shape[2] == 3:
        return picture, None
    alpha = picture[..., 3].astype(np.float32) / 255
    if float((alpha < 0.98).mean()) < 0.02:
        return np.ascontiguousarray(picture[..., :3]), None
    return np.ascontiguousarray(picture[..., :3]), alpha


def _shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[2] == 3:
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    alpha = picture[..., 3:].astype(np.float32)
    mixed = np.concatenate([picture[..., :3] * (alpha / 255), alpha], axis=-1)
    small = cv2.resize(mixed, size, interpolation=cv2.INTER_AREA)
    small[..., :3] /= np.maximum(small[..., 3:] / 255, 1e-3)
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


def _of_cutout(rgb: NDArray[np.uint8], alpha: NDArray) -> Mark:
    """A transparent picture: its coverage is the mark."""
    inside = alpha > 0.1
    share = float(inside.mean())
    if share < _MIN_AREA_SHARE:
        raise NoMark("no mark found: the picture is transparent everywhere.", hint=_HINT)
    over_white = rgb.astype(np.float32) / 255 * alpha[..., None] + (1 - alpha[..., None])
    ink = lab_distance_from_white(over_white)
    if float(np.percentile(ink[inside], 90)) < _LEAST_INK:
        raise NoMark("no mark found: the mark is white, as the paper is.", hint=_HINT)
    if share > 0.97:
        return _swatch(np.round(over_white * 255).astype(np.uint8))
    flat = FlatPicture(color_HW3=over_white, ink_HW=ink, noise=0.0)
    return _cut(flat, ink, _main_piece(inside, ink))


def _swatch(rgb: NDArray[np.uint8]) -> Mark:
    """One color all over: a swatch, unless it is blank paper or darkness."""
    red, green, blue = (float(v) / 255 for v in np.median(rgb.reshape(-1, 3), axis=0))
    if min(red, green, blue) > 0.93:
        raise NoMark("no mark found: the picture is blank paper.", hint=_HINT)
    if max(red, green, blue) < 0.06:
        raise NoMark("no mark found: the picture is black all over.", hint=_HINT)
    height, width = rgb.shape[:2]
    opaque = np.full((height, width, 1), 255, np.uint8)
    figures = Figures(
        width_px=float(height), length_px=float(width), fill=1.0, softness=0.0,
        unevenness=0.0, trend=0.0, direction=0.0, nib_angle=0.0,
    )  # fmt: skip
    return Mark(
        cutout_HW4=np.concatenate([rgb, opaque], axis=-1),
        color=(red, green, blue),
        figures=figures,
        swatch=True,
    )


def _threshold(flat: FlatPicture, ink_HW: NDArray) -> float | None:
    """Ink above this is mark; None if nothing stands out.

    Between the paper and the strongest ink of the picture, where the fewest pixels lie (Otsu), but
    never so high that thin strokes vanish beside a dark blot.
    """
    top = float(np.percentile(ink_HW, 99.8))
    if top < _LEAST_INK + 1.5 * flat.noise:
        return None
    scaled = np.clip(ink_HW / top * 255, 0, 255).astype(np.uint8)
    otsu = cv2.threshold(scaled[scaled > 2].reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)[0]
    return float(np.clip(otsu / 255 * top * 0.75, max(_LEAST_INK, 0.8 * flat.noise), 0.45 * top))


def _main_piece(mask_HW: NDArray[np.bool_], ink_HW: NDArray) -> NDArray[np.bool_]:
    """The pieces of ink that make the mark: the heaviest, and what belongs to it.

    Pieces along the picture's border are shadows, table edges or neighbors, so they count less.
    """
    side = max(3, round(_JOIN_SHARE * min(mask_HW.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    joined = cv2.dilate(mask_HW.astype(np.uint8), kernel)
    count, label, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    if count < 2:
        raise NoMark("no mark found: nothing stands out from the paper.", hint=_HINT)
    weight = np.bincount(label.reshape(-1), (ink_HW * mask_HW).reshape(-1), minlength=count)
    weight[0] = 0
    height, width = mask_HW.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right = left + stats[:, cv2.CC_STAT_WIDTH]
    bottom = top + stats[:, cv2.CC_STAT_HEIGHT]
    on_border = (left <= 1) | (top <= 1) | (right >= width - 1) | (bottom >= height - 1)
    rank = weight * np.where(on_border, 0.25, 1.0)
    best = int(rank.argmax())
    reach = 0.35 * max(stats[best, cv2.CC_STAT_WIDTH], stats[best, cv2.CC_STAT_HEIGHT])
    near = (
        (left < right[best] + reach) & (right > left[best] - reach)
        & (top < bottom[best] + reach) & (bottom > top[best] - reach)
    )  # fmt: skip
    kept = near & (rank >= _KEEP_SHARE * rank[best]) & (~on_border | on_border[best])
    kept[0], kept[best] = False, True
    return kept[label] & mask_HW


def _check(
    flat: FlatPicture,
    ink_HW: NDArray,
    mask_HW: NDArray[np.bool_],
    chosen_HW: NDArray[np.bool_],
    level: float,
) -> None:
    """Refuses what is no mark on paper.

    Raises:
        NoMark: with what speaks against it.
    """
    share, paper = float(chosen_HW.mean()), float((ink_HW < 0.5 * level).mean())
    if share < _MIN_AREA_SHARE:
        raise NoMark("no mark found: there are only specks.", hint=_HINT)
    if share > _MAX_AREA_SHARE or paper < _MIN_PAPER_SHARE:
        raise NoMark("no mark found: there is no plain paper around it.", hint=_HINT)
    frame = np.concatenate([chosen_HW[[0, -1]].ravel(), chosen_HW[:, [0, -1]].ravel()])
    if float(frame.mean()) > _MAX_BORDER_SHARE:
        raise NoMark("no mark found: what stands out runs out of the picture.", hint=_HINT)
    if float(chosen_HW.sum()) < 0.35 * float(mask_HW.sum()):
        raise NoMark("no mark found: the picture shows many things.", hint=_HINT)
    core = chosen_HW & (ink_HW >= np.percentile(ink_HW[chosen_HW], 50))
    lab = cv2.cvtColor(flat.color_HW3, cv2.COLOR_RGB2Lab)[core]
    away = np.sqrt(((lab[:, 1:] - np.median(lab[:, 1:], axis=0)) ** 2).sum(-1))
    if float(np.percentile(away, 80)) > _MAX_COLOR_SPREAD:
        raise NoMark("no mark found: the picture shows many colors.", hint=_HINT)


def _cut(flat: FlatPicture, ink_HW: NDArray, chosen_HW: NDArray[np.bool_]) -> Mark:
    """The chosen pixels with soft borders, cropped, and measured."""
    around = cv2.dilate(chosen_HW.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    weight = np.where(around, ink_HW, 0).astype(np.float32)
    color = core_color(flat.color_HW3, np.where(chosen_HW, ink_HW, 0))
    full = max(float(np.percentile(weight[chosen_HW], 80)), 1e-3)
    density = np.clip(weight / full, 0, 1)
    rows, columns = np.nonzero(chosen_HW)
    margin = 2 + round(_MARGIN_SHARE * max(np.ptp(rows), np.ptp(columns)))
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    box = np.s_[top : rows.max() + margin + 1, left : columns.max() + margin + 1]
    density, over_white = density[box], flat.color_HW3[box]
    # Color that over white, with this coverage, gives what the picture shows.
    alpha = np.maximum(density, np.where(density > 0.05, (1 - over_white).max(-1), 0))[..., None]
    bare = np.clip(1 - (1 - over_white) / np.maximum(alpha, 1e-3), 0, 1)
    cutout = np.concatenate([np.where(alpha > 0.02, bare, color), alpha], axis=-1)
    return Mark(
        cutout_HW4=np.round(cutout * 255).astype(np.uint8),
        color=color,
        figures=figures_of(density.astype(np.float32)),
    )


def _recolored(mark: Mark, color: tuple[float, float, float]) -> NDArray[np.uint8]:
    """The cut-out in another color, with its light and dark spots kept."""
    old, new = np.array(mark.color, np.float32), np.array(color, np.float32)
    rgb = mark.cutout_HW4[..., :3].astype(np.float32) / 255
    shift = (rgb - old).mean(-1, keepdims=True)
    fresh = np.clip(new + shift, 0, 1)
    return np.concatenate(
        [np.round(fresh * 255).astype(np.uint8), mark.cutout_HW4[..., 3:]], axis=-1
    )
