"""Paper: an uneven photo of ink on paper as ink on even white paper; ruled lines taken out.

Light and shadow multiply what paper and ink reflect, so dividing by the paper's own brightness
takes both them and the paper's color away.

Legend: H/W pixels of the photo; colors in [0, 1]; ink is the distance from white in CIELAB.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SMALL_SIDE_PX = 160  # the paper is estimated on a small copy
_KERNEL_SHARES = (0.14, 0.24)  # of the small copy's shorter side; ink lines are narrower
_DARK_PAPER = 0.33  # paper darker than this carries light ink
_MAX_SCORE = 150.0
_RULE_LENGTH_SHARE = 0.45  # of the shorter side, at least, in one piece
_RULE_SPAN_SHARE = 0.72  # of the way across the picture, at least, counting pieces
_RULE_WIDTH_SHARE = 0.012  # of the shorter side, at most
_RULE_ANGLE_DEGREES = 4.0
_DASH_SHARE = 0.02  # of the shorter side: half the length of a piece of a line
_MAX_LINES = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class FlatPicture:
    """A picture as if evenly lit on white paper.

    Attributes:
        color_HW3: RGB in [0, 1]; paper is about white.
        ink_HW: distance from white, 0 on paper and about 100 for black.
        noise: what ink_HW reaches on blank paper.
    """

    color_HW3: NDArray
    ink_HW: NDArray
    noise: float


def flattened(picture_HW3: NDArray[np.uint8]) -> FlatPicture:
    """The picture on even white paper; dark paper is turned into white paper with inverted light."""
    color = picture_HW3.astype(np.float32) / 255
    if float(np.median(color.max(-1))) < _DARK_PAPER:
        return _on_dark(color)
    wide = _paper_of(color, _KERNEL_SHARES[1])
    narrow = _paper_of(color, _KERNEL_SHARES[0])
    # The narrow estimate follows shadows more closely, but sinks into broad ink: there, the wide
    # one is much lighter.
    sunk = (wide - narrow).max(-1, keepdims=True) > 0.22
    paper = np.where(sunk, wide, narrow)
    paper = cv2.GaussianBlur(paper, (0, 0), 0.01 * min(color.shape[:2]))
    flat = np.clip(color / np.maximum(paper, 0.04), 0, 1)
    return _scored(flat)


def _on_dark(color_HW3: NDArray) -> FlatPicture:
    """Light ink keeps its color; what of the paper is left in it cannot be told."""
    paper = np.median(color_HW3.reshape(-1, 3), axis=0)
    away = np.abs(color_HW3 - paper).max(-1, keepdims=True)
    share = np.clip(away / max(0.2, float(np.percentile(away, 99.5))), 0, 1)
    return _scored((1 - share + share * color_HW3).astype(np.float32))


def _scored(flat_HW3: NDArray) -> FlatPicture:
    soft = cv2.GaussianBlur(flat_HW3, (0, 0), 0.7)
    ink = lab_distance_from_white(soft)
    low = ink[ink <= np.percentile(ink, 60)]
    noise = float(np.percentile(low, 90)) + 1.0
    return FlatPicture(color_HW3=flat_HW3, ink_HW=ink, noise=noise)


def lab_distance_from_white(color_HW3: NDArray) -> NDArray:
    """CIELAB distance of every pixel from white."""
    lab = cv2.cvtColor(np.ascontiguousarray(color_HW3, np.float32), cv2.COLOR_RGB2Lab)
    lab[..., 0] -= 100
    return np.minimum(np.sqrt((lab**2).sum(-1)), _MAX_SCORE).astype(np.float32)


def _paper_of(color_HW3: NDArray, kernel_share: float) -> NDArray:
    """Color of the paper at every pixel: the picture with all narrow dark things filled in."""
    height, width = color_HW3.shape[:2]
    factor = min(1.0, _SMALL_SIDE_PX / min(height, width))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    small = cv2.resize(color_HW3, size, interpolation=cv2.INTER_AREA)
    small = np.stack([ndimage.median_filter(small[..., c], 3) for c in range(3)], axis=-1)
    side = max(3, int(kernel_share * min(size)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    pad = side
    framed = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel)[pad:-pad, pad:-pad]
    # Closing takes the lightest of the noise: smoothing it again, and a little less.
    closed = cv2.GaussianBlur(closed, (0, 0), 0.25 * side, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR)


def without_rules(flat: FlatPicture, mask_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ink mask without ruled lines: thin straight lines that cross most of the picture.

    Where a mark crosses a line, pixels that are much darker than the line stay.
    """
    result = mask_HW.copy()
    thick_px = max(3.0, _RULE_WIDTH_SHARE * min(mask_HW.shape))
    thin = mask_HW & ~_opened(mask_HW, round(thick_px) + 1)
    levels, angles = [], []
    for line in _long_lines(thin):
        band = _band(line, mask_HW.shape, thick_px)
        inked = band & thin
        if _span(inked, line) < _RULE_SPAN_SHARE:
            continue
        levels.append(float(np.percentile(flat.ink_HW[inked], 60)))
        angles.append(float(np.arctan2(line[3] - line[1], line[2] - line[0])))
        result[band & (flat.ink_HW < _darkest_rule(levels[-1]))] = False
    if not levels:
        return result
    # What else is thin, faint and straight in the same direction is a piece of a line as well.
    faint = thin & (flat.ink_HW < _darkest_rule(float(np.median(levels))))
    for angle in {round(angle, 1): angle for angle in angles}.values():
        result &= ~(_dashes(faint, angle) & thin)
    return _mended(mask_HW, result, thick_px)


