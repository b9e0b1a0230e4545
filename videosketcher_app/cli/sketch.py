"""`sketch` and `plan`: a concept or a plan becomes a drawing, or only its plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.cli import acceleration_flags, cluster_flags, options
from videosketcher_app.cli.batches import draw_batch
from videosketcher_app.cli.console import Console
from videosketcher_app.cli.request_fields import request_fields, with_preset
from videosketcher_app.core.errors import InvalidFile, InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.core.requests import SketchRequest
    from videosketcher_app.services.outputs import Drawing
    from videosketcher_app.services.planner import PlannedDrawing
    from videosketcher_app.services.scale_out.cluster import ClusterOptions

MAX_REQUEST_BYTES = 1_000_000


def plan(
    concept: Annotated[str, typer.Argument(help='For instance "a cat".', show_default=False)],
    refine_backend: options.RefineBackend = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Prints the drawing plan of a concept, in one line."""
    from videosketcher_app.core.access import Role
    from videosketcher_app.core.requests import SketchRequest
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.request_planner import RequestPlanner

    console = Console(quiet=quiet, as_json=as_json)
    request = SketchRequest.from_mapping({"prompt": concept, "planner": refine_backend or "auto"})
    planned = RequestPlanner(load_settings()).plan(request, role=Role.OWNER)
    console.plan(planned)
    value = {
        "concept": planned.plan.concept,
        "plan": str(planned.plan),
        "parts": [{"name": p.name, "description": p.description} for p in planned.plan.parts],
        "model_plan": str(planned.model_plan),
        "planner": planned.planner,
        "note": planned.note,
    }
    console.result(value, str(planned.plan))


def sketch(
    context: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="A concept, or a whole plan.", show_default=False)
    ] = None,
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
    mode: options.Mode = None,
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
    """Draws a concept or a plan, step by step, as a video with all its files."""
    from videosketcher_app.core.settings import load_settings

    settings = load_settings(output_dir=output_dir, device=device)
    console = Console(quiet=quiet, as_json=as_json)
    fields = with_preset(preset, request_fields(context.params), settings)
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


def draw_given(
    console: Console,
    settings: Any,
    fields: dict[str, Any],
    prompts_file: Path | None,
    request_file: Path | None,
    *,
    cluster: ClusterOptions | None,
    force: bool,
    gif: bool,
) -> int:
    """Draws what the fields of a request say, those that were given.

    Args:
        cluster: where the prompts of a file are drawn; None draws in this process.

    Raises:
        InvalidRequest: not exactly one of a prompt and the two files is given, or a cluster for
            a single drawing.
    """
    _require_one_source(fields.get("prompt"), prompts_file, request_file)
    if prompts_file is not None:
        return draw_batch(
            console, settings, prompts_file, fields, cluster=cluster, force=force, gif=gif
        )
    if cluster is not None:
        raise InvalidRequest("One drawing needs no cluster.", hint="Give --prompts-file.")
    request, planned = _request_of(request_file, fields)
    return _draw_one(console, settings, request, planned, settings.output_dir, gif=gif)


def _draw_one(
    console: Console,
    settings: Any,
    request: SketchRequest,
    planned: PlannedDrawing | None,
    folder: Path,
    *,
    gif: bool,
) -> int:
    from videosketcher_app.services.container import build
    from videosketcher_app.services.generation import Destination
    from videosketcher_app.services.lora_requests import unsaid

    with build(settings) as services:
        for sentence in unsaid(services.loras, request.loras, request.prompt):
            console.remark(sentence)
        events = services.generation.run(
            request, planned=planned, destination=Destination(folder=folder, gif=gif)
        )
        drawing = console.follow(events)
    console.result(describe(drawing), f"{drawing.files['mp4']}")
    return 0


def describe(drawing: Drawing) -> dict[str, Any]:
    """A drawing as the JSON object that --json prints."""
    return {
        "folder": str(drawing.folder),
        "files": {kind: str(path) for kind, path in drawing.files.items()},
        "concept": drawing.plan.concept,
        "plan": str(drawing.plan),
        "planner": drawing.planned.planner,
        "seed": drawing.request.seed,
        "model": drawing.model.name,
        **({"painted": drawing.settings["painted"]} if drawing.request.brush else {}),
        "frames": len(drawing.frames),
        "seconds": drawing.run["seconds"],
    }


def _request_of(
    request_file: Path | None, fields: dict[str, Any]
) -> tuple[SketchRequest, PlannedDrawing | None]:
    from videosketcher_app.core.requests import SketchRequest
    from videosketcher_app.services.outputs import read_request

    if request_file is None:
        return SketchRequest(**fields), None
    request, planned = read_request(_read_text(request_file))
    return request.replaced(**fields), planned


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_REQUEST_BYTES:
            raise InvalidFile(f"The request file {path} is too large.", hint="Check its name.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidFile(
            f"The request file {path} cannot be read: {reason}.", hint="Check its name."
        ) from error


def _require_one_source(prompt: str | None, *files: Path | None) -> None:
    if sum(source is not None for source in (prompt, *files)) != 1:
        raise InvalidRequest(
            "Give exactly one of: a prompt, --prompts-file, --request.",
            hint='For instance: sketch "a cat".',
        )
