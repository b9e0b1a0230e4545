"""`brush`: a concept or a plan drawn in the color and style of a brush."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import acceleration_flags, cluster_flags, options
from videosketcher_app.cli.console import Console
from videosketcher_app.cli.request_fields import request_fields, with_preset
from videosketcher_app.cli.sketch import draw_given

if TYPE_CHECKING:
    from videosketcher_app.core.requests import BrushSpec

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def brush(
    context: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="A concept, or a whole plan.", show_default=False)
    ] = None,
    input_image: options.InputImage = None,
    brush_color: options.BrushColor = None,
    brush_width: options.BrushWidth = None,
    brush_kind: options.BrushKind = None,
    no_box: options.NoBox = False,
    finish: options.BrushFinish = None,
    prompts_file: options.PromptsFile = None,
    request_file: options.RequestFile = None,
    seed: options.Seed = None,
    num_frames: options.NumFrames = None,
    width: options.Width = None,
    height: options.Height = None,
    fps: options.Fps = None,
    refine_backend: options.RefineBackend = None,
    extend_prompt: options.ExtendPrompt = False,
    as_written: options.AsWritten = False,
    preset: options.Preset = None,
    model: options.Model = None,
    lora: options.Lora = None,
    num_inference_steps: options.Steps = None,
    cfg_scale: options.CfgScale = None,
    negative_prompt: options.NegativePrompt = None,
    attention: options.Attention = None,
    rounding: options.Rounding = None,
    input_video: options.InputVideo = None,
    strength: options.Strength = None,
    pattern: acceleration_flags.Pattern = None,
    sparse_preset: acceleration_flags.SparsePreset = None,
    sparsity: acceleration_flags.Sparsity = None,
    first_times_fp: acceleration_flags.FirstTimesFp = None,
    first_layers_fp: acceleration_flags.FirstLayersFp = None,
    num_sampled_rows: acceleration_flags.NumSampledRows = None,
    device: options.Device = None,
    output_dir: options.OutputDir = None,
    gif: options.Gif = False,
    force: options.Force = False,
    cluster: cluster_flags.Cluster = None,
    workers: cluster_flags.Workers = None,
    cpus_per_worker: cluster_flags.CpusPerWorker = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Draws a concept or a plan in the hand of a brush."""
    from videosketcher_app.core.settings import load_settings

    fields = request_fields(context.params)
    if request_file is None or input_image is not None or brush_color is not None:
        fields["brush"] = brush_of(
            input_image,
            color=brush_color,
            width=brush_width,
            kind=brush_kind,
            show_box=not no_box,
            finish=finish,
        )
    settings = load_settings(output_dir=output_dir, device=device)
    fields = with_preset(preset, fields, settings)
    console = Console(quiet=quiet, as_json=as_json)
    return draw_given(
        console,
        settings,
        fields,
        prompts_file,
        request_file,
        cluster=cluster_flags.cluster_options(context.params),
        force=force,
        gif=gif,
    )


def brush_of(
    image: str | None,
    *,
    color: str | None = None,
    width: float | None = None,
    kind: str | None = None,
    show_box: bool = True,
    finish: str | None = None,
) -> BrushSpec:
    """The brush that flags name; a word is a brush of the shelf unless a file is called so.

    Raises:
        InvalidRequest: neither an image nor a color is given, or a value is not possible.
    """
    from videosketcher_app.core.errors import InvalidRequest
    from videosketcher_app.core.requests import BrushSpec

    if image is None and color is None:
        raise InvalidRequest(
            "A brush is missing.",
            hint='Give --input-image with a brush\'s name or a picture, or --brush-color "#1d3fa6".',
        )
    name, path = None, None
    if image is not None:
        name, path = (None, str(Path(image).absolute())) if is_picture(image) else (image, None)
    values = {"color": color, "width_px": width, "kind": kind, "finish": finish}
    return BrushSpec.model_validate({"name": name, "image": path, "show_box": show_box, **values})


def is_picture(text: str) -> bool:
    """True if a word names a picture rather than a brush of the shelf."""
    if any(separator in text for separator in "/\\") or Path(text).suffix.lower() in _PICTURES:
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
