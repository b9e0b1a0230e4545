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
EDGE_LEVELS = (5.0, 8.0, 14.0)  # steps from pixel to pixel that end the paper, tried in turn
STRAIGHT_PX, LONGER_PX = 24, 40  # straight edges this long end the paper this far beyond them
RIM_SHARE = 0.03  # of the picture; a side this near to its end is no edge of a sheet
UNCOVERED_SHARE = 0.7  # of a sheet that an arm lies on
MIN_SHARE = 0.02  # of the picture; smaller regions are no paper
MIN_ACTIVITY = 0.08  # share of what was drawn that a region of the paper holds
MOST_DRAWN = 0.7  # the rest may be a window that opens, or a hand beside the paper
SQUARE_FILL = 0.94  # a region that fills its upright box this well lies straight
QUAD_FILL = 0.90
MIN_SIDE_PX = 16
CANVAS_PIXELS = (432 * 240, 584 * 324)  # strokes are traced best at these sizes, in any shape
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
            float(np.hypot(*step))
            for step in np.roll(self.corners_42, -1, axis=0) - self.corners_42
        )
        aspect = float(np.clip((top + bottom) / max(left + right, 1.0), 0.2, 5.0))
        pixels = float(np.clip((top + bottom) * (left + right) / 4, *CANVAS_PIXELS))
        width = 2 * round((pixels * aspect) ** 0.5 / 2)
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
        plate_HW3: the picture with as little in the way of the paper as can be had.
        drawn_HW: where something was drawn.
    """
    height, width = plate_HW3.shape[:2]
    scale = min(1.0, SEARCH_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(plate_HW3, size, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = cv2.resize(drawn_HW.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.1
    factor = np.array([width / size[0], height / size[1]], np.float32)
    slope_HW = _slope(small)
    fallback = None
    longer_HW = _with_longer_edges(slope_HW, drawn)
    for edges_HW, covered in ((slope_HW, False), (longer_HW, False), (slope_HW, True)):
        for level in EDGE_LEVELS:
            region = _region(edges_HW < level, drawn, covered=covered)
            paper = None if region is None else _sheet(region, plate_HW3, factor)
            if paper is not None and not _runs_out(paper, width, height):
                return paper
            fallback = fallback or paper
    return fallback or _whole(width, height)


def paper_surface(plate_hw3: Pixels) -> FloatArray:
    """Color of the bare paper everywhere (h, w, 3): the plate without anything narrow."""
    size = max(3, min(plate_hw3.shape[:2]) // SURFACE_SHARE)
    calm = cv2.medianBlur(np.ascontiguousarray(plate_hw3), size + 1 - size % 2).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(calm, (0, 0), size / 4), np.float32)


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


def _slope(small_HW3: Pixels) -> FloatArray:
    """Largest step from pixel to pixel in any channel."""
    calm = cv2.medianBlur(np.ascontiguousarray(small_HW3), 3).astype(np.float32)
    steps = [np.abs(cv2.Sobel(calm, cv2.CV_32F, *axis, ksize=3)) for axis in ((1, 0), (0, 1))]
    return np.maximum(*steps).max(axis=2) / 4


def _with_longer_edges(slope_HW: FloatArray, drawn_HW: NDArray[np.bool_]) -> FloatArray:
    """Straight edges go on beyond their ends: in uneven light a corner may be as dark as the desk.

    What was drawn has no edges of a sheet.
    """
    ink_HW = cv2.dilate(drawn_HW.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    edges_HW = ((slope_HW >= EDGE_LEVELS[1]) & ~ink_HW).astype(np.uint8)
    longer_HW = np.zeros(slope_HW.shape, bool)
    for along in ((1, STRAIGHT_PX), (STRAIGHT_PX, 1)):
        straight = cv2.morphologyEx(edges_HW, cv2.MORPH_OPEN, np.ones(along, np.uint8))
        reach = tuple(2 * LONGER_PX + 1 if length > 1 else 3 for length in along)
        longer_HW |= cv2.dilate(straight, np.ones(reach, np.uint8)) > 0
    return np.where(longer_HW, np.float32(255), slope_HW)


def _runs_out(paper: Paper, width: int, height: int) -> bool:
    """True if it ends with the picture on three sides or four: what bounds it is not seen."""
    left, top = paper.corners_42.min(axis=0) / (width, height)
    right, bottom = paper.corners_42.max(axis=0) / (width, height)
    ends = (left, top, 1 - right, 1 - bottom)
    return sum(bool(end <= RIM_SHARE) for end in ends) >= 3


def _region(
    flat_HW: NDArray[np.bool_], drawn_HW: NDArray[np.bool_], *, covered: bool
) -> NDArray[np.bool_] | None:
    """The regions without edges that hold the drawing, together and without holes.

    Args:
        covered: an arm may lie over the paper's edge; the region then goes on below it.
    """
    kernel = np.ones((5, 5), np.uint8)
    # An edge that is faint for a few pixels must not let the paper run out.
    cores = cv2.erode(flat_HW.astype(np.uint8), kernel[:3, :3])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cores, connectivity=4)
    labels_HW = np.asarray(labels, np.int32)
    # A line belongs to the regions beside it.
    votes = np.zeros(count)
    drawn = drawn_HW & ~_rim(drawn_HW.shape)
    for shift in (-5, 5):
        for axis in (0, 1):
            votes += np.bincount(np.roll(labels_HW, shift, axis)[drawn], minlength=count)
    votes[0] = 0
    large = np.asarray(stats[:, cv2.CC_STAT_AREA]) >= MIN_SHARE * flat_HW.size
    votes[~large] = 0
    chosen, region = np.zeros(count, bool), np.zeros(flat_HW.shape, bool)
    # A line may cut the paper in two, so regions are added until they hold the drawing.
    for label in np.argsort(-votes, kind="stable"):
        if votes[label] < MIN_ACTIVITY * votes.sum() or votes[label] == 0:
            return None
        chosen[label] = True
        region = _filled(chosen[labels_HW], kernel)
        if covered:
            region = _uncovered(region)
        if (region & drawn).sum() >= MOST_DRAWN * drawn.sum():
            break
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel).astype(bool)


def _filled(core_HW: NDArray[np.bool_], kernel: Pixels) -> NDArray[np.bool_]:
    """The region around a core, without holes."""
    region_HW = cv2.dilate(core_HW.astype(np.uint8), kernel)
    contours, _ = cv2.findContours(region_HW, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(region_HW.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, thickness=cv2.FILLED)
    return filled.astype(bool)


def _uncovered(region_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region with what an arm hides of it, or as it is if that would be too much."""
    points = cv2.findNonZero(region_HW.astype(np.uint8))
    hull = np.zeros(region_HW.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    is_sheet = region_HW.sum() >= UNCOVERED_SHARE * hull.sum()
    return hull.astype(bool) if is_sheet else region_HW


def _sheet(region_HW: NDArray[np.bool_], plate_HW3: Pixels, factor_2: FloatArray) -> Paper | None:
    """The sheet that a region is; None if it has no four straight sides."""
    x, y, w, h = cv2.boundingRect(region_HW.astype(np.uint8))
    if region_HW.sum() < SQUARE_FILL * w * h:
        corners = _corners(region_HW)
        return None if corners is None else Paper(corners_42=corners * factor_2)
    sides = [x * factor_2[0], y * factor_2[1], (x + w) * factor_2[0], (y + h) * factor_2[1]]
    left, top, right, bottom = _refined(plate_HW3, sides, reach=4 * float(factor_2.max()))
    if right - left < MIN_SIDE_PX or bottom - top < MIN_SIDE_PX:
        return None
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Paper(corners_42=np.array(box, np.float32))


def _rim(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rim = np.ones(shape, bool)
    rim[4:-4, 4:-4] = False
    return rim


def _corners(region_HW: NDArray[np.bool_]) -> FloatArray | None:
    """Corners of a sheet that lies at an angle; None if it is no sheet."""
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
        if side < 2 and at <= reach / 2:
            refined.append(0)
        elif side >= 2 and at >= limit - reach / 2:
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
    if not len(band) or band.max() < EDGE_LEVELS[0]:
        return round(sides[side])
    # Of several edges the one nearest to the region's own is the sheet's.
    away = (low + 1 + np.arange(len(band)) - sides[side]) / reach
    return low + 1 + int((band * np.exp(-4 * away**2)).argmax())


def _whole(width: int, height: int) -> Paper:
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    return Paper(corners_42=np.array(corners, np.float32))
