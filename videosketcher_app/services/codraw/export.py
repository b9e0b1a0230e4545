"""Export of a session: mp4, gif, png, a timed SVG with a layer per hand, and a script to replay.

Pictures are rendered from the strokes of both hands at any size. Where the strokes are not all of
the ink (a background picture, or ink that is no line drawing) they are the frames, scaled.

Legend: N points, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.renderer import picture
from videosketcher_app.data.strokes import Sketch, Stroke, resample
from videosketcher_app.data.svg import svg_text
from videosketcher_app.services.changes import size_of
from videosketcher_app.services.codraw.events import Hand
from videosketcher_app.services.codraw.kept import stroke_values
from videosketcher_app.services.codraw.reel import Picture
from videosketcher_app.services.codraw.turns import Turn
from videosketcher_app.services.codraw.words import Words
from videosketcher_app.services.outputs import folder_name
from videosketcher_app.storage import atomic, media

MIN_SPEED, MAX_SPEED = 0.1, 10.0
END_FRAMES = 12  # the finished drawing is shown so long
_SPACING_PX = 1.0
_LABELS: dict[Hand, str] = {"model": "Model", "you": "You"}
_NAMESPACE = 'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A stroke of a session on the time of its replay.

    Attributes:
        stroke: times are frames from the beginning, without the stillness that fills blocks.
    """

    stroke: Stroke
    hand: Hand
    eraser: bool


@dataclass(frozen=True, kw_only=True)
class _Order:
    path: Sequence[Turn]
    words: Words
    request: CoDrawRequest
    stem: str
    folder: Path
    width_px: int
    height_px: int
    speed: float

    @property
    def fps(self) -> int:
        """Frames a second of the files."""
        return max(1, round(self.request.fps * self.speed))


def check_speed(speed: float) -> None:
    """Refuses a speed that is not possible.

    Raises:
        InvalidRequest: it is out of range.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:  # also refuses NaN
        raise InvalidRequest(
            f"The speed must be from {MIN_SPEED:g} to {MAX_SPEED:g}. Received: {speed}",
            hint="Choose a value in between.",
        )


def export_session(
    path: Sequence[Turn],
    words: Words,
    request: CoDrawRequest,
    kinds: Sequence[str],
    *,
    folder: Path,
    height_px: int | None,
    speed: float,
    name: str | None = None,
) -> dict[str, Path]:
    """The files of a path by kind.

    Args:
        height_px: None is the canvas's own.
        name: what their names begin with; None is the concept.

    Raises:
        InvalidRequest: nothing is drawn yet, or a value is not possible.
        CannotWrite: the folder cannot be written; nothing is left half-written.
    """
    for kind in kinds:
        if kind not in _MAKERS:
            raise InvalidRequest(
                f"There is no export {kind!r}.", hint=f"Choose one of: {', '.join(_MAKERS)}."
            )
    if not path:
        raise InvalidRequest("Nothing is drawn yet.", hint="Draw something first.")
    check_speed(speed)
    width_px, height_px = _size(request, height_px)
    order = _Order(
        path=path,
        words=words,
        request=request,
        stem=name or folder_name(words.plan),
        folder=folder,
        width_px=width_px,
        height_px=height_px,
        speed=speed,
    )
    return {kind: _MAKERS[kind](order) for kind in kinds}


def _size(request: CoDrawRequest, wanted_height_px: int | None) -> tuple[int, int]:
    """(width, height) of the files in pixels."""
    assert request.width is not None
    assert request.height is not None
    if wanted_height_px is None:
        return request.width, request.height
    return size_of(request.width, request.height, wanted_height_px=wanted_height_px)


def drawn_strokes(path: Sequence[Turn]) -> tuple[list[Drawn], int]:
    """All strokes on the time of the replay, and its length in frames."""
    drawn, begun = [], 0
    for turn in path:
        for kept in turn.strokes:
            times = np.clip(kept.stroke.times_N, 0, turn.drawn_frames - 1) + np.float32(begun)
            drawn.append(
                Drawn(
                    stroke=replace(kept.stroke, times_N=times.astype(np.float32)),
                    hand=turn.hand,
                    eraser=kept.eraser,
                )
            )
        begun += turn.drawn_frames
    return drawn, begun


def session_sketch(path: Sequence[Turn], request: CoDrawRequest) -> Sketch:
    """Both hands as one sketch; erasers are strokes of white, and the user's ink covers."""
    drawn, frames = drawn_strokes(path)
    strokes: list[Stroke] = []
    layers: dict[Hand, list[Stroke]] = {"model": [], "you": []}
    for one in drawn:
        if one.eraser:
            white = replace(one.stroke, pen=replace(one.stroke.pen, color=(1.0, 1.0, 1.0)))
            strokes += [*layers["model"], *layers["you"], white]
            layers = {"model": [], "you": []}
        else:
            layers[one.hand].append(one.stroke)
    return _sketch([*strokes, *layers["model"], *layers["you"]], frames, request)


