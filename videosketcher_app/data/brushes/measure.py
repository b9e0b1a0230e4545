"""Measures of a cut-out mark: color, width, texture, and how the width follows the direction.

Legend: H/W pixels of the cut-out; S points of its center line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.morphology import skeletonize

_EVIDENT_POINTS = 24  # fewer points of a center line tell nothing about directions
_THIN_PX = 3.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured of a mark; shares are in [0, 1].

    Attributes:
        width_px: of the line, in pixels of the cut-out.
        length_px: of its center line.
        fill: share of the mark's outline that carries ink; low for bristles, chalk and spray.
        softness: width of the border that fades out, as a share of half the line's width.
        unevenness: how much the density of ink changes from place to place.
        trend: how much denser the denser half of the line is than the other.
        direction: how much the width depends on the direction of travel; 0 for a round nib.
        nib_angle: direction of travel with the thinnest line, in radians.
    """

    width_px: float
    length_px: float
    fill: float
    softness: float
    unevenness: float
    trend: float
    direction: float
    nib_angle: float


def core_color(color_HW3: NDArray, weight_HW: NDArray) -> tuple[float, float, float]:
    """Median color of the densest part of a mark: borders and thin spots are mixed with paper.

    Args:
        weight_HW: ink in any unit, 0 outside the mark.
    """
    inside = weight_HW > 0
    deep = _depth(inside)
    # Blur mixes a thin line with its paper all the way through: only its darkest is its color.
    share = 62 if float(np.percentile(deep[inside], 95)) > _THIN_PX else 85
    dense = weight_HW >= np.percentile(weight_HW[inside], share)
    core = dense & (deep >= min(2.0, 0.6 * float(deep.max())))
    if core.sum() < 8:
        core = dense
    red, green, blue = np.median(color_HW3[core], axis=0)
    return float(red), float(green), float(blue)


def figures_of(density_HW: NDArray) -> Figures:
    """The figures of a mark from its density of ink: 0 outside, about 1 in its core."""
    half = density_HW > 0.5
    outline = closed_outline(half)
    if not outline.any():
        outline = density_HW > 0.1
    deep = _depth(outline)
    line = skeletonize(outline) & (deep > 0.3 * float(np.percentile(deep[outline], 99)))
    if not line.any():
        line = deep >= deep.max()
    # The transform counts from pixel centers: the border lies half a pixel further in.
    widths = 2 * deep[line] - 1
    # Weighted by itself: spurs of a ragged outline are thin, and are not the line.
    width = float(max(1.0, (widths**2).sum() / max(widths.sum(), 1e-6)))
    length = max(1.0, float(outline.sum()) / width)
    inner = outline & (deep > min(1.5, 0.5 * float(deep.max())))
    direction, nib_angle = _direction(line, deep)
    return Figures(
        width_px=width,
        length_px=length,
        fill=float((density_HW[inner] > 0.4).mean()) if inner.any() else 1.0,
        softness=_softness(density_HW, width),
        unevenness=float(np.clip(np.std(np.clip(density_HW[inner], 0, 1)), 0, 1))
        if inner.any()
        else 0.0,
        trend=_trend(density_HW, inner),
        direction=direction,
        nib_angle=nib_angle,
    )


def closed_outline(mask_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with gaps between bristles or grains closed and specks around it left out."""
    area = max(1, int(mask_HW.sum()))
    extent = (
        max(np.ptp(np.nonzero(mask_HW)[0]), np.ptp(np.nonzero(mask_HW)[1]), 1) if area > 1 else 1
    )
    side = int(np.clip(round(0.26 * area / extent), 1, 25)) * 2 + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    framed = np.pad(mask_HW.astype(np.uint8), side)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel)[side:-side, side:-side]
    filled = np.asarray(ndimage.binary_fill_holes(closed), bool)
    # A loop stays one: what it encloses is not ink.
    return filled if filled.sum() < 1.25 * max(1, int(closed.sum())) else closed > 0


def _depth(mask_HW: NDArray[np.bool_]) -> NDArray:
    """Distance of every pixel to the nearest one outside; the picture's border is outside."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask_HW, 1)))[1:-1, 1:-1]


def _softness(density_HW: NDArray, width_px: float) -> float:
    """Area between 20 and 80 % of the density for each pixel of border, against half the width."""
    smooth = cv2.GaussianBlur(density_HW, (0, 0), max(0.5, 0.04 * width_px))
    border = np.logical_xor(smooth > 0.5, ndimage.binary_erosion(smooth > 0.5))
    fading = (smooth > 0.2) & (smooth < 0.8)
    return float(np.clip(fading.sum() / max(1, border.sum()) / (0.5 * width_px), 0, 1))


def _trend(density_HW: NDArray, inner_HW: NDArray[np.bool_]) -> float:
    """Difference of density between both halves of the mark along its longer extent."""
    rows, columns = np.nonzero(inner_HW)
    if len(rows) < _EVIDENT_POINTS:
        return 0.0
    along = columns if np.ptp(columns) >= np.ptp(rows) else rows
    middle = np.median(along)
    density = density_HW[rows, columns]
    low, high = density[along < middle], density[along >= middle]
    return abs(float(high.mean() - low.mean())) if len(low) and len(high) else 0.0


def _direction(line_HW: NDArray[np.bool_], deep_HW: NDArray) -> tuple[float, float]:
    """Share by which the width varies with the direction of travel, and the thinnest direction."""
    rows, columns = np.nonzero(line_HW)
    if len(rows) < _EVIDENT_POINTS:
        return 0.0, 0.0
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    half = deep_HW[line_HW] - 0.5
    angle = _directions(points, reach=max(4.0, 2.0 * float(np.median(half))))
    # width = mean + swing * cos(2 (angle - thickest)), by least squares.
    terms = np.stack([np.ones_like(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    (mean, cosine, sine), *_ = np.linalg.lstsq(terms, half, rcond=None)
    swing = float(np.hypot(cosine, sine))
    explained = 1 - np.var(half - terms @ [mean, cosine, sine]) / max(np.var(half), 1e-9)
    if np.ptp(np.unwrap(2 * np.sort(angle))) < 0.7:
        return 0.0, 0.0  # a straight line shows one direction only
    share = 2 * swing / max(mean + swing, 1e-6) * max(0.0, float(explained)) ** 0.5
    thickest = 0.5 * float(np.arctan2(sine, cosine))
    return float(np.clip(share, 0, 1)), (thickest + np.pi / 2) % np.pi


def _directions(points_S2: NDArray, reach: float) -> NDArray:
    """Direction of the center line at each of its points, from its neighbors' spread."""
    near = KDTree(points_S2).query_ball_point(points_S2, reach)
    angles = np.empty(len(points_S2))
    for index, chosen in enumerate(near):
        away = points_S2[chosen] - points_S2[index]
        xx, yy, xy = (away[:, 0] ** 2).sum(), (away[:, 1] ** 2).sum(), away.prod(1).sum()
        angles[index] = 0.5 * np.arctan2(2 * xy, xx - yy)
    return angles
