"""Marks as cameras see them: painted by the engine, then photographed badly, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.swatch import path_stroke, wave_points
from videosketcher_app.data.strokes import Sketch

PHOTO_PX = (800, 600)
SCALE = 600 / 240


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """A photo of a mark and the truth about it.

    Attributes:
        pixels_HW3: the photo.
        clean_HW3: the mark on even white paper, before the camera.
        color: RGB in [0, 1] of the mark's core on white paper.
        width_px: mean width of the line in pixels of the clean picture.
    """

    pixels_HW3: NDArray[np.uint8]
    clean_HW3: NDArray[np.uint8]
    color: tuple[float, float, float]
    width_px: float


def photo_of(brush: Brush, seed: int, *, ruled: bool = False) -> Photo:
    """A wave drawn with the brush, photographed."""
    rng = np.random.default_rng([97, seed])
    width, height = PHOTO_PX
    points = wave_points(width, height, rng.uniform(140, 230), rng.uniform(50, 120))
    angle = np.radians(rng.uniform(-18, 18))
    center = np.array([width, height]) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (points - center) @ turn.T + center + rng.uniform(-40, 40, 2)
    stroke = path_stroke(points)
    sketch = Sketch(strokes=(stroke,), width_px=width, height_px=height)
    clean = picture(sketch, brush, seed=seed)
    color, line_width = _truth(clean, stroke.length_px)
    return Photo(
        pixels_HW3=_photographed(clean, rng, ruled=ruled),
        clean_HW3=clean,
        color=color,
        width_px=line_width,
    )


def _truth(
    clean_HW3: NDArray[np.uint8], length_px: float
) -> tuple[tuple[float, float, float], float]:
    """Color of the densest ink and area by length, with simple means."""
    missing = 255.0 - clean_HW3
    level = missing.max(-1)
    dense = level >= np.percentile(level[level > 20], 70)
    red, green, blue = np.median(clean_HW3[dense], axis=0) / 255
    full = np.percentile(level[level > 20], 80)
    area = ndimage.binary_closing(level > 0.5 * full, iterations=4, structure=np.ones((3, 3)))
    return (float(red), float(green), float(blue)), float(area.sum()) / length_px


def _photographed(
    clean_HW3: NDArray[np.uint8], rng: np.random.Generator, *, ruled: bool
) -> NDArray[np.uint8]:
    height, width = clean_HW3.shape[:2]
    light = clean_HW3.astype(np.float32) / 255
    if ruled:
        light = np.minimum(light, _rules(width, height, rng))
    light *= rng.uniform([0.86, 0.84, 0.78], [1.0, 1.0, 0.98])  # color of paper and lamp
    light *= _lamp(width, height, rng)[..., None]
    if rng.random() < 0.6:
        light *= _shadow(width, height, rng)[..., None]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-0.03, 0.03, (4, 2)).astype(np.float32) * [width, height]
    view = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    light = cv2.warpPerspective(light, view, (width, height), borderMode=cv2.BORDER_REPLICATE)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 1.3))
    light += rng.normal(0, rng.uniform(0.004, 0.018), light.shape)
    pixels = np.clip(np.round(light * 255), 0, 255).astype(np.uint8)
    quality = int(rng.integers(40, 90))
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def _lamp(width: int, height: int, rng: np.random.Generator) -> NDArray:
    """A light gradient: down to 60 % at the far side."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (x / width - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle) + 0.5
    return 1 - rng.uniform(0.1, 0.4) * np.clip(ramp, 0, 1)


def _shadow(width: int, height: int, rng: np.random.Generator) -> NDArray:
    """The soft-edged shadow of a hand or phone that covers a corner or side."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.15, 0.3)
    side = (x / width - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle) - offset
    edge = 1 / (1 + np.exp(-side / rng.uniform(0.015, 0.06)))
    return 1 - rng.uniform(0.15, 0.4) * edge


def _rules(width: int, height: int, rng: np.random.Generator) -> NDArray:
    """Blue or grey lines of writing paper."""
    paper = np.ones((height, width, 3), np.float32)
    color = rng.choice([[0.62, 0.72, 0.88], [0.7, 0.7, 0.72]])
    step, first = int(rng.integers(36, 64)), int(rng.integers(5, 30))
    for y in range(first, height, step):
        cv2.line(paper, (0, y), (width, y + int(rng.integers(-2, 3))), color.tolist(), 2)
    return paper
