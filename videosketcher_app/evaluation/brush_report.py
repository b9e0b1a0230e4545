"""What the command `evaluate brush` runs: drawings of all cases, their figures, and a sheet of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from videosketcher_app.core.errors import MissingModel
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.evaluation.brush import (
    BrushScore,
    brush_rows,
    plain_row,
    score_brush_clips,
    score_finished,
    true_clips,
)
from videosketcher_app.evaluation.brush_cases import BrushCase, brush_cases
from videosketcher_app.evaluation.report import default_clips
from videosketcher_app.evaluation.texture import TextureJudge, load_judge
from videosketcher_app.storage import atomic

if TYPE_CHECKING:
    from videosketcher_app.data.brushes.condition import ConditionFrame
    from videosketcher_app.evaluation.brush import RoundTrip
    from videosketcher_app.models.pocket import PocketModel

Clip = NDArray[np.uint8]
TILE = (216, 120)


def brush_report(
    *,
    model: str,
    device: str = "cpu",
    limit: int | None = None,
    output_dir: Path | None = None,
    batch_size: int = 4,
    num_workers: int = 0,
) -> list[dict[str, Any]]:
    """Draws and scores brushes times plans with a model at its default preset.

    Args:
        model: name in the catalogue; its image-conditioned kin draws if that is here.
        limit: at most so many brushes.
        output_dir: also writes the rows and a sheet of the drawings there.

    Raises:
        MissingModel: the model's or the detector's weights are not on this disk.
        CannotWrite: a file cannot be written.
    """
    from videosketcher_app.evaluation.detector import load_detector
    from videosketcher_app.models.catalogue import brush_model_of, load_text_model

    detector, judge = load_detector(), _judge(device)
    painter = load_text_model(brush_model_of(model), device)
    plain = painter if not painter.image_conditioned else load_text_model(model, device)
    cases, round_trip = brush_cases(limit=limit), round_trip_of(painter)
    how: dict[str, Any] = {"round_trip": round_trip, "judge": judge, "num_workers": num_workers}
    own_ink: list[BrushScore] = []
    if painter.image_conditioned:
        tries = brush_tries(painter, cases, batch_size)
        drawn, own_ink = score_finished(cases, tries, **how)
    else:
        drawn = score_brush_clips(cases, brush_clips(painter, cases, batch_size), **how)
    painted = true_clips(cases, round_trip, num_workers=num_workers)
    true = score_brush_clips(cases, painted, **how)
    clips = plain_clips(plain, cases, batch_size)
    rows: list[dict[str, Any]] = [
        {**row, "model": painter.name, "painted": painted_by(painter)}
        for row in brush_rows(drawn, true, own_ink=own_ink, detector=detector)
    ]
    rows.append({**plain_row(cases, clips, detector, num_workers=num_workers), "model": plain.name})
    if judge is not None:
        rows.append({"set": "texture classifier", **judge.calibration})
    if output_dir is not None:
        atomic.write_json(output_dir / "brush.json", {"rows": rows, "drawings": details(drawn)})
        write_sheet(output_dir / "brush_sheet.png", drawn)
    return rows


def painted_by(model: PocketModel) -> str:
    """Who paints with this model: "model" or "reink"."""
    from videosketcher_app.engines.brush import BY_MODEL, BY_REINK

    return BY_MODEL if model.image_conditioned else BY_REINK


def brush_clips(model: PocketModel, cases: Sequence[BrushCase], batch_size: int) -> Iterator[Clip]:
    """Raw clips (T, H, W, 3) of the cases with the box, in order, each by its brush as it is."""
    if not model.image_conditioned:
        yield from _reinked_clips(model, cases, batch_size)
        return
    for at in range(0, len(cases), batch_size):
        batch = cases[at : at + batch_size]
        yield from _seen_clips(model, batch, [case.condition for case in batch])


def brush_tries(
    model: PocketModel, cases: Sequence[BrushCase], batch_size: int
) -> Iterator[list[Clip]]:
    """For every case the raw clips that an engine with this model would draw one after another."""
    for at in range(0, len(cases), batch_size):
        batch = cases[at : at + batch_size]
        tries = [(case, seen) for case in batch for seen in case.understood.tries()]
        drawn: dict[int, list[Clip]] = {id(case): [] for case in batch}
        for start in range(0, len(tries), batch_size):
            some, frames = zip(*tries[start : start + batch_size], strict=True)
            for case, clip in zip(some, _seen_clips(model, some, frames), strict=True):
                drawn[id(case)].append(clip)
        yield from drawn.values()


def _seen_clips(
    model: PocketModel, cases: Sequence[BrushCase], seen: Sequence[ConditionFrame]
) -> Iterator[Clip]:
    """One batch of clips, drawn by the frames that the model sees and with the cases' own boxes."""
    import torch

    from videosketcher_app.engines.brush_box import boxed_model, with_box_of
    from videosketcher_app.engines.text import denoise, settle, to_frames

    settings = settle(SketchRequest(prompt=cases[0].task.name), model)
    boxed = boxed_model(
        model,
        [frame.pixels_HW3 for frame in seen],
        settings.num_frames,
        shown=[case.condition.pixels_HW3 for case in cases],
    )
    prompts, seeds = [str(case.plan) for case in cases], [case.task.seed for case in cases]
    with torch.inference_mode():
        *_, (_, latents, _) = denoise(boxed, prompts, seeds, settings)
        for latent in with_box_of(latents, boxed.still_BCFhw):
            yield to_frames(model.decode(latent[None]))[0]


