"""`bench brush`: what a brush adds to a sketch, and what re-ink costs.

Sketches with and without a brush run in turns in one process, published files included; re-ink paints
81 frames of a finished drawing's strokes with every medium of the shelf, files not included.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import machine, spread, timed
from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import DEFAULT_MODEL, BrushSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.brushes.reink import reinked_frames
from videosketcher_app.data.brushes.variety import media
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.engines.brush import BY_MODEL
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination

CONCEPT, BRUSH = "a cat", BrushSpec(name="marker_blue")
MOST_EXTRA_SHARE, MOST_REINK_S = 0.10, 1.0
REINKED = ("cat", "house", "bicycle")


def measure(
    *, model: str | None = None, device: str | None = None, runs: int = 3
) -> Iterator[dict[str, Any]]:
    """Yields one JSON object for sketches in turns, and one for re-ink."""
    yield {
        "bench": "brush",
        "what": "sketch, plain and with a brush",
        **_turns(model, device, runs),
    }
    yield {"bench": "brush", "what": "re-ink of 81 frames", **_reink(runs)}


def _turns(model: str | None, device: str | None, runs: int) -> dict[str, Any]:
    settings, name = load_settings(device=device), model or DEFAULT_MODEL
    plain = SketchRequest(prompt=CONCEPT, model=name)
    brush = plain.replaced(brush=BRUSH)
    with (
        tempfile.TemporaryDirectory() as folder,
        build(settings) as text_services,  # each keeps its model in memory
        build(settings) as brush_services,
    ):
        _seconds(text_services, plain, Path(folder))
        painted = _seconds(brush_services, brush, Path(folder))[1]
        text_s, brush_s = [], []
        for seed in range(1, runs + 1):
            text_s.append(_seconds(text_services, plain.replaced(seed=seed), Path(folder))[0])
            brush_s.append(_seconds(brush_services, brush.replaced(seed=seed), Path(folder))[0])
    share = statistics.median(brush_s) / statistics.median(text_s) - 1
    return {
        "runs": runs,
        "painted": painted,
        "seconds_plain": spread(text_s),
        "seconds_brush": spread(brush_s),
        "extra_share": round(share, 4),
        "bar": f"as the plain sketch plus at most {MOST_EXTRA_SHARE:.0%}, painted by the model",
        "passes": share <= MOST_EXTRA_SHARE and painted == BY_MODEL,
        "machine": machine(),
    }


def _seconds(services: Services, request: SketchRequest, folder: Path) -> tuple[float, str]:
    begun, painted = time.perf_counter(), ""
    for event in services.generation.run(request, destination=Destination(folder=folder)):
        if isinstance(event, Done):
            painted = str(event.drawing.settings.get("painted", "plain"))
    return time.perf_counter() - begun, painted


def _reink(runs: int) -> dict[str, Any]:
    sketches = [
        compose(programs()[name], np.random.default_rng(1), drop=False).sketch for name in REINKED
    ]
    seconds: dict[str, float] = {}
    for brush in media():
        taken = [
            timed(lambda s=sketch, b=brush: list(reinked_frames(s, b)))
            for sketch in sketches
            for _ in range(runs)
        ]
        seconds[brush.kind] = round(statistics.median(taken), 3)
    return {
        "drawings": len(sketches),
        "seconds": seconds,
        "slowest": max(seconds.values()),
        "bar": f"every medium under {MOST_REINK_S:g} s",
        "passes": max(seconds.values()) < MOST_REINK_S,
    }


if __name__ == "__main__":
    from videosketcher_app.cli.main import main

    sys.exit(main(["bench", "brush", *sys.argv[1:]]))
