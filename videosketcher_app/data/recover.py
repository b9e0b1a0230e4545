"""Strokes recovered from a finished video: time of ink, centerlines, pen paths, parts.

What a video cannot tell is guessed and stays a guess: the order of marks that appear within the
same frame, the direction of a line that does, and where one part of the plan ends and the next
begins (see `data.parting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.fitting import fit_strokes
from videosketcher_app.data.ink import InkMap, ink_map
from videosketcher_app.data.joining import Trace
from videosketcher_app.data.mending import line_width, mended
from videosketcher_app.data.parting import assign_parts
from videosketcher_app.data.skeleton import centerline_pieces, line_mask
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.data.tracing import FINE_QUANTUM_FRAMES, time_quantum, trace_strokes

SCRAP_WIDTHS = 1.6  # a path at a junction that is shorter than this many widths is no stroke


def recover_sketch(
    frames_THW3: NDArray[np.uint8],
    *,
    part_names: Sequence[str] = (),
    fps: float = DEFAULT_FPS,
) -> Sketch:
    """The strokes of a clip (T, H, W, 3) uint8 in the order in which they were drawn.

    Args:
        part_names: names of the plan's parts in drawing order; every stroke belongs to one of
            them, or to part 0 if there are none.

    A clip without ink gives a sketch without strokes.
    """
    num_frames, height_px, width_px = frames_THW3.shape[:3]
    strokes = recover_strokes(ink_map(frames_THW3))
    parts = assign_parts(strokes, max(1, len(part_names)))
    return Sketch(
        strokes=tuple(
            replace(stroke, part=part) for stroke, part in zip(strokes, parts, strict=True)
        ),
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
        fps=fps,
        part_names=tuple(part_names),
    )


def recover_strokes(ink: InkMap) -> list[Stroke]:
    """The strokes of a map of ink in drawing order, all in part 0."""
    mask_HW = line_mask(ink.darkness_HW)
    if not mask_HW.any():
        return []
    pieces = centerline_pieces(ink, mask_HW)
    quantum = time_quantum(pieces)
    traces = trace_strokes(pieces, mask_HW)
    if quantum > FINE_QUANTUM_FRAMES:  # a decoder's lines are as coarse as its time
        traces = mended(traces, mask_HW, quantum)
    traces = _without_scraps(traces, mask_HW)
    pace = _pace(traces)
    strokes = fit_strokes(traces, ink, mask_HW, quantum=quantum, pace=pace)
    return _in_order(strokes, [trace.directed for trace in traces])


def _without_scraps(traces: list[Trace], mask_HW: NDArray[np.bool_]) -> list[Trace]:
    """Leaves out the stubs that thinning makes where lines meet."""
    width = line_width(traces, mask_HW)
    kept = [
        trace for trace in traces if not any(trace.joined) or trace.length_px > SCRAP_WIDTHS * width
    ]
    return kept or traces


def _pace(traces: list[Trace]) -> float:
    """Frames a pixel of the pen over the whole clip."""
    spans = [np.nanmax(trace.times_N) - np.nanmin(trace.times_N) for trace in traces]
    length = sum(t.length_px for t, span in zip(traces, spans, strict=True) if span > 1)
    return float(sum(span for span in spans if span > 1) / length) if length else 0.04


def _in_order(strokes: list[Stroke], directed: list[bool]) -> list[Stroke]:
    """Strokes by the middle of their time; undirected ones start near the end of the last."""
    middle = [(stroke.start + stroke.end) / 2 for stroke in strokes]
    ordered: list[Stroke] = []
    for index in sorted(range(len(strokes)), key=lambda i: (middle[i], i)):
        stroke = strokes[index]
        if ordered and not directed[index]:
            pen = ordered[-1].points_N2[-1]
            to_start, to_end = np.hypot(*(stroke.points_N2[[0, -1]] - pen).T)
            if to_end < to_start:
                stroke = _reversed(stroke)
        ordered.append(stroke)
    return ordered


def _reversed(stroke: Stroke) -> Stroke:
    return replace(
        stroke,
        points_N2=stroke.points_N2[::-1].copy(),
        times_N=(stroke.start + stroke.end - stroke.times_N[::-1]).astype(np.float32),
        pressure_N=stroke.pressure_N[::-1].copy(),
    )
