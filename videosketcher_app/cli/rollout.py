"""`rollout`: one plan drawn on and on, as several clips that overlap or as one without an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.codraw import publish, tell
from videosketcher_app.cli.console import Console
from videosketcher_app.cli.request_fields import request_fields
from videosketcher_app.core.errors import InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.core.settings import AppSettings
    from videosketcher_app.services.codraw.switches import PromptSwitch

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
    switch: Annotated[
        list[str] | None,
        options.option(
            "--switch",
            "Other words from a frame on; may be repeated.",
            _LENGTH,
            metavar="FRAME:WORDS",
        ),
    ] = None,
    input_video: options.InputVideo = None,
    strength: options.Strength = None,
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
        options.option(
            "--checkpoint", "A causal model that is only a file.", "Model", metavar="FILE"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        options.option("--config", "Not needed: shapes are read from the weights.", "Model"),
    ] = None,
    num_inference_steps: options.Steps = None,
    mode: options.Mode = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
    gif: options.Gif = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draws a plan block by block, for as long as asked."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.codraw.switches import parse_switch
    from videosketcher_app.services.prompts_file import read_prompts

    console = Console(quiet=quiet, as_json=as_json)
    if config is not None:
        console.remark("--config is not needed: shapes are read from the weights.")
    _check_choice(prompt, prompts_file, endless, num_rollout)
    fields = request_fields(context.params)
    settings = load_settings(output_dir=output_dir, device=device)
    prompts = read_prompts(prompts_file) if prompts_file is not None else [prompt or ""]
    clips = {"num_rollout": num_rollout, "num_overlap_frames": num_overlap_frames}
    along = _Along(background_image, [parse_switch(text) for text in switch or ()], gif)
    with _model_of(checkpoint, settings, fields):
        for number, words in enumerate(prompts, start=1):
            prefix = f"{number}_" if prompts_file is not None else ""
            asked = {**fields, "prompt": words}
            if endless is not None:
                _endless(console, settings, asked, endless, along)
            else:
                given = {name: value for name, value in clips.items() if value is not None}
                _clips(console, settings, asked, given, along, prefix=prefix)


@dataclass(frozen=True)
class _Along:
    """What a run takes beside its request.

    Attributes:
        background: a picture that the drawing begins with.
        switches: other words on the way.
        gif: a GIF is wanted, too.
    """

    background: Path | None
    switches: list[PromptSwitch]
    gif: bool

    def picture(self) -> Any:
        """The background's pixels (H, W, 3); None without one."""
        from videosketcher_app.storage import media

        return None if self.background is None else media.read_image(self.background)[..., :3]


def _clips(
    console: Console,
    settings: AppSettings,
    fields: dict[str, Any],
    clips: dict[str, Any],
    along: _Along,
    *,
    prefix: str,
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
    picture = along.picture()
    with build(settings) as services:
        events = services.rollouts.run(
            request,
            background_HW3=picture,
            switches=along.switches,
            destination=Destination(folder=settings.output_dir, prefix=prefix, gif=along.gif),
        )
        drawing = console.follow(events)
    console.result(describe(drawing), f"{drawing.files['mp4']}")


def _endless(
    console: Console, settings: AppSettings, fields: dict[str, Any], frames: int, along: _Along
) -> None:
    """One turn of the model as long as asked, on a session of its own."""
    from videosketcher_app.core.requests import CoDrawRequest
    from videosketcher_app.services.codraw.script import turn_events
    from videosketcher_app.services.codraw.switches import check_switches
    from videosketcher_app.services.codraw.video import read_video, require_video
    from videosketcher_app.services.container import build

    for name in ("num_frames", "as_written"):
        if name in fields:
            raise InvalidRequest(
                f"--endless takes no --{name.replace('_', '-')}.", hint="Leave it out."
            )
    check_switches(along.switches, frames)
    concept, video = fields.pop("prompt"), fields.pop("input_video", None)
    strength = fields.pop("strength", None)
    if video is not None:
        require_video(Path(video))
    elif strength is not None:
        raise InvalidRequest(
            "--strength says how much of a video is drawn anew, and there is no video.",
            hint="Give --input-video, or leave it out.",
        )
    request = CoDrawRequest(**{**fields, "concept": concept})
    picture = along.picture()
    with build(settings) as services:
        session = services.codraw.open("", request)
        try:
            if picture is not None:
                session.background(picture)
            size = {"width": session.width, "height": session.height, "num_frames": frames}
            over = None if video is None else read_video(Path(video), **size, strength=strength)
            events = turn_events(session, frames, switches=along.switches, over=over)
            publish(console, session, settings.output_dir, tell(console, events), gif=along.gif)
        finally:
            services.codraw.close(session.id, "")


@contextmanager
def _model_of(
    checkpoint: Path | None, settings: AppSettings, fields: dict[str, Any]
) -> Iterator[None]:
    """Inside the block, a model that is only a file is the one that draws.

    Raises:
        InvalidRequest: another model is named, too.
        MissingModel: there is no such file.
        InvalidFile: it is no causal model.
    """
    if checkpoint is None:
        yield
        return
    if "model" in fields:
        raise InvalidRequest("--checkpoint and --model exclude each other.", hint="Leave one out.")
    from videosketcher_app.services.codraw.checkpoint import lent_checkpoint
    from videosketcher_app.storage.paths import Workspace

    cache = Workspace(settings.workspace).cache / "converted"
    with lent_checkpoint(checkpoint, cache=cache) as name:
        fields["model"] = name
        yield


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
