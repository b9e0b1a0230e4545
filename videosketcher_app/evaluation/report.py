"""What the commands `evaluate text`, `evaluate strokes` and `evaluate video` run.

Every function gives flat rows, ready for one JSON object each.
"""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.storage import atomic

if TYPE_CHECKING:
    from videosketcher_app.data.grammar.compose import Composition
    from videosketcher_app.evaluation.text import Sampler
    from videosketcher_app.models.pocket import PocketModel

STROKE_DRAWINGS = 24
STROKE_SEED = 9


def text_report(
    *,
    model: str,
    device: str = "cpu",
    limit: int | None = None,
    csv: Path | None = None,
    output_dir: Path | None = None,
    sets: Sequence[str] | None = None,
    batch_size: int = 4,
    num_workers: int = 0,
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    """Draws and scores the sets with a model at its default preset.

    Args:
        model: name in the catalogue.
        limit: at most so many drawings of every set.
        csv: also writes the rows there.
        output_dir: also writes the whole report with contact sheets there.
        keep: keeps every measured clip there; the same call goes on from what it finds.

    Raises:
        MissingModel: the model's or the detector's weights are not on this disk.
        CannotWrite: a file cannot be written.
    """
    from videosketcher_app.evaluation.kept import KeptReadings
    from videosketcher_app.evaluation.saving import as_rows, save_report
    from videosketcher_app.evaluation.tasks import SETS
    from videosketcher_app.evaluation.text import evaluate_text
    from videosketcher_app.models.catalogue import load_text_model

    report = evaluate_text(
        model_sampler(drawer := load_text_model(model, device)),
        sets=tuple(sets or SETS),
        limit=limit,
        batch_size=batch_size,
        num_workers=num_workers,
        keep=KeptReadings(keep, fingerprint(drawer)) if keep else None,
    )
    if output_dir is not None:
        save_report(report, output_dir)
    rows = as_rows(report)
    if csv is not None:
        write_csv(csv, rows)
    return rows


def fingerprint(model: PocketModel) -> str:
    """Which weights draw, with which settings."""
    from videosketcher_app.models.catalogue import files_for
    from videosketcher_app.storage.tensors import sha256_of

    files = sorted(path for row in files_for(model.name).values() for path in row.values())
    return " ".join([model.name, str(model.defaults), *map(sha256_of, files)])


def model_sampler(model: PocketModel) -> Sampler:
    """A text model at its default preset as a function from plans and seeds to raw clips."""

    def sample(plans: list[DrawingPlan], seeds: list[int]) -> Iterator[NDArray[np.uint8]]:
        yield from default_clips(model, [str(plan) for plan in plans], seeds)

    return sample


def default_clips(
    model: PocketModel, prompts: Sequence[str], seeds: Sequence[int]
) -> Iterator[NDArray[np.uint8]]:
    """Raw clips (T, H, W, 3) of prompts at the model's default preset, drawn as one batch."""
    import torch

    from videosketcher_app.core.geometry import DEFAULT_NUM_FRAMES
    from videosketcher_app.engines.text import SamplerSettings, denoise, to_frames

    d = model.defaults
    settings = SamplerSettings(
        num_inference_steps=d.num_inference_steps,
        cfg_scale=d.cfg_scale,
        shift=d.shift,
        num_frames=DEFAULT_NUM_FRAMES,
        width=d.width,
        height=d.height,
    )
    with torch.inference_mode():
        *_, (_, latents, _) = denoise(model, prompts, seeds, settings)
        for latent in latents:
            yield to_frames(model.decode(latent[None]))[0]


def strokes_report(
    *, limit: int | None = None, model: str | None = None, device: str = "cpu"
) -> list[dict[str, Any]]:
    """Recovers the strokes of true renders, and of a model's drawings, and scores them.

    Args:
        limit: drawings of each source.
        model: name in the catalogue; None for true renders alone.

    Raises:
        MissingModel: the model's weights are not on this disk.
    """
    from videosketcher_app.data.grammar.compose import compose
    from videosketcher_app.data.grammar.primitives import compose_primitives
    from videosketcher_app.data.grammar.program import programs
    from videosketcher_app.evaluation.strokes import median_score, score_recovery_of

    known = list(programs().values())
    count = min(limit or STROKE_DRAWINGS, len(known))
    spaced = [known[i] for i in np.linspace(0, len(known) - 1, count).astype(int)]
    truths = {
        "objects": [
            compose(p, np.random.default_rng([STROKE_SEED, i])) for i, p in enumerate(spaced)
        ],
        "primitives": [
            compose_primitives(np.random.default_rng([STROKE_SEED, i])) for i in range(count)
        ],
    }
    rows = []
    for source, drawings in truths.items():
        median = median_score(score_recovery_of(drawing.sketch for drawing in drawings))
        rows.append({"set": f"strokes:{source}", "drawings": count, **asdict(median)})
    if model is not None:
        rows += [
            {"set": f"strokes:{source} drawn", "model": model, **row}
            for source, row in _drawn_strokes(model, device, truths).items()
        ]
    return rows


def _drawn_strokes(
    model: str, device: str, truths: Mapping[str, Sequence[Composition]]
) -> dict[str, dict[str, float]]:
    """Median figures of a model's drawings of the plans of some true drawings, by source."""
    from videosketcher_app.evaluation.strokes import median_of_drawn, score_drawn
    from videosketcher_app.models.catalogue import load_text_model

    sampler, rows = model_sampler(load_text_model(model, device)), {}
    for source, drawings in truths.items():
        scores = [
            score_drawn(frames_THW3, drawing.sketch)
            for seed, drawing in enumerate(drawings)
            for frames_THW3 in sampler([drawing.plan], [seed])
        ]
        rows[source] = {"drawings": len(scores), **asdict(median_of_drawn(scores))}
    return rows


def video_report(
    frames_THW3: NDArray[np.uint8], plan: DrawingPlan, *, csv: Path | None = None
) -> list[dict[str, Any]]:
    """Scores one video: the row of the video, then one row a part.

    Args:
        csv: also writes the rows of the parts there, the video's figures in each.
    """
    from videosketcher_app.evaluation.detector import load_detector
    from videosketcher_app.evaluation.video import score_video

    score = score_video(frames_THW3, plan, load_detector())
    parts = score.part_rows()
    if csv is not None:
        write_csv(csv, parts)
    own = [{k: v for k, v in row.items() if not k.startswith("video_")} for row in parts]
    return [score.row(), *own]


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes flat rows as UTF-8 CSV with a header; a figure that a row lacks stays empty.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv_format.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(path, text.getvalue())
