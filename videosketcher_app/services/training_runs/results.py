"""What a run has made: its samples side by side, and the LoRA files that can be used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.training_runs.reading import checkpoints_of, samples_of
from videosketcher_app.services.training_runs.run_folder import RESULT
from videosketcher_app.services.training_runs.views import SampleItem


def sample_of(path: Path, step: int, prompt: int) -> SampleItem:
    """What a run drew of one held-out plan at a step.

    Args:
        prompt: index of the plan.

    Raises:
        InvalidRequest: there is no such step or plan.
    """
    strips = {strip.step: strip.items for strip in samples_of(path)}
    items = strips.get(step, ())
    if 0 <= prompt < len(items):
        return items[prompt]
    raise InvalidRequest(
        f"There is no sample {prompt} of step {step}.", hint=f"Steps: {_listed(strips)}."
    )


def trained_file(path: Path, name: str, step: int | None) -> tuple[str, Path]:
    """The LoRA file of a step, and the name that it gets in the library.

    Args:
        name: of the run's result; a checkpoint's step is added to it.
        step: of a checkpoint; None takes the result, or the latest checkpoint before there is one.

    Raises:
        InvalidRequest: there is no such checkpoint.
    """
    if step is None and (path / RESULT).is_file():
        return name, path / RESULT
    checkpoints = checkpoints_of(path)
    wanted = max(checkpoints, default=None) if step is None else step
    if wanted in checkpoints:
        return f"{name}_{wanted}", checkpoints[wanted]
    what = "nothing to use yet" if step is None else f"no checkpoint of step {step}"
    raise InvalidRequest(f"{name!r} has {what}.", hint=f"Checkpoints: {_listed(checkpoints)}.")


def _listed(steps: Iterable[int]) -> str:
    return ", ".join(map(str, steps)) or "none yet"
