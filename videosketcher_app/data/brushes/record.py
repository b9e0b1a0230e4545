"""A brush as plain values for JSON, so that what it painted can be painted again at any size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from videosketcher_app.data.brushes.model import (
    KINDS,
    MAX_WIDTH_PX,
    NIB_SHAPES,
    Brush,
    Edge,
    Flow,
    Grain,
    Hairs,
    Nib,
    Pigment,
)

_GROUPS: dict[str, type] = {
    "nib": Nib, "edge": Edge, "grain": Grain, "hairs": Hairs, "flow": Flow, "pigment": Pigment,
}  # fmt: skip
_DIGITS = 6
_LARGEST = 1000.0


def brush_mapping(brush: Brush) -> dict[str, Any]:
    """Kind, color, width, and of every group what differs from the defaults."""
    groups = {}
    for name, of_type in _GROUPS.items():
        usual, own = asdict(of_type()), asdict(getattr(brush, name))
        groups[name] = {key: _plain(own[key]) for key in own if own[key] != usual[key]}
    return {
        "kind": brush.kind,
        "color": [_plain(channel) for channel in brush.color],
        "width_px": _plain(brush.width_px),
        **{name: changes for name, changes in groups.items() if changes},
    }


def read_brush(values: object) -> Brush:
    """What `brush_mapping` wrote, to six digits.

    Raises:
        ValueError: it is no brush.
    """
    try:
        assert isinstance(values, Mapping)
        kind, width = values["kind"], _number(values["width_px"], MAX_WIDTH_PX)
        red, green, blue = (_number(channel, 1.0) for channel in values["color"])
        if kind not in KINDS or set(values) - {"kind", "color", "width_px", *_GROUPS}:
            raise ValueError
        groups = {name: _group(of_type, values.get(name, {})) for name, of_type in _GROUPS.items()}
        return Brush(kind=kind, color=(red, green, blue), width_px=width, **groups)
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError("the record of a brush is damaged") from error


def _group(of_type: type, values: Mapping[str, Any]) -> Any:
    known = {field.name for field in fields(of_type)}
    if set(values) - known:
        raise ValueError
    checked = {
        key: _shape(value) if key == "shape" else _number(value, _LARGEST, signed=True)
        for key, value in values.items()
    }
    return of_type(**checked)


def _shape(value: object) -> str:
    if value not in NIB_SHAPES:
        raise ValueError
    return str(value)


def _number(value: object, most: float, *, signed: bool = False) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    if not (-most if signed else 0) <= value <= most:
        raise ValueError
    return float(value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else round(float(value), _DIGITS)
