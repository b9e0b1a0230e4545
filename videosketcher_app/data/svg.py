"""Timed SVG out and in: one path a stroke, replaying by itself in a browser without scripts.

Every `<path>` carries `data-start` and `data-end` (seconds), `data-part` ("1. head", as in the
plan), color and width. Points of a stroke are the nodes of smooth cubic curves; corners stay sharp.
Where the pen's pace or pressure changes along a stroke, `data-times` (seconds) and `data-pressure`
give the value at every node; a stroke is shown with its mean width. The animation is SMIL on the
dash offset and its attributes are set by the animation itself, so a viewer that cannot animate
shows the finished drawing.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray
from svgelements import SVG, Close, Path

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.strokes import FloatArray, Pen, Sketch, Stroke

HOLD_S = 2.0  # the finished drawing is shown this long before it is drawn again
SIMPLIFY_PX = 0.12  # nodes that move the line by less are left out
SHARP_COSINE = 0.75  # a node whose directions differ by more than about 41 degrees is a corner
STEADY = 0.01  # pressure that changes by less is constant
MAX_BYTES = 20_000_000
MAX_STROKES = 20_000
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_text(
    sketch: Sketch,
    *,
    description: str = "",
    metadata: Mapping[str, object] | None = None,
    simplify_px: float = SIMPLIFY_PX,
    animated: bool = True,
) -> str:
    """The sketch as an SVG document; the same sketch gives the same text.

    Args:
        description: what `<desc>` says, usually the plan's one-line text.
        metadata: the request or other facts that JSON can hold.
        simplify_px: how far leaving out nodes may move a line; 0 keeps every point.
        animated: False leaves out the animation and keeps the timing attributes.
    """
    size = f'width="{sketch.width_px}" height="{sketch.height_px}"'
    names = json.dumps(list(sketch.part_names), ensure_ascii=False)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {sketch.width_px} {sketch.height_px}" data-fps="{_number(sketch.fps, 4)}" '
        f'data-frames="{sketch.num_frames}" data-parts={_attribute(names)}>'
    ]
    if description:
        lines.append(f"<desc>{escape(_clean(description))}</desc>")
    if metadata is not None:
        facts = json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False)
        lines.append(f"<metadata>{escape(_clean(facts))}</metadata>")
    lines.append('<rect width="100%" height="100%" fill="#ffffff"/>')
    lines.append('<g fill="none" stroke-linecap="round" stroke-linejoin="round">')
    lines += [_path(stroke, sketch, simplify_px, animated) for stroke in sketch.strokes]
    return "\n".join([*lines, "</g>", "</svg>", ""])


def read_svg(text: str) -> Sketch:
    """The sketch of a document that `svg_text` wrote.

    Raises:
        InvalidFile: the text is no SVG, is too large, or lacks the timing of this product.
    """
    if len(text) > MAX_BYTES or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidFile(
            f"The SVG is larger than {MAX_BYTES // 1_000_000} MB or declares entities.",
            hint="Open an SVG that this app wrote.",
        )
    try:
        document = SVG.parse(io.StringIO(text))
        return _sketch(document)
    except (ParseError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InvalidFile(
            "The file is not an SVG with timed strokes.", hint="Open an SVG that this app wrote."
        ) from error


def _path(stroke: Stroke, sketch: Sketch, simplify_px: float, animated: bool) -> str:
    keep = _nodes(stroke, simplify_px, sketch.fps)
    points, times = stroke.points_N2[keep], stroke.times_N[keep] / sketch.fps
    pressure = stroke.pressure_N[keep]
    mean = float(stroke.pressure_N.mean())
    attributes = [
        f'd="{_path_data(points)}"',
        f'data-start="{_number(times[0], 4)}" data-end="{_number(times[-1], 4)}"',
        f"data-part={_attribute(_part_label(stroke.part, sketch.part_names))}",
        f'stroke="{_hex(stroke.pen.color)}" stroke-width="{_number(stroke.pen.width_px * mean, 3)}"',
        f'data-pen-width="{_number(stroke.pen.width_px, 3)}"',
    ]
    if stroke.pen.opacity < 1:
        attributes.append(f'stroke-opacity="{_number(stroke.pen.opacity, 3)}"')
    if stroke.pen.nib != "round":
        attributes.append(f'data-nib="{stroke.pen.nib} {_number(stroke.pen.nib_angle, 4)}"')
    if len(points) == 1:
        attributes.append('data-dot="1"')
    if not _steady(points, times, sketch.fps):
        attributes.append(f'data-times="{_numbers(times, 4)}"')
    if np.ptp(pressure) > STEADY or abs(float(pressure[0]) - 1) > STEADY:
        attributes.append(f'data-pressure="{_numbers(pressure, 3)}"')
    if not animated:
        return f"<path {' '.join(attributes)}/>"
    return f'<path pathLength="1" {" ".join(attributes)}>{_animation(points, times, sketch)}</path>'


def _nodes(stroke: Stroke, tolerance_px: float, fps: float) -> NDArray[np.int64]:
    """Indices of the points that keep line, timing and pressure within the tolerance."""
    count = len(stroke.points_N2)
    if count < 3 or tolerance_px <= 0:
        return np.arange(count)
    # A tenth of a frame and a tenth of the pen's width count as much as the tolerance.
    features = np.column_stack(
        [
            stroke.points_N2,
            stroke.times_N * (tolerance_px / 0.1),
            stroke.pressure_N * (tolerance_px / 0.1),
        ]
    ).astype(np.float64)
    keep = np.zeros(count, bool)
    keep[[0, -1]] = True
    open_spans = [(0, count - 1)]
    while open_spans:
        a, b = open_spans.pop()
        if b - a < 2:
            continue
        share = _arc(stroke.points_N2[a : b + 1])[1:-1, None]
        straight = features[a] + share * (features[b] - features[a])
        miss = np.abs(features[a + 1 : b] - straight).max(axis=1)
        if miss.max() > tolerance_px:
            middle = a + 1 + int(miss.argmax())
            keep[middle] = True
            open_spans += [(a, middle), (middle, b)]
    return np.flatnonzero(keep)


def _arc(points_N2: FloatArray) -> NDArray[np.float64]:
    """Share of the polyline's length that lies before every point."""
    steps = np.hypot(*np.diff(points_N2.astype(np.float64), axis=0).T)
    total = float(steps.sum())
    if total == 0:
        return np.linspace(0, 1, len(points_N2))
    return np.concatenate([[0.0], np.cumsum(steps) / total])