def _darkest_rule(level: float) -> float:
    """What is darker than this on a ruled line of some level belongs to a mark."""
    return max(1.45 * level, level + 9)


def _long_lines(thin_HW: NDArray[np.bool_]) -> list[tuple[float, ...]]:
    """Ends (x0, y0, x1, y1) of long straight lines in the directions that many share."""
    shortest = _RULE_LENGTH_SHARE * min(thin_HW.shape)
    found = cv2.HoughLinesP(
        thin_HW.astype(np.uint8), 1, np.pi / 360, int(0.4 * shortest), None, shortest, 12
    )
    if found is None:
        return []
    lines = np.asarray(found, np.float64).reshape(-1, 4)
    angle = np.degrees(np.arctan2(lines[:, 3] - lines[:, 1], lines[:, 2] - lines[:, 0]))
    return [tuple(line) for line in lines[_parallel(angle)][:_MAX_LINES]]


def _dashes(faint_HW: NDArray[np.bool_], angle: float) -> NDArray[np.bool_]:
    """Straight pieces in one direction, with a pixel around them."""
    reach = max(4, round(_DASH_SHARE * min(faint_HW.shape)))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    dx, dy = round(reach * np.cos(angle)), round(reach * np.sin(angle))
    cv2.line(kernel, (reach - dx, reach - dy), (reach + dx, reach + dy), 1)
    dashes = cv2.morphologyEx(faint_HW.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return cv2.dilate(dashes, np.ones((3, 3), np.uint8)) > 0


def _mended(
    mask_HW: NDArray[np.bool_], result_HW: NDArray[np.bool_], thick_px: float
) -> NDArray[np.bool_]:
    """What a line cut through the mark closed again, only where the line was."""
    side = np.ones((2 * round(thick_px) + 1,) * 2, np.uint8)
    closed = cv2.morphologyEx(result_HW.astype(np.uint8), cv2.MORPH_CLOSE, side)
    near_mark = cv2.dilate(_opened(result_HW, 2).astype(np.uint8), side)
    return result_HW | (mask_HW & (closed > 0) & (near_mark > 0))


def _opened(mask_HW: NDArray[np.bool_], side_px: int) -> NDArray[np.bool_]:
    kernel = np.ones((side_px, side_px), np.uint8)
    return cv2.morphologyEx(mask_HW.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _parallel(angle_N: NDArray) -> NDArray[np.bool_]:
    """Lines whose direction most lines share; squared paper has two such directions."""
    apart = np.abs((angle_N[:, None] - angle_N[None] + 90) % 180 - 90)
    votes = (apart < _RULE_ANGLE_DEGREES).sum(1)
    return votes >= 0.25 * votes.max()


def _band(line: tuple[float, ...], shape: tuple[int, int], thick_px: float) -> NDArray[np.bool_]:
    """Pixels near the endless line through a segment."""
    x0, y0, x1, y1 = line
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    length = np.hypot(x1 - x0, y1 - y0)
    away = np.abs((columns - x0) * (y1 - y0) - (rows - y0) * (x1 - x0)) / length
    return away <= 0.5 * thick_px + 1


def _span(inked_HW: NDArray[np.bool_], line: tuple[float, ...]) -> float:
    """Share of the line's way across the picture that carries ink."""
    height, width = inked_HW.shape
    x0, y0, x1, y1 = line
    rows, columns = np.nonzero(inked_HW)
    if not len(rows):
        return 0.0
    flat_line = abs(x1 - x0) >= abs(y1 - y0)
    along, size = (columns, width) if flat_line else (rows, height)
    return len(np.unique(along)) / size
