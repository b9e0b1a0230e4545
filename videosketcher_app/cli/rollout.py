"""`rollout`: one plan drawn on and on, as several clips that overlap or as one without an end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.codraw import publish, tell
from videosketcher_app.cli.console import Console
from videosketcher_app.cli.request_fields import request_fields
from videosketcher_app.core.errors import InvalidRequest, MissingModel

_LENGTH = "Length"


def rollout(
    context: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="A concept, or a whole plan.", show_default=False)
    ] = None,
    num_rollout: Annotated[
        int | None, options.option("--num-rollout", "Clips: N x 81 - (N - 1) x 9 frames.", _LENGTH)
    ] = None,
    num_overlap_frames: Annotated[
        int | None,
        options.option("--num-overlap-frames", "Latent frames that clips share; 3n.", _LENGTH),
    ] = None,
    endless: Annotated[
        int | None,
        options.option("--endless", "So many frames in one, without seams.", _LENGTH),
    ] = None,
    background_image: Annotated[
        Path | None,
        options.option("--background-image", "A picture that the drawing begins with.", _LENGTH),
    ] = None,
    prompts_file: options.PromptsFile = None,
    seed: options.Seed = None,
    num_frames: options.NumFrames = None,
    width: options.Width = None,
    height: options.Height = None,
    fps: options.Fps = None,
    refine_backend: options.RefineBackend = None,
    extend_prompt: options.ExtendPrompt = False,
    as_written: options.AsWritten = False,
    model: options.Model = None,
    checkpoint: Annotated[
        Path | None,
        options.option("--checkpoint", "A published causal checkpoint.", "Model", metavar="FILE"),
    ] = None,
    config: Annotated[
        Path | None,
        options.option("--config", "Not needed: shapes are read from the weights.", "Model"),
    ] = None,
    num_inference_steps: options.Steps = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
    gif: options.Gif = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draws a plan block by block, for as long as asked."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.prompts_file import read_prompts

    console = Console(quiet=quiet, as_json=as_json)
    if config is not None:
        console.remark("--config is not needed: shapes are read from the weights.")
    _refuse_checkpoint(checkpoint)
    _check_choice(prompt, prompts_file, endless, num_rollout)
    fields = request_fields(context.params)
    settings = load_settings(output_dir=output_dir, device=device)
    prompts = read_prompts(prompts_file) if prompts_file is not None else [prompt or ""]
    clips = {"num_rollout": num_rollout, "num_overlap_frames": num_overlap_frames}
    clips = {name: value for name, value in clips.items() if value is not None}
    for number, words in enumerate(prompts, start=1):
        prefix = f"{number}_" if prompts_file is not None else ""
        asked = {**fields, "prompt": words}
        if endless is not None:
            _endless(console, settings, asked, endless, background_image, gif=gif)
        else:
            _clips(console, settings, asked, clips, background_image, prefix=prefix, gif=gif)


def _clips(
    console: Console,
    settings: Any,
    fields: dict[str, Any],
    clips: dict[str, Any],
    background: Path | None,
    *,
    prefix: str,
    gif: bool,
) -> None:
    from videosketcher_app.cli.sketch import describe
    from videosketcher_app.core.requests import (
        CAUSAL_FPS,
        DEFAULT_CAUSAL_MODEL,
        RolloutRequest,
        SketchRequest,
    )
    from videosketcher_app.services.container import build
    from videosketcher_app.services.generation import Destination

    defaults = {"model": DEFAULT_CAUSAL_MODEL, "fps": CAUSAL_FPS}
    request = RolloutRequest(sketch=SketchRequest(**{**defaults, **fields}), **clips)
    picture = _picture(background)
    with build(settings) as services:
        events = services.rollouts.run(
            request,
            background_HW3=picture,
            destination=Destination(folder=settings.output_dir, prefix=prefix, gif=gif),
        )
        drawing = console.follow(events)
    console.result(describe(drawing), f"{drawing.files['mp4']}")


def _endless(
    console: Console,
    settings: Any,
    fields: dict[str, Any],
    frames: int,
    background: Path | None,
    *,
    gif: bool,
) -> None:
    """One turn of the model as long as asked, on a session of its own."""
    from videosketcher_app.core.requests import CoDrawRequest
    from videosketcher_app.services.codraw.script import turn_events
    from videosketcher_app.services.container import build

    for name in ("num_frames", "as_written"):
        if name in fields:
            raise InvalidRequest(
                f"--endless takes no --{name.replace('_', '-')}.", hint="Leave it out."
            )
    concept = fields.pop("prompt")
    request = CoDrawRequest(**{**fields, "concept": concept})
    picture = _picture(background)
    with build(settings) as services:
        session = services.codraw.open("", request)
        try:
            if picture is not None:
                session.background(picture)
            turns = tell(console, turn_events(session, frames))
            publish(console, session, settings.output_dir, turns, gif=gif)
        finally:
            services.codraw.close(session.id, "")


def _picture(path: Path | None) -> Any:
    from videosketcher_app.storage import media

    return None if path is None else media.read_image(path)[..., :3]


def _check_choice(
    prompt: str | None, prompts_file: Path | None, endless: int | None, num_rollout: int | None
) -> None:
    if (prompt is None) == (prompts_file is None):
        raise InvalidRequest(
            "Give exactly one of: a prompt, --prompts-file.", hint='For instance: rollout "a cat".'
        )
    if endless is not None and num_rollout is not None:
        raise InvalidRequest(
            "--endless and --num-rollout exclude each other.", hint="Leave one out."
        )


def _refuse_checkpoint(checkpoint: Path | None) -> None:
    """The published checkpoints are a transformer alone.

    Raises:
        MissingModel: what they need beside them is not on this disk.
    """
    if checkpoint is not None:
        raise MissingModel(
            f"{checkpoint.name} needs Wan's text encoder and VAE, which are not on this disk.",
            hint="Leave --checkpoint out to draw with the shipped model, or use "
            "api.load_causal_model for its latents.",
        )
