"""Files of every format that a version of the app leaves behind, and what must be read from them.

    python -m tests.faults.kept_formats tests/fixtures/formats/VERSION

Run once for each release and kept from then on: `KINDS` names what is written and how a newer app
reads it; `expected.json` holds what was read by the app that wrote it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from tests.models.lora.made import made, modules_of
from tests.services.codraw.easels import draw_line, play, studio
from tests.services.drawings import drawn
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.brushes.own import own_brushes, save_own
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.outputs import publish, read_request
from videosketcher_app.services.presets import load_presets
from videosketcher_app.services.saved import open_saved
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.storage import atomic
from videosketcher_app.storage.media_reading import read_video
from videosketcher_app.training.latents import (
    SetFacts,
    open_latents,
    row_path,
    start_set,
    write_row,
)

EXPECTED = "expected.json"
Facts = dict[str, Any]


def _write_drawing(folder: Path) -> None:
    publish(drawn(), folder)


def _read_drawing(folder: Path) -> Facts:
    (place,) = [entry for entry in folder.iterdir() if entry.is_dir()]
    saved = open_saved(place)
    clip = read_video(saved.files["mp4"])
    return {
        "request": saved.request.to_mapping(),
        "plan": str(saved.planned.plan),
        "planner": saved.planned.planner,
        "num_strokes": len(saved.strokes.strokes),
        "clip": list(clip.frames_THW3.shape),
    }


def _write_lora(folder: Path) -> None:
    source = folder / "ink.safetensors"
    write_lora(source, adapter_from(made(modules_of(tiny_model().transformer), rank=1, seed=3)))
    LoraLibrary(folder / "loras").add(source, trigger_words=["ink wash"])
    source.unlink()


def _read_lora(folder: Path) -> Facts:
    library = LoraLibrary(folder / "loras")
    (entry,) = library.entries()
    return {
        "name": entry.name,
        "sha256": entry.sha256,
        "fits": entry.fits,
        "ranks": list(entry.ranks),
        "trigger_words": list(entry.trigger_words),
        "read": library.read("ink").sha256,
    }


def _write_sketchbook(folder: Path) -> None:
    books = Sketchbooks(folder)
    books.create("ink")
    strokes = sketch_of_path(wave_points(240, 120, 20, 40)[::4], 240, 120).strokes
    books.add("ink", strokes, width=240, height=120, caption="a wave")


def _read_sketchbook(folder: Path) -> Facts:
    books = Sketchbooks(folder)
    entry = books.book("ink")
    sketches = [books.sketch("ink", row.id) for row in entry.sketches]
    return {
        "flaw": entry.flaw,
        "captions": [sketch.caption for sketch in sketches],
        "sizes": [[sketch.width, sketch.height] for sketch in sketches],
        "num_strokes": [len(sketch.strokes) for sketch in sketches],
    }


def _write_brush(folder: Path) -> None:
    spec = BrushSpec(name="marker_blue", color="#1d3fa6", width_px=6.0)
    preview = np.full((96, 240, 3), 255, np.uint8)
    save_own(folder, "Blue for skies", spec, picture=None, preview_HW3=preview)


def _read_brush(folder: Path) -> Facts:
    brushes = own_brushes(folder)
    return {brush.name: [brush.title, brush.spec.model_dump(mode="json")] for brush in brushes}


def _write_co_drawing(folder: Path) -> None:
    with studio(folder) as opened:
        session = opened.open(concept="a cat", seed=5)
        draw_line(session)
        play(session, 12)
        draw_line(session, (8, 40), (40, 42), number=1)


def _read_co_drawing(folder: Path) -> Facts:
    with studio(folder) as opened:
        (name,) = opened.service.of("")
        state = opened.service.get(name, "").state()
    return {
        "turns": [turn["turn"] for turn in state["turns"]],
        "plan": state["plan"],
        "pending": len(state["pending"]),
    }


def _write_preset(folder: Path) -> None:
    text = "label: Slow\norder: 3\nrequest:\n  num_frames: 81\n  num_inference_steps: 12\n  cfg_scale: 2.5\n"
    atomic.write_text(folder / "slow.yaml", text)


def _read_preset(folder: Path) -> Facts:
    presets, notices = load_presets(folder)
    found = {preset.name: preset for preset in presets}
    return {"notices": len(notices), "label": found["slow"].label, **found["slow"].request}


def _write_request(folder: Path) -> None:
    request = SketchRequest(prompt="a cat", seed=9, num_frames=41, model="tiny")
    atomic.write_json(folder / "request.json", request.to_mapping())


def _read_request(folder: Path) -> Facts:
    text = (folder / "request.json").read_text(encoding="utf-8")
    return read_request(text)[0].to_mapping()


def _write_latents(folder: Path) -> None:
    facts = SetFacts(kind="clips", encoders="tiny", width=48, height=48, num_frames=9)
    start_set(folder / "set", facts)
    latents = torch.arange(3 * 4 * 6 * 6).reshape(3, 4, 6, 6).float() / 100
    write_row(row_path(folder / "set", 0), latents, "a cat", "source")


def _read_latents(folder: Path) -> Facts:
    rows = open_latents(folder / "set")
    prompt, latents = rows[0]
    return {"rows": len(rows), "prompt": prompt, "sum": round(float(latents.sum()), 3)}


class Kind(NamedTuple):
    """A format: writes examples into an empty folder, and says what was read from them."""

    write: Callable[[Path], None]
    read: Callable[[Path], Facts]


KINDS = {
    "drawing": Kind(_write_drawing, _read_drawing),
    "lora": Kind(_write_lora, _read_lora),
    "sketchbook": Kind(_write_sketchbook, _read_sketchbook),
    "brush": Kind(_write_brush, _read_brush),
    "co-drawing": Kind(_write_co_drawing, _read_co_drawing),
    "preset": Kind(_write_preset, _read_preset),
    "request": Kind(_write_request, _read_request),
    "latents": Kind(_write_latents, _read_latents),
}


def main(folder: Path) -> None:
    """Writes every kind into a folder that is not there yet, and what was read from it."""
    expected = {}
    for name, kind in KINDS.items():
        (folder / name).mkdir(parents=True)
        kind.write(folder / name)
        expected[name] = kind.read(folder / name)
    atomic.write_json(folder / EXPECTED, expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