def layered_svg(path: Sequence[Turn], words: Words, request: CoDrawRequest) -> str:
    """A timed SVG with one layer for the model and one for the user, who covers it.

    Ink that was erased later is left out, so that no layer needs white strokes.
    """
    drawn, frames = drawn_strokes(path)
    ink = _after_erasing(drawn)
    description = str(words.plan) if words.planned else ""
    head: list[str] = []
    layers: list[str] = []
    for hand, label in _LABELS.items():
        sketch = _sketch([one.stroke for one in ink if one.hand == hand], frames, request)
        lines = svg_text(sketch, description=description).splitlines()
        begin = next(at for at, line in enumerate(lines) if line.startswith("<g "))
        head = lines[:begin]
        layer = f'<g id="{hand}" {_NAMESPACE} inkscape:groupmode="layer" inkscape:label="{label}" '
        layers += [lines[begin].replace("<g ", layer, 1), *lines[begin + 1 : lines.index("</g>")]]
        layers.append("</g>")
    return "\n".join([*head, *layers, "</svg>", ""])


def script_of(path: Sequence[Turn], words: Words, request: CoDrawRequest) -> dict[str, Any]:
    """What `codraw --script` replays: the request and the turns of this path."""
    turns: list[dict[str, Any]] = []
    for turn in path:
        if turn.hand == "model":
            changed = turn.mode not in (None, request.mode)
            mode = {"mode": turn.mode} if changed else {}
            turns.append({"generate": turn.drawn_frames, "seed": turn.seed, **mode})
        elif turn.strokes:
            turns.append({"draw": [_script_stroke(s, request.fps) for s in turn.strokes]})
    values = request.to_mapping()
    return {"request": {**values, "concept": words.concept}, "turns": turns}


def _script_stroke(kept: Any, fps: int) -> dict[str, Any]:
    values = stroke_values(kept)
    red, green, blue = (round(255 * channel) for channel in values["color"])
    points = [[x, y, frame / fps, pressure] for x, y, frame, pressure in values["points"]]
    return {
        "points": points,
        "color": f"#{red:02x}{green:02x}{blue:02x}",
        "width": values["width"],
        "eraser": values["eraser"],
    }


def _sketch(strokes: Sequence[Stroke], frames: int, request: CoDrawRequest) -> Sketch:
    assert request.width is not None
    assert request.height is not None
    return Sketch(
        strokes=tuple(strokes),
        width_px=request.width,
        height_px=request.height,
        num_frames=frames + END_FRAMES,
        fps=float(request.fps),
        part_names=("drawing",),
    )


def _after_erasing(drawn: Sequence[Drawn]) -> list[Drawn]:
    """The ink that no later eraser took; a stroke may fall into pieces."""
    left: list[Drawn] = []
    for one in drawn:
        left = _erased(left, one.stroke) if one.eraser else [*left, one]
    return left


def _erased(ink: Sequence[Drawn], eraser: Stroke) -> list[Drawn]:
    from scipy.spatial import KDTree

    path_N2 = eraser.points_N2
    if len(path_N2) > 1:
        path_N2 = resample(path_N2, _SPACING_PX)
    tree, reach_px = KDTree(path_N2), eraser.pen.width_px * float(eraser.pressure_N.max()) / 2
    left: list[Drawn] = []
    for one in ink:
        kept_N = np.asarray(tree.query(one.stroke.points_N2)[0]) > reach_px
        if kept_N.all():
            left.append(one)
            continue
        fine = _fine(one.stroke)
        kept_N = np.asarray(tree.query(fine.points_N2)[0]) > reach_px
        left += [replace(one, stroke=piece) for piece in _runs(fine, kept_N)]
    return left


