"""Strokes as JSON values: how every file of this product that is no SVG keeps them.

    {"points": [[x, y, time, pressure], ...], "color": [0.1, 0.2, 0.6], "width": 2.2,
     "opacity": 1.0, "nib": "round", "nib_angle": 0.7, "part": 0}

Positions are pixels of the canvas, times frames, and `width` the line's full width in pixels at
pressure 1. `points` may leave out the pressure (1 then) or the time too (0 then: the order counts
and the pace is made up); all points of a stroke hold as many numbers. `color` may also be written
"#1a3399". Everything but the points may be left out. Fields that a reader does not know are left
to their owners: a co-drawing notes `eraser` and `seconds` beside these.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.strokes import NIBS, Pen, Stroke

MAX_STROKE_POINTS = 20_000
MAX_COORDINATE_PX = 1e5
MAX_WIDTH_PX = 1000.0
MAX_TIME_FRAMES = 1e7
MAX_PRESSURE = 16.0
MAX_PARTS = 1000


def values_of(stroke: Stroke) -> dict[str, Any]:
    """A stroke as JSON values, exact to the last bit."""
    pen = stroke.pen
    rows_N4 = np.column_stack([stroke.points_N2, stroke.times_N, stroke.pressure_N])
    values: dict[str, Any] = {
        "points": rows_N4.astype(float).tolist(),
        "color": list(pen.color),
        "width": pen.width_px,
        "opacity": pen.opacity,
        "part": stroke.part,
    }
    if pen.nib != "round":
        values |= {"nib": pen.nib, "nib_angle": pen.nib_angle}
    return values


def stroke_from(values: Any, where: str) -> Stroke:
    """The stroke of `values_of`, or of a person's file.

    Args:
        where: what the messages call it, such as "Stroke 3".

    Raises:
        InvalidFile: a field is missing or impossible; the message names it.
    """
    if not isinstance(values, Mapping):
        raise wrong_field(where, "", values, 'Write {"points": [[x, y, time, pressure], ...]}.')
    table_N4 = _rows(values.get("points"), where)
    return Stroke(
        points_N2=table_N4[:, :2].copy(),
        # A pen never goes back in time; files that were edited by hand may say so.
        times_N=np.maximum.accumulate(table_N4[:, 2]),
        pressure_N=table_N4[:, 3].copy(),
        part=_part(values.get("part", 0), where),
        pen=_pen(values, where),
    )


def wrong_field(where: str, field: str, value: object, hint: str) -> InvalidFile:
    """The error for one field of a file: where it is, what it holds, what to do."""
    name = f"{where}, field {field!r}" if field else where
    return InvalidFile(f"{name}: this cannot be used: {reprlib.repr(value)}.", hint=hint)


def number_in(
    value: object, low: float, high: float, *, where: str, field: str, unit: str = ""
) -> float:
    """A number of a file, if it lies in the range.

    Raises:
        InvalidFile: it is none, or lies outside.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    hint = f"Give a number from {low:g} to {high:g}{unit}."
    raise wrong_field(where, field, value, hint)


def _rows(points: object, where: str) -> np.ndarray:
    """Points as (N, 4) float32: x, y, time, pressure."""
    table = np.zeros((0, 0))
    with suppress(TypeError, ValueError, OverflowError):
        table = np.asarray(points, np.float64)
    if table.ndim != 2 or not len(table) or not 2 <= table.shape[1] <= 4:
        hint = "Give a list of [x, y, time, pressure]; time and pressure may be left out."
        raise wrong_field(where, "points", points, hint)
    if len(table) > MAX_STROKE_POINTS:
        raise InvalidFile(
            f"{where}, field 'points': {len(table):,} points.",
            hint=f"A stroke has at most {MAX_STROKE_POINTS:,}: leave out some, or split it.",
        )
    filled_N4 = np.tile(np.array([0.0, 0.0, 0.0, 1.0]), (len(table), 1))
    filled_N4[:, : table.shape[1]] = table
    limits = (MAX_COORDINATE_PX, MAX_COORDINATE_PX, MAX_TIME_FRAMES, MAX_PRESSURE)
    low = np.array([-MAX_COORDINATE_PX, -MAX_COORDINATE_PX, -MAX_TIME_FRAMES, 0.0])
    good_N = ((filled_N4 >= low) & (filled_N4 <= np.array(limits))).all(axis=1)
    if not good_N.all():
        first = int(np.argmin(good_N))
        hint = f"Correct or remove point {first + 1}."
        raise wrong_field(where, "points", table[first].tolist(), hint)
    return filled_N4.astype(np.float32)


def _pen(values: Mapping[str, Any], where: str) -> Pen:
    nib = values.get("nib", "round")
    if nib not in NIBS:
        raise wrong_field(where, "nib", nib, f"Use one of: {', '.join(NIBS)}.")
    width = number_in(
        values.get("width", 2.2), 1e-3, MAX_WIDTH_PX, where=where, field="width", unit=" pixels"
    )
    return Pen(
        color=_color(values.get("color", [0.0, 0.0, 0.0]), where),
        width_px=width,
        opacity=number_in(values.get("opacity", 1.0), 1e-3, 1.0, where=where, field="opacity"),
        nib=nib,
        nib_angle=number_in(
            values.get("nib_angle", 0.7), -math.tau, math.tau, where=where, field="nib_angle"
        ),
    )


def _color(value: object, where: str) -> tuple[float, float, float]:
    """RGB in [0, 1] of [r, g, b] or "#rrggbb"."""
    with suppress(ValueError):
        if isinstance(value, str) and len(value) == 7 and value[0] == "#":
            red, green, blue = bytes.fromhex(value[1:])
            return red / 255, green / 255, blue / 255
    channels = value if isinstance(value, list | tuple) and len(value) == 3 else ()
    numbers = [c for c in channels if isinstance(c, int | float) and 0 <= c <= 1]
    if len(numbers) != 3:
        hint = 'Write "#1a3399", or three numbers from 0 to 1.'
        raise wrong_field(where, "color", value, hint)
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


def _part(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_PARTS:
        return value
    raise wrong_field(where, "part", value, "Give the part's number, from 0.")
