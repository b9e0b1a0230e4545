"""The paper in a picture or film: where it lies, cut out and laid flat, and made evenly white.

Paper is a region without edges in which the drawing is; it may be tinted, unevenly lit, dark,
smaller than the picture, and turned or seen at an angle.

Legend: H/W pixels of the picture, h/w of the canvas, M moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray

Pixels = NDArray[np.uint8]

SEARCH_SIDE_PX = 480  # paper is looked for in a picture of this size, then its edges at full size
EDGE_LEVEL = 7.0  # a smaller step of brightness from pixel to pixel is uneven light
MIN_SHARE = 0.02  # of the picture; smaller regions are no paper
MIN_ACTIVITY = 0.08  # share of what was drawn that a region of the paper holds
SQUARE_FILL = 0.94  # a region that fills its upright box this well lies straight
QUAD_FILL = 0.90
CANVAS_PIXELS = 432 * 240  # strokes are traced best at this size, in any shape
DARK_PAPER = 100.0  # paper darker than this carries light ink
SURFACE_SHARE = 6  # light changes slowly: over no less than a sixth of the paper's height


@dataclass(frozen=True, kw_only=True, eq=False)
class Paper:
    """Where the paper lies.

    Attributes:
        corners_42: top left, top right, bottom right, bottom left, in pixels of the picture.
    """

    corners_42: FloatArray

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height in pixels of a canvas of the paper's shape, both even."""
        top, right, bottom, left = (
            float(np.hypot(*step)) for step in np.roll(self.corners_42, -1, axis=0) - self.corners_42
        )
        aspect = float(np.clip((top + bottom) / max(left + right, 1.0), 0.2, 5.0))
        width = 2 * round((CANVAS_PIXELS * aspect) ** 0.5 / 2)
        return width, 2 * round(width / aspect / 2)

    def flat(self, picture_HW3: Pixels) -> Pixels:
        """What lies on the paper, (h, w, 3) of the canvas's size."""
        width, height = self.canvas
        left, top = self.corners_42.min(axis=0)
        right, bottom = self.corners_42.max(axis=0)
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        if np.abs(box - self.corners_42).max() < 1:
            cut = picture_HW3[round(top) : round(bottom), round(left) : round(right)]
        else:
            # Twice as large as needed, since a warp takes single pixels and no means.
            size = (2 * width, 2 * height)
            ends = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
            warp = cv2.getPerspectiveTransform(self.corners_42, ends)
            cut = cv2.warpPerspective(picture_HW3, warp, size, flags=cv2.INTER_LINEAR)
        shrinks = cut.shape[1] > width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(cut, (width, height), interpolation=how), np.uint8)


