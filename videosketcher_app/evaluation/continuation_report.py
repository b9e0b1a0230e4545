"""What the command `evaluate codraw` runs: rows of the model, of true drawings and of doing nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.evaluation.continuation import (
    SET_NAME,
    ContinuationScore,
    Continuer,
    evaluate_continuation,
    figures,
    nothing_drawn,
    true_continuations,
)
from videosketcher_app.evaluation.continuation_cases import HalfDrawn, half_drawn_sketches
from videosketcher_app.evaluation.report import write_csv
from videosketcher_app.evaluation.sheet import write_sheet
from videosketcher_app.storage import atomic

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode
    from videosketcher_app.models.pocket import PocketModel

SHEET_ROWS = 32
CALIBRATION: dict[str, Continuer] = {
    "true drawings": true_continuations,
    "nothing drawn": nothing_drawn,
}


def continuation_report(
    model: PocketModel,
    *,
    num_inference_steps: int | None = None,
    mode: Mode = "exact",
    limit: int | None = None,
    seed: int = 0,
    calibrated: bool = True,
    num_workers: int = 0,
    csv: Path | None = None,
    output_dir: Path | None = None,
) -> list[dict[str, Any]]:
    """Has a model go on with half-drawn sketches and scores it.

    Args:
        num_inference_steps: of each block; None for the published three.
        mode: of speed.
        limit: at most so many drawings.
        calibrated: also scores true drawings and doing nothing, for comparison.
        csv: also writes a row for every drawing there.
        output_dir: also writes report.json and contact sheets there.

    Raises:
        MissingModel: the detector's weights are not on this disk.
        CannotWrite: a file cannot be written.
    """
    cases = half_drawn_sketches(seed=seed, limit=limit)
    scores = evaluate_continuation(
        model_continuer(model, num_inference_steps, mode), cases, num_workers=num_workers
    )
    rows: list[dict[str, Any]] = [
        {"set": SET_NAME, **figures(scores), "model": model.name, "mode": mode}
    ]
    for name, continuer in CALIBRATION.items() if calibrated else ():
        known = evaluate_continuation(continuer, cases, num_workers=num_workers)
        rows.append({"set": f"calibration:{SET_NAME}:{name}", **figures(known)})
    drawings = [drawing_row(score) for score in scores]
    if csv is not None:
        write_csv(csv, drawings)
    if output_dir is not None:
        _write_sheets(output_dir, scores)
        atomic.write_json(output_dir / "report.json", {"figures": rows, "drawings": drawings})
    return rows


def model_continuer(
    model: PocketModel, num_inference_steps: int | None = None, mode: Mode = "exact"
) -> Continuer:
    """A causal model as a function from half-drawn sketches to the frames that follow."""
    import torch

    from videosketcher_app.engines.autoregressive import timesteps_of
    from videosketcher_app.engines.causal_drawing import CausalDrawing
    from videosketcher_app.engines.text import to_frames

    timesteps = timesteps_of(num_inference_steps or model.defaults.num_causal_steps)

    def frames_after(case: HalfDrawn) -> NDArray[np.uint8]:
        given = case.given_frames()
        height, width = given.shape[1:3]
        drawing = CausalDrawing(model, str(case.plan), width=width, height=height, mode=mode)
        clip = torch.from_numpy(given).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        drawing.show(clip)
        drawn = []
        for _ in range(case.blocks_to_draw):
            *_, last = drawing.draw(seed=case.seed, timesteps=timesteps)
            assert last.frames_BCTHW is not None, "a finished block has frames"
            drawn.append(to_frames(last.frames_BCTHW)[0])
        drawing.close()
        return np.concatenate(drawn)

    def continuer(cases: Sequence[HalfDrawn]) -> Iterator[NDArray[np.uint8]]:
        return map(frames_after, cases)

    return continuer


def drawing_row(score: ContinuationScore) -> dict[str, Any]:
    """One drawing's figures, flat."""
    case = score.case
    came = zip(case.missing, score.appeared, strict=True)
    row = {
        "name": case.name,
        "seed": case.seed,
        "given_blocks": case.given_blocks,
        "parts": len(case.labels),
        "missing": len(case.missing),
        "appeared": sum(score.appeared),
        "never_came": "; ".join(case.labels[part] for part, there in came if not there),
        "order": score.pairs_right / score.pairs if score.pairs else math.nan,
        "given_ink_kept_raw": score.kept,
        "named": score.score.named or "",
        "plan": str(case.plan),
    }
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in row.items()
    }


def _write_sheets(folder: Path, scores: Sequence[ContinuationScore]) -> None:
    evenly = np.unique(np.linspace(0, len(scores) - 1, min(SHEET_ROWS, len(scores))).astype(int))
    write_sheet(folder / "sheet_codraw.png", [scores[i].score for i in evenly])
    faulty = [s.score for s in scores if not all(s.appeared)]
    write_sheet(folder / "sheet_codraw_faults.png", faulty[:SHEET_ROWS])