def _fine(stroke: Stroke) -> Stroke:
    """The same stroke with a point every pixel."""
    points_N2 = stroke.points_N2
    if len(points_N2) < 2:
        return stroke
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points_N2, axis=0).T))])
    dense = resample(points_N2, _SPACING_PX)
    at = np.linspace(0, arc[-1], len(dense))
    return replace(
        stroke,
        points_N2=dense,
        times_N=np.interp(at, arc, stroke.times_N).astype(np.float32),
        pressure_N=np.interp(at, arc, stroke.pressure_N).astype(np.float32),
    )


def _runs(stroke: Stroke, kept_N: Any) -> Iterator[Stroke]:
    edges = np.flatnonzero(np.diff(kept_N.astype(np.int8))) + 1
    for at in np.split(np.arange(len(kept_N)), edges):
        if kept_N[at[0]]:
            yield replace(
                stroke,
                points_N2=stroke.points_N2[at],
                times_N=stroke.times_N[at],
                pressure_N=stroke.pressure_N[at],
            )


def _frames(order: _Order) -> Iterator[Picture]:
    """The replay, from strokes if they are all of the ink."""
    if all(turn.traced for turn in order.path):
        sketch = session_sketch(order.path, order.request)
        yield from stream_frames(sketch, order.width_px, order.height_px)
        return
    yield from _scaled_frames(order)


def _scaled_frames(order: _Order) -> Iterator[Picture]:
    last = order.path[0].reel.before_HW3
    for turn in order.path:
        for frame_HW3, _ in turn.reel.frames(0, turn.drawn_frames):
            last = frame_HW3
            yield _scaled(frame_HW3, order)
    for _ in range(END_FRAMES):
        yield _scaled(last, order)


def _scaled(frame_HW3: Picture, order: _Order) -> Picture:
    if frame_HW3.shape[:2] == (order.height_px, order.width_px):
        return frame_HW3
    import cv2

    larger = order.height_px > frame_HW3.shape[0]
    how = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
    size = (order.width_px, order.height_px)
    return np.asarray(cv2.resize(frame_HW3, size, interpolation=how), np.uint8)


def _finished(order: _Order) -> Picture:
    if all(turn.traced for turn in order.path):
        sketch = session_sketch(order.path, order.request)
        return picture(sketch, order.width_px, order.height_px)
    return _scaled(order.path[-1].paper.picture_HW3, order)


def _mp4(order: _Order) -> Path:
    path = order.folder / f"{order.stem}.mp4"
    media.write_video(path, _frames(order), fps=order.fps)
    return path


def _mp4_raw(order: _Order) -> Path:
    path = order.folder / f"{order.stem}_raw.mp4"
    media.write_video(path, _scaled_frames(order), fps=order.fps)
    return path


def _gif(order: _Order) -> Path:
    path = order.folder / f"{order.stem}.gif"
    media.write_gif(path, _frames(order), fps=order.fps, finished_HW3=_finished(order))
    return path


def _png(order: _Order) -> Path:
    path = order.folder / f"{order.stem}.png"
    media.write_png(path, _finished(order))
    return path


def _svg(order: _Order) -> Path:
    path = order.folder / f"{order.stem}.svg"
    request = order.request.model_copy(update={"fps": order.fps})
    atomic.write_text(path, layered_svg(order.path, order.words, request))
    return path


def _script(order: _Order) -> Path:
    path = order.folder / f"{order.stem}_turns.json"
    atomic.write_json(path, script_of(order.path, order.words, order.request))
    return path


_MAKERS: Mapping[str, Callable[[_Order], Path]] = {
    "mp4": _mp4,
    "mp4_raw": _mp4_raw,
    "gif": _gif,
    "png": _png,
    "svg": _svg,
    "script": _script,
}
EXPORTS = tuple(_MAKERS)