def find_paper(plate_HW3: Pixels, drawn_HW: NDArray[np.bool_]) -> Paper:
    """The paper in a picture; the whole picture if no edge of a sheet is to be seen.

    Args:
        plate_HW3: the picture with as little drawn on it as can be had.
        drawn_HW: where something was drawn.
    """
    height, width = plate_HW3.shape[:2]
    scale = min(1.0, SEARCH_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(plate_HW3, size, interpolation=cv2.INTER_AREA))
    drawn = cv2.resize(drawn_HW.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.1
    region = _region(small, drawn)
    if region is None:
        return _whole(width, height)
    corners = _corners(region)
    factor = np.array([width / size[0], height / size[1]], np.float32)
    if corners is not None:
        return Paper(corners_42=(corners * factor).astype(np.float32))
    x, y, w, h = cv2.boundingRect(region.astype(np.uint8))
    sides = [x * factor[0], y * factor[1], (x + w) * factor[0], (y + h) * factor[1]]
    left, top, right, bottom = _refined(plate_HW3, sides, reach=3 / scale)
    if right - left < 16 or bottom - top < 16:
        return _whole(width, height)
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Paper(corners_42=np.array(box, np.float32))


def paper_surface(plate_hw3: Pixels) -> FloatArray:
    """Color of the bare paper everywhere (h, w, 3): the plate without anything narrow."""
    size = max(3, min(plate_hw3.shape[:2]) // SURFACE_SHARE)
    calm = cv2.medianBlur(np.ascontiguousarray(plate_hw3), size + 1 - size % 2)
    return cv2.GaussianBlur(calm.astype(np.float32), (0, 0), size / 4)


def whitened(frame_hw3: Pixels, surface_hw3: FloatArray) -> Pixels:
    """The frame on evenly white paper; light ink on dark paper becomes dark ink on white."""
    value = frame_hw3.astype(np.float32)
    surface = surface_hw3
    if is_dark(surface_hw3):
        value, surface = 255 - value, 255 - surface
    even = value / np.maximum(surface, 32)
    # The camera's exposure may change from frame to frame; most of a sheet is bare.
    gain_3 = np.median(even[::4, ::4].reshape(-1, 3), axis=0)
    even /= np.clip(gain_3, 0.5, 2.0)
    return np.asarray(np.clip(np.round(even * 255), 0, 255), np.uint8)


def is_dark(surface_hw3: FloatArray) -> bool:
    """True for a blackboard, and for canvases of dark themes."""
    return float(np.median(surface_hw3)) < DARK_PAPER


def _region(small_HW3: Pixels, drawn_HW: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The regions without edges that hold the drawing, together and without holes."""
    calm = cv2.medianBlur(small_HW3, 3).astype(np.float32)
    steps = [np.abs(cv2.Sobel(calm, cv2.CV_32F, *d, ksize=3)).max(axis=2) / 8 for d in _AXES]
    flat_HW = (np.maximum(*steps) * 2 < EDGE_LEVEL).astype(np.uint8)
    count, labels_HW, stats, _ = cv2.connectedComponentsWithStats(flat_HW, connectivity=4)
    labels_HW = np.asarray(labels_HW, np.int32)
    # A line belongs to the regions beside it.
    votes = np.zeros(count)
    drawn = drawn_HW & ~_rim(drawn_HW.shape)
    for shift in (-3, 3):
        for axis in (0, 1):
            votes += np.bincount(np.roll(labels_HW, shift, axis)[drawn], minlength=count)
    votes[0] = 0
    if votes.sum() == 0:
        return None
    large = np.asarray(stats[:, cv2.CC_STAT_AREA]) >= MIN_SHARE * flat_HW.size
    chosen = np.flatnonzero((votes >= MIN_ACTIVITY * votes.sum()) & (large | (votes > votes.max() / 2)))
    region = np.isin(labels_HW, chosen)
    if not (region.any() and large[chosen].any()):
        return None
    contours, _ = cv2.findContours(
        region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    filled = np.zeros(region.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, thickness=cv2.FILLED)
    kernel = np.ones((5, 5), np.uint8)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, kernel)
    return opened.astype(bool) if opened.any() else None


_AXES = ((1, 0), (0, 1))


def _rim(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rim = np.ones(shape, bool)
    rim[4:-4, 4:-4] = False
    return rim


def _corners(region_HW: NDArray[np.bool_]) -> FloatArray | None:
    """Corners of a sheet that lies at an angle; None if it lies straight or is no sheet."""
    x, y, w, h = cv2.boundingRect(region_HW.astype(np.uint8))
    if region_HW.sum() >= SQUARE_FILL * w * h:
        return None
    contours, _ = cv2.findContours(
        region_HW.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    hull = cv2.convexHull(np.vstack(contours))
    for share in (0.02, 0.03, 0.05, 0.08):
        quad = cv2.approxPolyDP(hull, share * cv2.arcLength(hull, True), True)
        if len(quad) == 4:
            break
    else:
        return None
    area = cv2.contourArea(quad)
    if region_HW.sum() < QUAD_FILL * area or cv2.contourArea(hull) < QUAD_FILL * area:
        return None
    points = quad.reshape(4, 2).astype(np.float32) + 0.5
    # From the top left corner clockwise.
    middle = points.mean(axis=0)
    points = points[np.argsort(np.arctan2(*(points - middle).T[::-1]))]
    return np.roll(points, -int((points.sum(axis=1)).argmin()), axis=0)


def _refined(plate_HW3: Pixels, sides: list[float], reach: float) -> list[int]:
    """Left, top, right and bottom edge in whole pixels of the full picture."""
    height, width = plate_HW3.shape[:2]
    limits = (width, height, width, height)
    refined = []
    for side, (at, limit) in enumerate(zip(sides, limits, strict=True)):
        if side < 2 and at <= 1.5 * reach / 3:
            refined.append(0)
        elif side >= 2 and at >= limit - 1.5 * reach / 3:
            refined.append(limit)
        else:
            refined.append(_edge(plate_HW3, sides, side, reach))
    return refined


def _edge(plate_HW3: Pixels, sides: list[float], side: int, reach: float) -> int:
    """The strongest straight edge near one side; pixels before it are outside (or inside)."""
    left, top, right, bottom = sides
    across = (top, bottom) if side in (0, 2) else (left, right)
    inset = 0.1 * (across[1] - across[0])
    rows = slice(max(0, round(across[0] + inset)), round(across[1] - inset))
    picture = plate_HW3[rows] if side in (0, 2) else plate_HW3[:, rows].swapaxes(0, 1)
    profile = np.median(picture.astype(np.float32), axis=0)
    steps = np.abs(np.diff(profile, axis=0)).sum(axis=1)
    low = max(0, round(sides[side] - reach) - 1)
    band = steps[low : round(sides[side] + reach) + 1]
    if not len(band) or band.max() < EDGE_LEVEL:
        return round(sides[side])
    return low + int(band.argmax()) + 1


def _whole(width: int, height: int) -> Paper:
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    return Paper(corners_42=np.array(corners, np.float32))