def plain_clips(model: PocketModel, cases: Sequence[BrushCase], batch_size: int) -> Iterator[Clip]:
    """Raw clips of the same plans and seeds by the text model, in its own line."""
    for at in range(0, len(cases), batch_size):
        batch = cases[at : at + batch_size]
        yield from default_clips(
            model, [str(c.task.plan) for c in batch], [c.task.seed for c in batch]
        )


def round_trip_of(model: PocketModel) -> RoundTrip:
    """The model's VAE as a function from clips to clips."""
    import torch

    from videosketcher_app.engines.text import to_frames

    def through(frames_THW3: Clip) -> Clip:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(frames_THW3)).to(model.device)
            clip = (pixels.to(model.dtype) / 127.5 - 1).permute(3, 0, 1, 2)[None]
            return to_frames(model.decode(model.vae.encode(clip)))[0]

    return through


def details(scores: Sequence[BrushScore]) -> list[dict[str, object]]:
    """One row a drawing, for looking closer."""
    return [
        {
            "group": s.case.group,
            "brush": s.case.name,
            "plan": s.case.task.name,
            "brush_px": round(s.case.brush.width_px, 2),
            "color": None if s.color is None else round(s.color, 2),
            "raw_color": None if s.raw_color is None else round(s.raw_color, 2),
            "width_px": s.width_px,
            "true_width_px": s.true_width_px,
            "kind": s.kind,
            "box": [round(error, 3) for error in s.box],
        }
        for s in scores
    ]


def write_sheet(path: Path, scores: Sequence[BrushScore]) -> None:
    """Writes `sheet` as a picture.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    with atomic.replacing(path) as temporary:
        Image.fromarray(sheet(scores)).save(temporary)


def sheet(scores: Sequence[BrushScore]) -> NDArray[np.uint8]:
    """Finished drawings, a row for every brush, its condition frame first."""
    rows: dict[str, list[NDArray[np.uint8]]] = {}
    for score in scores:
        row = rows.setdefault(score.case.name, [_tile(score.case.condition.pixels_HW3)])
        row.append(_tile(score.picture_HW3))
    widest = max(len(row) for row in rows.values())
    blank = np.full_like(_tile(scores[0].picture_HW3), 255)
    return np.concatenate(
        [np.concatenate([*row, *[blank] * (widest - len(row))], axis=1) for row in rows.values()]
    )


def _judge(device: str) -> TextureJudge | None:
    """The texture classifier; None until its weights are there."""
    try:
        return load_judge(device=device)
    except MissingModel:
        return None


def _reinked_clips(
    model: PocketModel, cases: Sequence[BrushCase], batch_size: int
) -> Iterator[Clip]:
    from videosketcher_app.data.ink import composite
    from videosketcher_app.data.recover import recover_sketch
    from videosketcher_app.engines.brush_frames import painted_clip

    for case, raw in zip(cases, plain_clips(model, cases, batch_size), strict=True):
        sketch = recover_sketch(composite(raw))
        yield painted_clip(sketch, case.understood, seed=case.task.seed)


def _tile(picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = cv2.resize(picture_HW3, TILE, interpolation=cv2.INTER_AREA)
    small[-1], small[:, -1] = 200, 200
    return np.asarray(small, np.uint8)
