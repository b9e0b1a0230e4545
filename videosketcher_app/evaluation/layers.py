"""How steady the layers of a film are: whether shapes keep their outline and colors their tone.

A layer is an area of one color in the last frame. From the frame by which it was inked, two things
are looked at in every frame up to the last:

    shape IoU    area that shows the layer's color now, against its area in the last frame; what
                 other layers cover in the end is left out
    color drift  CIEDE2000 between the mean color of that area now and in the last frame

Layers count alike, frames of a layer count alike. "unsteady" is (1 - IoU) + drift / 100, one number
for both; 0 is a picture that stands still once drawn. Nothing is compared with another film, so a
film without any true picture can be measured.

Legend: T frames, H/W pixels, K layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

INK_DELTA = 12.0  # from white paper, CIEDE2000
SAME_DELTA = 14.0  # a pixel that shows a layer's color
LEAST_SHARE = 0.002  # of the picture; smaller areas are edges and noise
MAX_LAYERS = 24
INKED_SHARE = 0.99  # of a layer's pixels, by when it counts as drawn
REACH_PX = 4  # around a layer, in which its color is looked for
_LEVELS = 8  # of every channel, when colors are counted
_PAPER = np.array([100, 0, 0], np.float32)
Lab = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """Figures of one film.

    Attributes:
        num_layers: that were found; without any the others are NaN.
        shape_iou: in [0, 1].
        color_drift: CIEDE2000.
    """

    num_layers: int
    shape_iou: float
    color_drift: float

    @property
    def unsteady(self) -> float:
        """Both in one number; 0 is a picture that stands still."""
        return (1 - self.shape_iou) + self.color_drift / 100


def steadiness(frames_THW3: NDArray[np.uint8]) -> Steadiness:
    """Measures a film of a drawing that comes into being on white paper."""
    lab_THW3 = np.stack([rgb2lab(frame).astype(np.float32) for frame in frames_THW3])
    layers = layers_of(lab_THW3[-1], frames_THW3[-1])
    paper_HW = _apart(lab_THW3[-1], _PAPER) <= INK_DELTA
    rows = [row for layer in layers if (row := _layer(lab_THW3, layer, paper_HW)) is not None]
    if not rows:
        return Steadiness(num_layers=0, shape_iou=float("nan"), color_drift=float("nan"))
    ious, drifts = zip(*rows, strict=True)
    return Steadiness(
        num_layers=len(rows),
        shape_iou=float(np.mean(ious)),
        color_drift=float(np.mean(drifts)),
    )


def layers_of(lab_HW3: Lab, rgb_HW3: NDArray[np.uint8]) -> list[Mask]:
    """Areas of one color of a picture, the most frequent color first."""
    left_HW = _apart(lab_HW3, _PAPER) > INK_DELTA
    least = LEAST_SHARE * left_HW.size
    bins_HW = (rgb_HW3 // (256 // _LEVELS)).astype(np.int64) @ np.array([_LEVELS**2, _LEVELS, 1])
    areas: list[Mask] = []
    while left_HW.sum() >= least and len(areas) < MAX_LAYERS:
        commonest = np.bincount(bins_HW[left_HW]).argmax()
        color = np.median(lab_HW3[left_HW & (bins_HW == commonest)], axis=0)
        same_HW = left_HW & (_apart(lab_HW3, color) < SAME_DELTA)
        left_HW &= ~(same_HW | (bins_HW == commonest))
        areas += _connected(same_HW, least)
    return areas[:MAX_LAYERS]


def _apart(lab: Lab, color_3: Lab) -> NDArray[np.float64]:
    """CIEDE2000 of every pixel (...,) to one color."""
    return deltaE_ciede2000(lab, np.broadcast_to(color_3, lab.shape))


def _connected(mask_HW: Mask, least: float) -> list[Mask]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8))
    return [
        labels == number
        for number in range(1, len(stats))
        if stats[number, cv2.CC_STAT_AREA] >= least
    ]


def _layer(lab_THW3: Lab, area_HW: Mask, paper_HW: Mask) -> tuple[float, float] | None:
    """Mean IoU and drift of a layer; None if it is drawn in the last frame only."""
    near_HW = cv2.dilate(area_HW.astype(np.uint8), np.ones((2 * REACH_PX + 1,) * 2)) > 0
    # Where another layer is in the end, this one may have been before: that is no fault.
    near_HW &= area_HW | paper_HW
    color = lab_THW3[-1][area_HW].mean(axis=0)
    apart_TN = _apart(lab_THW3[:, near_HW], color)
    same_TN, area_N = apart_TN < SAME_DELTA, area_HW[near_HW]
    inked_T = np.maximum.accumulate(same_TN[:, area_N], axis=0).mean(axis=1)
    drawn = int(np.argmax(inked_T >= INKED_SHARE))
    if drawn >= len(lab_THW3) - 1:
        return None
    shown_TN = same_TN[drawn:-1]
    together = (shown_TN & area_N).sum(axis=1)
    either = (shown_TN | area_N).sum(axis=1)
    means_T3 = lab_THW3[drawn:-1][:, area_HW].mean(axis=1)
    return float((together / either).mean()), float(_apart(means_T3, color).mean())
