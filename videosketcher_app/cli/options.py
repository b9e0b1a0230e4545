"""The flags that commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_DRAWING = "What to draw"
_MODEL = "Model"
_FILES = "Files"

Quiet = Annotated[bool, typer.Option("--quiet", help="Results only, no progress.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a result, nothing else.")]
RefineBackend = Annotated[
    str | None,
    typer.Option(
        "--refine-backend",
        help="Who turns a concept into a plan: auto, openai, qwen, library.",
        rich_help_panel=_DRAWING,
    ),
]


def option(name: str, text: str, panel: str, *, metavar: str | None = None) -> Any:
    """One optional flag with its help."""
    return typer.Option(name, help=text, rich_help_panel=panel, metavar=metavar)


Model = Annotated[str | None, option("--model", "Name in `models list`.", _MODEL)]
Preset = Annotated[
    str | None, option("--preset", "Settings by name, such as as_published.", _MODEL)
]
Lora = Annotated[
    list[str] | None,
    option("--lora", "A LoRA, at full or given strength; repeatable.", _MODEL, metavar="F[=SCALE]"),
]
Attention = Annotated[
    str | None, option("--attention", "torch, xformers, flash, sage, or auto.", _MODEL)
]
Rounding = Annotated[
    str | None, option("--rounding", 'As the published scripts round: "reference".', _MODEL)
]
InputVideo = Annotated[
    str | None,
    option("--input-video", "A clip or picture to draw over.", _DRAWING, metavar="FILE"),
]
Strength = Annotated[
    float | None, option("--strength", "How much of it is drawn anew, up to 1.", _DRAWING)
]
Mode = Annotated[str | None, option("--mode", "exact, fast or sketch.", _MODEL)]
Seed = Annotated[int | None, option("--seed", "Of the noise.", _DRAWING)]
Steps = Annotated[int | None, option("--num-inference-steps", "Denoising steps.", _MODEL)]
CfgScale = Annotated[float | None, option("--cfg-scale", "Strength of guidance.", _MODEL)]
NumFrames = Annotated[int | None, option("--num-frames", "Frames of the clip, 4n + 1.", _DRAWING)]
Width = Annotated[int | None, option("--width", "Of the canvas, in pixels.", _DRAWING)]
Height = Annotated[int | None, option("--height", "Of the canvas, in pixels.", _DRAWING)]
Fps = Annotated[int | None, option("--fps", "Frames a second of the files.", _DRAWING)]
NegativePrompt = Annotated[
    str | None,
    option("--negative-prompt", 'What guidance moves away from; "" is nothing at all.', _MODEL),
]
AsWritten = Annotated[
    bool, option("--as-written", "The model reads the prompt exactly as it is.", _DRAWING)
]
ExtendPrompt = Annotated[
    bool,
    option("--extend-prompt", "Plan a bare concept first; this is what happens anyway.", _DRAWING),
]
OutputDir = Annotated[Path | None, option("--output-dir", "Default: outputs.", _FILES)]
PromptsFile = Annotated[
    Path | None, option("--prompts-file", "UTF-8: one prompt a line, or json, or csv.", _FILES)
]
RequestFile = Annotated[
    Path | None, option("--request", "Replays a run's _config.json.", _FILES, metavar="FILE")
]
Gif = Annotated[bool, option("--gif", "Writes a GIF too.", _FILES)]
Force = Annotated[bool, option("--force", "Draws again what is finished.", _FILES)]
Device = Annotated[str | None, option("--device", "auto, cpu, cuda, cuda:1.", _MODEL)]
_BRUSH = "Brush"
InputImage = Annotated[
    str | None,
    option(
        "--input-image",
        "A brush of the shelf by name, a picture of a mark, or a whole condition frame.",
        _BRUSH,
        metavar="NAME|FILE",
    ),
]
BrushColor = Annotated[
    str | None, option("--brush-color", 'Corrects the color, "#1d3fa6".', _BRUSH, metavar="COLOR")
]
BrushWidth = Annotated[
    float | None, option("--brush-width", "Of its line, in pixels at 240 px height.", _BRUSH)
]
BrushKind = Annotated[str | None, option("--brush-kind", "Corrects the texture: crayon.", _BRUSH)]
NoBox = Annotated[bool, option("--no-box", "Leaves the brush box out of the result.", _BRUSH)]
BrushFinish = Annotated[
    str | None,
    option("--finish", "brush: strokes are painted with it; model: its own ink.", _BRUSH),
]