def _steady(points_N2: FloatArray, times_N: FloatArray, fps: float) -> bool:
    """True if the pen's pace is constant within a twentieth of a frame."""
    even = (
        times_N[0] + _arc(points_N2) * (times_N[-1] - times_N[0]) if len(times_N) > 1 else times_N
    )
    return bool(np.abs(even - times_N).max() <= 0.05 / fps)


def _path_data(points_N2: FloatArray) -> str:
    start = f"M{_pair(points_N2[0])}"
    if len(points_N2) == 1:
        return f"{start}l0.01 0"
    if len(points_N2) == 2:
        return f"{start}L{_pair(points_N2[1])}"
    return start + "".join(
        f"C{_pair(a)} {_pair(b)} {_pair(end)}" for a, b, end in bezier_curves(points_N2)
    )


def bezier_curves(points_N2: FloatArray) -> NDArray[np.float64]:
    """Cubic curves through N >= 2 points (Catmull-Rom), with straight tangents at corners.

    Returns (N - 1, 3, 2): the two control points and the end of every curve; the first begins at
    the first point.
    """
    p = points_N2.astype(np.float64)
    steps = np.diff(p, axis=0)
    lengths = np.maximum(np.hypot(*steps.T), 1e-9)
    units = steps / lengths[:, None]
    tangents = np.zeros_like(p)
    smooth = (units[:-1] * units[1:]).sum(axis=1) > SHARP_COSINE
    blend = units[:-1] * lengths[1:, None] + units[1:] * lengths[:-1, None]
    norm = np.maximum(np.hypot(*blend.T), 1e-9)[:, None]
    tangents[1:-1] = np.where(smooth[:, None], blend / norm, 0)
    reach = lengths[:, None] / 3
    first, second = p[:-1] + tangents[:-1] * reach, p[1:] - tangents[1:] * reach
    return np.stack([first, second, p[1:]], axis=1)


