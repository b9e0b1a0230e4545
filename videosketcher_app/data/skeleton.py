"""From ink to the centerline: a skeleton, its pieces between junctions and their times of ink.

Legend: H/W pixels, N points of a piece. Positions are (x, y) pixels; whole numbers are the
centers of pixels, as in the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from videosketcher_app.data.ink import InkMap
from videosketcher_app.data.renderer import NEVER
from videosketcher_app.data.strokes import FloatArray

Pixel = tuple[int, int]  # row, column

PAPER_DARKNESS = 0.14  # paler than this is never part of a line
HOLE_PX = 3  # holes of at most this area are closed
SPECK_PX = 3  # spots below this area are left out
_STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A stretch of centerline between two junctions or ends.

    Attributes:
        points_N2: pixel positions, every one next to the one before.
        times_N: time of ink in frames; NaN where another line's ink may be in the way.
        joined: whether the first and the last point lie on a junction.
        ring: a closed piece without any junction.
    """

    points_N2: FloatArray
    times_N: FloatArray
    joined: tuple[bool, bool]
    ring: bool = False

    def part(self, start: int, stop: int) -> Piece:
        """The points from start up to stop; cut ends are not joined."""
        return Piece(
            points_N2=self.points_N2[start:stop],
            times_N=self.times_N[start:stop],
            joined=(
                self.joined[0] and start == 0,
                self.joined[1] and stop >= len(self.points_N2),
            ),
        )


def line_mask(darkness_HW: FloatArray) -> NDArray[np.bool_]:
    """True inside lines: at least half as dark as the darkest ink within 2 px."""
    peak_HW = cv2.dilate(darkness_HW, np.ones((5, 5), np.uint8))
    mask_HW = (darkness_HW >= 0.5 * peak_HW) & (darkness_HW >= PAPER_DARKNESS)
    mask_HW |= _small(~mask_HW, HOLE_PX, connectivity=4)
    return mask_HW & ~_small(mask_HW, SPECK_PX - 1, connectivity=8)


