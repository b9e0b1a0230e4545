"""Screen recordings of drawing, made here, read back: is the order right, is the ink there?

    python -m benchmarks.ingest                    # all 40, one row as each is done
    python -m benchmarks.ingest --cases 3 17 29

A case is a grammar drawing on tinted, uneven paper somewhere on a screen with panels around it,
drawn with a cursor or a hand in the way and pauses in between, and compressed as H.264.

Order: the mean time of ink along every true stroke, as read back, against the truth; share of
pairs of strokes in the true order, a stroke that was not found being wrong in all of its pairs.
Where strokes cross or touch, ink within 6 px of another stroke is left out, since its time is that
of both. The same for the parts of the plan. Ink: intersection over union with the true drawing at 432x240, where
ink within 1.5 px of other ink counts as shared (`evaluation.strokes.ink_iou`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.harness import machine
from videosketcher_app.data import renderer
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.ingest.recordings import read_recording
from videosketcher_app.data.retime import Retiming, retimed
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.evaluation.strokes import SAME_LINE_PX, ink_iou, pair_accuracy
from videosketcher_app.storage.guarded_media import decode_video

NUM_CASES = 40
LEAST_ORDER, LEAST_IOU = 0.95, 0.9
FPS = 25
COLORS = ((0.05, 0.05, 0.05), (0.1, 0.15, 0.55), (0.55, 0.1, 0.1), (0.3, 0.3, 0.3))
TINTS = ((255, 255, 255), (250, 243, 225), (238, 240, 246), (226, 214, 190))
SCREENS = ((52, 54, 60), (120, 124, 130), (205, 205, 205))
OVERLAYS = ("arrow", "cross", "hand", "pen")


@dataclass(frozen=True, kw_only=True, eq=False)
class Screen:
    """One recording to be made.

    Attributes:
        sketch: the truth, 432x240, its frames being frames of the film without its pauses.
        left, top, width, height: of the paper on the screen, in pixels.
        size: of the screen, in pixels.
        tint, ground: colors of paper and screen, 0 to 255.
        overlay: one of OVERLAYS.
        leaves: the cursor is gone in the end.
        pauses: frames of the film before which the pen rests, and for how many frames.
        crf: of the encoder; larger is worse.
    """

    sketch: Sketch
    left: int
    top: int
    width: int
    height: int
    size: tuple[int, int]
    tint: tuple[int, ...]
    ground: tuple[int, ...]
    overlay: str
    leaves: bool
    pauses: dict[int, int]
    crf: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """What was read back of one case; see the module's text."""

    order: float
    part_order: float
    iou: float