def _animation(points_N2: FloatArray, times_s: FloatArray, sketch: Sketch) -> str:
    """The line is hidden, grows from start to end, and stays until the clip begins again."""
    total = sketch.num_frames / sketch.fps + HOLD_S
    share = np.clip(np.asarray(times_s, np.float64) / total, 0, 1)
    arc = _arc(points_N2) if len(points_N2) > 1 else np.ones(1)
    # An offset of a little more than the whole line hides its round cap too.
    keys, values = [0.0, float(share[0])], [1.02, 1.02]
    for at, done in zip(share[1:], arc[1:], strict=True):
        keys.append(float(at))
        values.append(1 - float(done))
    keys += [keys[-1], 1.0]
    values += [0.0, 0.0]
    return (
        '<set attributeName="stroke-dasharray" to="1 2" begin="0s"/>'
        f'<animate attributeName="stroke-dashoffset" begin="0s" dur="{_number(total, 4)}s" '
        f'repeatCount="indefinite" keyTimes="{_numbers(keys, 5, ";")}" '
        f'values="{_numbers(values, 4, ";")}"/>'
    )


def _sketch(document: SVG) -> Sketch:
    root = _attributes(document)
    fps = float(root["data-fps"])
    paths = [element for element in document.elements() if type(element) is Path]
    if len(paths) > MAX_STROKES or not (math.isfinite(fps) and fps > 0):
        raise ValueError
    return Sketch(
        strokes=tuple(_stroke(path, fps) for path in paths),
        width_px=int(root["width"]),
        height_px=int(root["height"]),
        num_frames=int(root["data-frames"]),
        fps=fps,
        part_names=tuple(str(name) for name in json.loads(root["data-parts"])),
    )


def _attributes(element: SVG | Path) -> Mapping[str, str]:
    """What stands in the element itself, without what it inherits."""
    if element.values is None:
        raise ValueError
    return element.values["attributes"]


def _stroke(path: Path, fps: float) -> Stroke:
    values = _attributes(path)
    nodes = [(s.end.x, s.end.y) for s in path if not isinstance(s, Close)]
    points = np.array(nodes[:1] if "data-dot" in values else nodes, np.float32).reshape(-1, 2)
    if not (len(points) and np.isfinite(points).all()):
        raise ValueError
    start, end = float(values["data-start"]), float(values["data-end"])
    even = start + _arc(points) * (end - start) if len(points) > 1 else np.array([start])
    times = _listed(values, "data-times", even) * fps
    pressure = _listed(values, "data-pressure", np.ones(len(points)))
    nib, _, angle = values.get("data-nib", "round 0.7").partition(" ")
    red, green, blue = (int(values["stroke"][i : i + 2], 16) / 255 for i in (1, 3, 5))
    return Stroke(
        points_N2=points,
        times_N=times.astype(np.float32),
        pressure_N=pressure.astype(np.float32),
        part=int(values["data-part"].partition(".")[0]) - 1,
        pen=Pen(
            color=(red, green, blue),
            width_px=float(values["data-pen-width"]),
            opacity=float(values.get("stroke-opacity", 1)),
            nib=nib if nib in {"round", "chisel"} else "round",
            nib_angle=float(angle),
        ),
    )


def _listed(values: Mapping[str, str], name: str, default: NDArray) -> NDArray[np.float64]:
    if name not in values:
        return default
    listed = np.array([float(v) for v in values[name].split()])
    if listed.shape != default.shape or not np.isfinite(listed).all():
        raise ValueError
    return listed


def _part_label(part: int, names: tuple[str, ...]) -> str:
    return f"{part + 1}. {names[part]}" if part < len(names) else f"{part + 1}."


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, c))):02x}" for c in color)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


def _pair(point: Iterable[float]) -> str:
    return " ".join(_number(float(v), 2) for v in point)


def _numbers(values: Iterable[float], digits: int, joint: str = " ") -> str:
    return joint.join(_number(float(v), digits) for v in values)


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