def centerline_pieces(ink: InkMap, mask_HW: NDArray[np.bool_]) -> list[Piece]:
    """The pieces of the skeleton of a line mask, without the spurs that thinning leaves."""
    radius_HW = cv2.distanceTransform(
        np.pad(mask_HW, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )[1:-1, 1:-1].astype(np.float32)
    skeleton_HW = skeletonize(mask_HW)
    for _ in range(3):
        graph = _graph(skeleton_HW)
        if not _prune(graph, skeleton_HW, radius_HW):
            break
    graph = _graph(skeleton_HW)
    times_HW = _calm_times(ink, mask_HW, skeleton_HW)
    return [_piece(chain, graph, times_HW, radius_HW) for chain in _chains(graph)]


def _small(mask_HW: NDArray, area_px: int, connectivity: int) -> NDArray:
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(
        mask_HW.astype(np.uint8), connectivity=connectivity
    )
    small = np.asarray(stats[:, cv2.CC_STAT_AREA] <= area_px)
    small[0] = False
    return small[np.asarray(labels_HW, np.int64)]


def _graph(skeleton_HW: NDArray) -> dict[Pixel, list[Pixel]]:
    """Neighbors of every skeleton pixel; diagonals only where no straight step leads there."""
    pixels = {(int(r), int(c)) for r, c in zip(*np.nonzero(skeleton_HW), strict=True)}
    graph = {}
    for row, column in sorted(pixels):
        near = [(row + a, column + b) for a, b in _STRAIGHT if (row + a, column + b) in pixels]
        near += [
            (row + a, column + b)
            for a, b in _DIAGONAL
            if (row + a, column + b) in pixels
            and (row + a, column) not in pixels
            and (row, column + b) not in pixels
        ]
        graph[row, column] = near
    return graph


def _chains(graph: dict[Pixel, list[Pixel]]) -> list[list[Pixel]]:
    """Pixel paths from node to node, then rings (first pixel repeated), then single pixels."""
    nodes = [pixel for pixel, near in graph.items() if len(near) != 2]
    is_node = set(nodes)
    used: set[tuple[Pixel, Pixel]] = set()
    chains = [[pixel] for pixel in nodes if not graph[pixel]]
    for start in nodes:
        for step in graph[start]:
            if (start, step) not in used:
                chains.append(_walk(graph, start, step, is_node, used))
    seen = {pixel for chain in chains for pixel in chain}
    for start in graph:
        if start not in seen:
            chain = _walk(graph, start, graph[start][0], {start}, used)
            seen.update(chain)
            chains.append(chain)
    return chains


def _walk(
    graph: dict[Pixel, list[Pixel]],
    start: Pixel,
    step: Pixel,
    stops: set[Pixel],
    used: set[tuple[Pixel, Pixel]],
) -> list[Pixel]:
    chain = [start, step]
    while chain[-1] not in stops:
        a, b = graph[chain[-1]]
        chain.append(b if a == chain[-2] else a)
    for here, there in pairwise(chain):
        used.update({(here, there), (there, here)})
    return chain


def _prune(graph: dict[Pixel, list[Pixel]], skeleton_HW: NDArray, radius_HW: FloatArray) -> bool:
    """Erases free ends that hardly stick out of the line they hang on; True if there were any."""
    trimmed: set[Pixel] = set()  # one spur a junction and pass: the rest may become a real end
    for chain in sorted(_chains(graph), key=len):
        degrees = [len(graph[chain[0]]), len(graph[chain[-1]])]
        if sorted(degrees)[0] != 1 or sorted(degrees)[1] < 3:
            continue
        free, joint = (0, -1) if degrees[0] == 1 else (-1, 0)
        # A real end is as far from the junction as the width of the line there, and then some.
        if chain[joint] not in trimmed and len(chain) - 1 <= 1.3 * radius_HW[chain[joint]] + 1.5:
            pixels = chain[:-1] if free == 0 else chain[1:]
            skeleton_HW[tuple(np.array(pixels).T)] = False
            trimmed.add(chain[joint])
    return bool(trimmed)


def _calm_times(ink: InkMap, mask_HW: NDArray, skeleton_HW: NDArray) -> FloatArray:
    """Median time of ink over the line's pixels around every skeleton pixel, NaN elsewhere."""
    known_HW = np.where(mask_HW & (ink.times_HW < NEVER), ink.times_HW, np.nan)
    padded = np.pad(known_HW, 1, constant_values=np.nan)
    rows, columns = np.nonzero(skeleton_HW)
    around_9K = np.stack(
        [padded[rows + a, columns + b] for a in range(3) for b in range(3)], axis=0
    )
    around_9K.sort(axis=0)  # NaN last
    count_K = np.isfinite(around_9K).sum(axis=0)
    calm_HW = np.full(mask_HW.shape, np.nan, np.float32)
    picked = around_9K[np.maximum(count_K - 1, 0) // 2, np.arange(len(rows))]
    calm_HW[rows, columns] = picked
    return calm_HW


def _piece(
    chain: list[Pixel],
    graph: dict[Pixel, list[Pixel]],
    times_HW: FloatArray,
    radius_HW: FloatArray,
) -> Piece:
    at = tuple(np.array(chain).T)
    times = times_HW[at].astype(np.float32)
    joined = (len(graph[chain[0]]) >= 3, len(graph[chain[-1]]) >= 3)
    reach = [round(float(radius_HW[chain[end]])) + 2 if joined[end] else 0 for end in (0, -1)]
    known = times.copy()
    known[: reach[0]] = np.nan
    known[len(chain) - reach[1] :] = np.nan
    if not np.isfinite(known).any():
        middle = len(chain) // 2
        known[middle] = times[middle]
    return Piece(
        points_N2=np.stack([at[1], at[0]], axis=1).astype(np.float32),
        times_N=known,
        joined=joined,
        ring=len(chain) > 2 and chain[0] == chain[-1] and not any(joined),
    )
