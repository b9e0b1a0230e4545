"""The same requests from Python: scripts and notebooks.

    from videosketcher_app import api
    drawing = api.sketch("a cat", seed=7)
    drawing.save("outputs")          # mp4, png, svg, config, run record

The first call loads the model; later calls reuse it until `close()`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import BrushSpec, LoraSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.outputs import Drawing
from videosketcher_app.storage.paths import Workspace

if TYPE_CHECKING:
    import torch

    from videosketcher_app.engines.rollout import CausalModel

Lora = str | Path | LoraSpec
__all__ = [
    "BrushSpec",
    "Drawing",
    "SketchRequest",
    "brush_sketch",
    "close",
    "load_causal_model",
    "sketch",
]

_lock = threading.Lock()
_services: Services | None = None


def sketch(prompt: str, *, loras: Sequence[Lora] = (), **fields: Any) -> Drawing:
    """Draws a concept ("a cat") or a whole plan; nothing is written until `Drawing.save`.

    Args:
        loras: files, or names of imported LoRAs: "ink", "ink.safetensors=0.8", a Path, or a
            LoraSpec.
        fields: any other field of SketchRequest (seed, model, num_frames, width, ...).

    Raises:
        InvalidRequest: a field is unknown or its value is not possible.
        MissingModel: the model's weights are not on this disk.
    """
    specs = tuple(_as_spec(lora) for lora in loras)
    request = SketchRequest(**{**fields, "prompt": prompt, "loras": specs})
    for event in _shared_services().generation.run(request):
        if isinstance(event, Done):
            return event.drawing
    raise AssertionError("a run ends with Done")


def brush_sketch(
    prompt: str,
    *,
    brush: str | BrushSpec | None = None,
    input_image: str | Path | None = None,
    color: str | None = None,
    width_px: float | None = None,
    **fields: Any,
) -> Drawing:
    """Draws in the color and style of a brush; nothing is written until `Drawing.save`.

    `drawing.settings["painted"]` says who painted: "model", or "reink" if the strokes of a text
    model were painted again because no image-conditioned model is here.

    Args:
        brush: name of a brush of the shelf, or a whole BrushSpec.
        input_image: instead, a picture of a mark, a swatch, or a whole condition frame.
        color: "#1d3fa6"; corrects the brush, or alone gives an even line.
        width_px: of its line on the canvas 240 px high.
        fields: as of `sketch`.

    Raises:
        InvalidRequest: there is no such brush, or a field is not possible.
        NoMark: the picture shows no mark of a brush.
        InvalidFile: the picture cannot be read.
    """
    if not isinstance(brush, BrushSpec):
        image = None if input_image is None else str(Path(input_image).absolute())
        brush = BrushSpec(name=brush, image=image, color=color, width_px=width_px)
    return sketch(prompt, brush=brush, **fields)


def _as_spec(lora: Lora) -> LoraSpec:
    if isinstance(lora, LoraSpec):
        return lora
    return LoraSpec(path=str(lora)) if isinstance(lora, Path) else LoraSpec.parse(lora)


def load_causal_model(
    path: str | Path, device: str = "cpu", dtype: torch.dtype | None = None
) -> CausalModel:
    """A causal model for `generate` and `train_forward`: a published checkpoint or a Pocket folder.

    Args:
        path: a .pt or .safetensors file of VideoSketcher AR, CausVid or Self-Forcing, the folder
            that holds it, or a folder of Pocket weights. A .pt file is converted once, into the
            workspace's cache.
        dtype: of the arithmetic; None means float32.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: it is damaged, holds more than tensors, or is another kind of model.
        DamagedModel: it holds NaN or Inf, or its parts do not fit.
    """
    import torch

    from videosketcher_app.engines.rollout import CausalModel
    from videosketcher_app.models.published import load_causal

    cache = Workspace(load_settings().workspace).cache / "converted"
    wan = load_causal(Path(path), cache=cache, device=device, dtype=dtype or torch.float32)
    return CausalModel(wan)


def close() -> None:
    """Stops what runs and frees the model; the next call starts afresh."""
    global _services
    with _lock:
        services, _services = _services, None
    if services is not None:
        services.close()


def _shared_services() -> Services:
    global _services
    with _lock:
        if _services is None:
            _services = build()
        return _services
