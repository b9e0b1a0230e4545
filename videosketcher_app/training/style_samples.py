"""Samples of a style run: held-out plans, drawn with what it has learned so far.

They are drawn as the person who will use the style draws: at the model's own canvas and in its own
steps, whatever the canvas is that the run learns at. A small canvas shows a style badly, since the
model itself draws badly there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.heldout import load
from videosketcher_app.data.ink import composite
from videosketcher_app.engines.finite import require_finite
from videosketcher_app.engines.text import SamplerSettings, denoise, to_frames
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.storage import atomic, media
from videosketcher_app.training.style_data import with_trigger
from videosketcher_app.training.style_folder import RunFolder
from videosketcher_app.training.style_preset import StylePreset
from videosketcher_app.training.style_request import DEFAULT_SAMPLES

SAMPLE_SEED = 11
INDEX_FILE = "index.json"


def sample_prompts(wanted: Sequence[str], trigger: str, *, by_brush: bool = False) -> list[str]:
    """The plans to draw, with the trigger.

    Args:
        by_brush: with the clause of models that draw with a brush.
    """
    known = load("heldout_concepts")
    prompts = list(wanted) or [str(known[index].plan) for index in DEFAULT_SAMPLES]
    called = [with_trigger(prompt, trigger) for prompt in prompts]
    return [with_clause(prompt) for prompt in called] if by_brush else called


def sample_settings(model: PocketModel, preset: StylePreset) -> SamplerSettings:
    """How samples are drawn: as the model draws by itself, at its own canvas unless the preset
    names another one."""
    d = model.defaults
    return SamplerSettings(
        num_inference_steps=d.num_inference_steps,
        cfg_scale=d.cfg_scale,
        shift=d.shift,
        num_frames=preset.num_frames,
        width=preset.sample_width or d.width,
        height=preset.sample_height or d.height,
    )


def draw_samples(
    folder: RunFolder,
    step: int,
    model: PocketModel,
    learned: AbstractContextManager[None],
    prompts: Sequence[str],
    preset: StylePreset,
    *,
    may_go_on: Callable[[], bool],
) -> bool:
    """Draws every plan into samples/<step>, which appears whole; False if it was told to stop.

    Args:
        learned: inside, the model draws with what the run has learned.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    settings = sample_settings(model, preset)
    try:
        with (
            atomic.publish_folder(folder.sample_folder(step)) as target,
            learned,
        ):
            rows = [
                _draw_one(target, number, prompt, model, settings, may_go_on)
                for number, prompt in enumerate(prompts)
            ]
            atomic.write_json(target / INDEX_FILE, rows)
    except _Stopped:
        return False
    return True


def _draw_one(
    target: Path,
    number: int,
    prompt: str,
    model: PocketModel,
    settings: SamplerSettings,
    may_go_on: Callable[[], bool],
) -> dict[str, str]:
    """One plan's picture and video, and its row of the index."""
    latents = None
    num_steps = settings.num_inference_steps
    for step, reached, _ in denoise(model, [prompt], [SAMPLE_SEED + number], settings):
        require_finite(reached, step=step, num_steps=num_steps)
        latents = reached
        if not may_go_on():
            raise _Stopped
    assert latents is not None, "a sampler has steps"
    pixels = model.decode(latents)
    require_finite(pixels, step=num_steps + 1, num_steps=num_steps)
    frames = composite(to_frames(pixels)[0])
    row = {"prompt": prompt, "png": f"{number}.png", "mp4": f"{number}.mp4"}
    media.write_png(target / row["png"], frames[-1])
    media.write_video(target / row["mp4"], frames, fps=model.defaults.fps)
    return row


class _Stopped(Exception):
    """Leaves the half-made folder of samples."""
