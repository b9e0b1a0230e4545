"""Finished drawings as sketches: pictures with transparency, scans and photographs.

Ink is found and traced without any time, colors become layers, and an order is guessed
(`ingest.ordering`). Areas broader than a line are drawn as their outline and hatched.

Legend: H/W pixels of the picture, h/w of the canvas, K colors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.ingest.drawings import IngestedDrawing, drawing_of
from videosketcher_app.data.ingest.film_ink import ink_of
from videosketcher_app.data.ingest.hatching import hatching
from videosketcher_app.data.ingest.ordering import ordered
from videosketcher_app.data.ingest.pace import at_even_pace
from videosketcher_app.data.ingest.paper import Paper, find_paper, paper_surface, whitened
from videosketcher_app.data.recover import recover_strokes
from videosketcher_app.data.strokes import FloatArray, Pen, Sketch, Stroke

MAX_COLORS = 6
COLOR_DISTANCE = 70.0  # colors closer than this (0 to 255 a channel) are one ink
MIN_LAYER_SHARE = 0.01  # of the ink; less is the edge between other layers
BROAD_PX = 9.0  # half width from which a mark is an area and no line
FILL_PEN_PX = 5.0
MOST_INK = 0.6  # of the paper; more is a photograph or a painting
LINE_LEVEL = 30.0  # fainter marks on a scan are its paper


def read_layers(picture_HW4: NDArray[np.uint8], plan: DrawingPlan | None = None) -> IngestedDrawing:
    """The drawing of a picture with transparency (H, W, 4): color after color, darkest first.

    Raises:
        InvalidFile: nothing in it can be drawn.
    """
    height, width = picture_HW4.shape[:2]
    flat = _whole_picture(width, height)
    # Transparent pixels may hide any color: mix with white before anything is averaged.
    share = picture_HW4[..., 3:].astype(np.float32) / 255
    on_white = 255 - share * (255 - picture_HW4[..., :3].astype(np.float32))
    levels_hw3 = 255 - flat.flat(on_white.round().astype(np.uint8)).astype(np.float32)
    return _drawn(levels_hw3, "image", plan)


def read_scan(picture_HW3: NDArray[np.uint8], plan: DrawingPlan | None = None) -> IngestedDrawing:
    """The drawing of a scan or photograph (H, W, 3) of a finished drawing on paper.

    Raises:
        InvalidFile: no lines are found, or far too much of it is dark.
    """
    around = cv2.medianBlur(np.ascontiguousarray(picture_HW3), 21)
    drawn_HW = np.abs(picture_HW3.astype(np.int16) - around).max(axis=2) > LINE_LEVEL
    paper = find_paper(picture_HW3, drawn_HW)
    flat_hw3 = paper.flat(picture_HW3)
    white_hw3 = whitened(flat_hw3, paper_surface(flat_hw3))
    levels_hw3 = 255 - white_hw3.astype(np.float32)
    levels_hw3 = np.where(levels_hw3.max(axis=2, keepdims=True) < LINE_LEVEL, 0, levels_hw3)
    return _drawn(levels_hw3, "scan", plan)


def _whole_picture(width: int, height: int) -> Paper:
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return Paper(corners_42=corners)


def _drawn(levels_hw3: FloatArray, origin: str, plan: DrawingPlan | None) -> IngestedDrawing:
    height, width = levels_hw3.shape[:2]
    if (levels_hw3.max(axis=2) > 2 * LINE_LEVEL).mean() > MOST_INK:
        raise InvalidFile(
            "More of this picture is ink than paper.",
            hint="Use a line drawing on light paper, or one with a transparent background.",
        )
    layers = [_traced(layer) for layer in _layers(levels_hw3.astype(np.float32))]
    if plan is None:
        strokes = [stroke for layer in layers for stroke in ordered(layer)]
    else:
        strokes = ordered([stroke for layer in layers for stroke in layer], plan)
    if not strokes:
        raise InvalidFile(
            "No lines were found in this picture.",
            hint="Use a drawing with clear lines, scanned evenly and not too small.",
        )
    sketch = Sketch(strokes=at_even_pace(strokes, width, height), width_px=width, height_px=height)
    return drawing_of(sketch, origin)


def _layers(levels_hw3: FloatArray) -> Iterator[FloatArray]:
    """The ink of every color by itself, from the darkest: what gives a drawing its outlines."""
    darkness_hw = levels_hw3.max(axis=2)
    ink_hw = darkness_hw > LINE_LEVEL
    colors_K3 = _inks(levels_hw3[ink_hw])
    if not len(colors_K3):
        return
    # Soft edges are as light as paper but have their ink's hue: compare at full darkness.
    full_hw3 = levels_hw3 / np.maximum(darkness_hw, 1)[..., None]
    hues_K3 = colors_K3 / np.maximum(colors_K3.max(axis=1, keepdims=True), 1)
    near = np.linalg.norm(full_hw3[:, :, None] - hues_K3, axis=3)
    owner_hw = near.argmin(axis=2)
    share_K = np.bincount(owner_hw[ink_hw], minlength=len(colors_K3)) / ink_hw.sum()
    for index in np.argsort(-colors_K3.sum(axis=1), kind="stable"):
        if share_K[index] >= MIN_LAYER_SHARE:
            yield np.where((owner_hw == index)[..., None], levels_hw3, 0).astype(np.float32)


def _inks(levels_N3: FloatArray) -> FloatArray:
    """The inks' colors as levels (K, 3), the most used first, no two of one hue."""
    if not len(levels_N3):
        return np.zeros((0, 3), np.float32)
    dark_N = levels_N3.max(axis=1)
    core_N3 = levels_N3[dark_N >= 0.6 * np.quantile(dark_N, 0.9)]
    bins, counts = np.unique((core_N3 // 24).astype(np.int64), axis=0, return_counts=True)
    chosen: list[FloatArray] = []
    for place in np.argsort(-counts, kind="stable"):
        color = (bins[place] * 24.0 + 12).astype(np.float32)
        hue = 255 * color / color.max()
        if counts[place] < MIN_LAYER_SHARE * len(core_N3) or len(chosen) == MAX_COLORS:
            break
        if all(np.linalg.norm(hue - 255 * c / c.max()) > COLOR_DISTANCE for c in chosen):
            chosen.append(color)
    return np.array(chosen, np.float32).reshape(-1, 3)


def _traced(levels_hw3: FloatArray) -> list[Stroke]:
    """The strokes of one layer: its lines, and its areas as hatching."""
    broad_hw = _broad(levels_hw3.max(axis=2) > 2 * LINE_LEVEL)
    lines_hw3 = np.where(broad_hw[..., None], 0, levels_hw3).astype(np.float32)
    strokes = recover_strokes(ink_of(lines_hw3, np.zeros(broad_hw.shape, np.float32)))
    if not broad_hw.any():
        return strokes
    red, green, blue = (1 - np.median(levels_hw3[broad_hw], axis=0) / 255).tolist()
    pen = Pen(color=(red, green, blue), width_px=FILL_PEN_PX)
    return [*strokes, *(_plain(path, pen) for path in hatching(broad_hw, FILL_PEN_PX))]


def _broad(ink_hw: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What a line of a usual pen cannot have drawn: the ink around places far from any paper."""
    radius_hw = cv2.distanceTransform(np.pad(ink_hw, 1).astype(np.uint8), cv2.DIST_L2, 5)
    cores = (radius_hw[1:-1, 1:-1] >= BROAD_PX).astype(np.uint8)
    size = 2 * int(BROAD_PX) + 3
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(cores, kernel).astype(bool) & ink_hw


def _plain(path_N2: FloatArray, pen: Pen) -> Stroke:
    ones = np.ones(len(path_N2), np.float32)
    return Stroke(points_N2=path_N2, times_N=0 * ones, pressure_N=ones, pen=replace(pen))