def screen_of(case: int) -> Screen:
    """A case by its number, always the same."""
    rng = np.random.default_rng([case, 40])
    names = sorted(programs())
    program = programs()[names[int(rng.integers(len(names)))]]
    sketch = compose(program, rng, wording="name").sketch
    sketch = retimed(sketch, Retiming(speed=float(rng.uniform(0.35, 0.6))))
    color = COLORS[rng.integers(len(COLORS))]
    strokes = tuple(_inked(stroke, color) for stroke in sketch.strokes)
    scale = float(rng.uniform(1.2, 2.0))
    width, height = 2 * round(216 * scale), 2 * round(120 * scale)
    size = (
        2 * int((width + rng.integers(60, 400)) // 2),
        2 * int((height + rng.integers(40, 240)) // 2),
    )
    breaks = rng.choice(
        np.arange(10, sketch.num_frames - 10), size=rng.integers(2, 6), replace=False
    )
    return Screen(
        sketch=Sketch(**{**vars(sketch), "strokes": strokes}),
        left=int(rng.integers(20, size[0] - width - 20)),
        top=int(rng.integers(16, size[1] - height - 16)),
        width=width,
        height=height,
        size=size,
        tint=TINTS[rng.integers(len(TINTS))],
        ground=SCREENS[rng.integers(len(SCREENS))],
        overlay=OVERLAYS[case % len(OVERLAYS)],
        leaves=bool(rng.random() < 0.5),
        pauses={int(frame): int(rng.integers(12, 90)) for frame in breaks},
        crf=int(rng.integers(20, 31)),
        seed=case,
    )


def film(screen: Screen) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of the recording."""
    rng = np.random.default_rng([screen.seed, 41])
    desk, light = _desk(screen, rng)
    box = (
        slice(screen.top, screen.top + screen.height),
        slice(screen.left, screen.left + screen.width),
    )
    path = pen_path(screen)
    still, (x, y) = desk, path[0]
    for index, page in enumerate(stream_frames(screen.sketch, screen.width, screen.height)):
        still = desk.copy()
        still[box] = np.clip(page * light, 0, 255).astype(np.uint8)
        x, y = path[index]
        rest = screen.pauses.get(index, 0)
        wander = (
            np.cumsum(rng.normal(0, 4, (rest, 2)), axis=0)
            if rng.random() < 0.5
            else np.zeros((rest, 2))
        )
        for dx, dy in wander:
            yield _with_overlay(still, screen, x + dx, y + dy)
        yield _with_overlay(still, screen, x, y)
    for step in range(30):
        away = 40.0 * step if screen.leaves else 0.0
        yield _with_overlay(still, screen, x + away, y + away)


def write_film(screen: Screen, path: Path) -> None:
    """Writes the recording as H.264, compressed as screen recorders do."""
    with av.open(str(path), "w") as container:
        options = {"crf": str(screen.crf), "preset": "veryfast", "threads": "1"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = screen.size
        stream.pix_fmt = "yuv420p"
        for frame in film(screen):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def pen_path(screen: Screen) -> NDArray[np.float64]:
    """Where the pen is in every frame of the drawing, (T, 2) screen pixels."""
    sketch = screen.sketch.scaled(screen.width, screen.height)
    times = np.concatenate([stroke.times_N for stroke in sketch.strokes])
    points = np.concatenate([stroke.points_N2 for stroke in sketch.strokes])
    frames = np.arange(sketch.num_frames)
    x, y = (np.interp(frames, times, points[:, axis]) for axis in (0, 1))
    return np.stack([x + screen.left, y + screen.top], axis=1)


def score(sketch: Sketch, truth: Sketch) -> Score:
    """How close a sketch that was read back is to the one that was filmed."""
    found = sketch.scaled(truth.width_px, truth.height_px)
    tree = KDTree(np.concatenate([stroke.points_N2 for stroke in found.strokes]))
    times = np.concatenate([stroke.times_N for stroke in found.strokes])
    seen, lengths = [], []
    for stroke in truth.strokes:
        distance, nearest = tree.query(stroke.points_N2)
        near = np.asarray(distance) <= SAME_LINE_PX
        if (near & _alone(stroke, truth)).any():
            near &= _alone(stroke, truth)
        seen.append(float(times[nearest][near].mean()) if near.any() else np.nan)
        lengths.append(len(stroke.points_N2))
    true = [float(stroke.times_N.mean()) for stroke in truth.strokes]
    parts = np.array([stroke.part for stroke in truth.strokes])
    weights = np.array(lengths, float)
    by_part = [
        (
            float(np.average(np.array(true)[parts == p], weights=weights[parts == p])),
            float(np.average(np.array(seen)[parts == p], weights=weights[parts == p])),
        )
        for p in np.unique(parts)
    ]
    return Score(
        order=_order(true, seen),
        part_order=_order(*(list(column) for column in zip(*by_part, strict=True))),
        iou=ink_iou(renderer.picture(found), renderer.picture(truth)),
    )


def _alone(stroke: Stroke, sketch: Sketch) -> NDArray[np.bool_]:
    """True for the points of a stroke that no other stroke comes near."""
    others = [other.points_N2 for other in sketch.strokes if other is not stroke]
    if not others:
        return np.ones(len(stroke.points_N2), bool)
    distance, _ = KDTree(np.concatenate(others)).query(stroke.points_N2)
    return np.asarray(distance) > 2 * SAME_LINE_PX


def measure(case: int, folder: Path) -> dict[str, Any]:
    """One case: made, read back and scored."""
    screen = screen_of(case)
    path = folder / f"{case}.mp4"
    write_film(screen, path)
    begun = time.perf_counter()
    clip = decode_video(path, time_limit_s=300)
    sketch = read_recording(clip.frames_THW3, clip.fps)
    seconds = time.perf_counter() - begun
    path.unlink()
    rounded = {name: round(value, 4) for name, value in vars(score(sketch, screen.sketch)).items()}
    facts = {"overlay": screen.overlay, "crf": screen.crf, "strokes": len(screen.sketch.strokes)}
    return {
        "case": case,
        **rounded,
        **facts,
        "found": len(sketch.strokes),
        "seconds": round(seconds, 2),
    }


def _order(true: list[float], seen: list[float]) -> float:
    rank = np.argsort(np.argsort(np.array(seen)[np.argsort(true, kind="stable")], kind="stable"))
    lost = int(np.isnan(seen).sum())
    count = len(true)
    if not lost:
        return pair_accuracy(rank.tolist())
    known = [s for s in np.array(seen)[np.argsort(true, kind="stable")] if np.isfinite(s)]
    good = pair_accuracy(np.argsort(np.argsort(known)).tolist()) * len(known) * (len(known) - 1)
    return good / max(1, count * (count - 1))


def _inked(stroke: Stroke, color: tuple[float, float, float]) -> Stroke:
    pen = type(stroke.pen)(**{**vars(stroke.pen), "color": color})
    return type(stroke)(**{**vars(stroke), "pen": pen})


def _desk(
    screen: Screen, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The screen without paper, and the factor by which light and tint change white paper."""
    width, height = screen.size
    desk = np.full((height, width, 3), screen.ground, np.uint8)
    panel = tuple(int(c) for c in np.clip(np.array(screen.ground) * 1.15 + 8, 0, 255))
    cv2.rectangle(desk, (0, 0), (width, 10), panel, -1)
    for y in range(20, height - 20, 26):
        cv2.rectangle(
            desk, (4, y), (15, y + 14), tuple(int(c) for c in rng.integers(60, 200, 3)), -1
        )
    x, y = np.meshgrid(np.linspace(-1, 1, screen.width), np.linspace(-1, 1, screen.height))
    a, b, c = rng.uniform(-0.05, 0.05, 3)
    shade = np.clip(1 + a * x + b * y - abs(c) * (x**2 + y**2), 0, 1.0)
    grain = rng.normal(0, 0.004, shade.shape)
    return desk, (shade + grain)[..., None] * np.array(screen.tint) / 255


def _with_overlay(
    still: NDArray[np.uint8], screen: Screen, x: float, y: float
) -> NDArray[np.uint8]:
    """A frame with the cursor or the hand, its tip at x, y."""
    frame = still.copy()
    tip = np.array([round(x), round(y)])
    if screen.overlay == "arrow":
        shape = (
            tip + np.array([(0, 0), (0, 17), (4, 13), (8, 20), (11, 19), (7, 12), (12, 12)])
        ).astype(np.int32)
        cv2.fillPoly(frame, [shape], (255, 255, 255))
        cv2.polylines(frame, [shape], True, (0, 0, 0), 1, cv2.LINE_AA)
    elif screen.overlay == "cross":
        for dx, dy in ((9, 0), (0, 9)):
            a, b = _moved(tip, -dx, -dy), _moved(tip, dx, dy)
            cv2.line(frame, a, b, (20, 20, 20), 1)
    elif screen.overlay == "pen":
        end = _moved(tip, 38, -52)
        cv2.line(frame, tip.tolist(), end, (40, 60, 140), 7, cv2.LINE_AA)
        cv2.line(frame, tip.tolist(), _moved(tip, 5, -7), (30, 30, 30), 4, cv2.LINE_AA)
    else:
        cv2.line(frame, tip.tolist(), _moved(tip, 30, 34), (60, 50, 40), 6, cv2.LINE_AA)
        cv2.line(
            frame,
            _moved(tip, 70, 90),
            _moved(tip, 400, 420),
            (205, 160, 130),
            60,
            cv2.LINE_AA,
        )
        cv2.ellipse(
            frame, _moved(tip, 52, 62), (46, 38), 40, 0, 360, (214, 170, 140), -1, cv2.LINE_AA
        )
    return frame


def _moved(tip: NDArray[np.int64], dx: int, dy: int) -> list[int]:
    return (tip + np.array([dx, dy])).tolist()


def main() -> int:
    """Prints a row a case and one JSON line; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, nargs="*", default=list(range(NUM_CASES)))
    chosen = parser.parse_args().cases
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            rows.append(measure(case, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    figures = {
        name: {"mean": round(statistics.mean(values), 4), "min": round(min(values), 4)}
        for name in ("order", "part_order", "iou")
        if (values := [row[name] for row in rows])
    }
    print(json.dumps({"bench": "ingest", "cases": len(rows), **figures, **machine()}))
    met = figures["order"]["mean"] >= LEAST_ORDER and figures["iou"]["mean"] >= LEAST_IOU
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
