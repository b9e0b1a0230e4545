"""The same requests from Python: scripts and notebooks.

    from videosketcher_app import api
    drawing = api.sketch("a cat", seed=7)
    drawing.save("outputs")          # mp4, png, svg, config, run record

The first call loads the model; later calls reuse it until `close()`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import (
    CAUSAL_FPS,
    DEFAULT_CAUSAL_MODEL,
    BrushSpec,
    CoDrawRequest,
    LoraSpec,
    RolloutRequest,
    SketchRequest,
)
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.codraw.events import FrameDrawn
from videosketcher_app.services.codraw.publishing import publish_session
from videosketcher_app.services.codraw.script import draw_strokes, turn_events
from videosketcher_app.services.codraw.switches import PromptSwitch
from videosketcher_app.services.codraw.video import Video
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.outputs import Drawing
from videosketcher_app.storage.paths import Workspace

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from videosketcher_app.engines.rollout import CausalModel

Lora = str | Path | LoraSpec
__all__ = [
    "BrushSpec",
    "CoDrawing",
    "Drawing",
    "SketchRequest",
    "Video",
    "brush_sketch",
    "close",
    "load_causal_model",
    "rollout",
    "sketch",
]

_lock = threading.Lock()
_services: Services | None = None


def sketch(
    prompt: str,
    *,
    loras: Lora | Sequence[Lora] = (),
    input_video: str | Path | None = None,
    **fields: Any,
) -> Drawing:
    """Draws a concept ("a cat") or a whole plan; nothing is written until `Drawing.save`.

    Args:
        loras: files, or names of imported LoRAs: "ink", "ink.safetensors=0.8", a Path, or a
            LoraSpec.
        input_video: a clip or picture to draw over; `strength` says how much is drawn anew.
        fields: any other field of SketchRequest (seed, model, num_frames, width, ...).

    Raises:
        InvalidRequest: a field is unknown or its value is not possible.
        MissingModel: the model's weights are not on this disk.
    """
    given = (loras,) if isinstance(loras, Lora) else loras
    specs = tuple(_as_spec(lora) for lora in given)
    clip = None if input_video is None else str(Path(input_video).absolute())
    request = SketchRequest(**{**fields, "prompt": prompt, "loras": specs, "input_video": clip})
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
    if isinstance(lora, str):
        return LoraSpec.parse(lora)
    return LoraSpec(path=str(lora)) if isinstance(lora, Path) else lora


def rollout(
    prompt: str,
    *,
    num_rollout: int = 1,
    num_overlap_frames: int = 3,
    background: NDArray[np.uint8] | None = None,
    switches: Mapping[int, str] | None = None,
    **fields: Any,
) -> Drawing:
    """Draws several clips in a row with a causal model: 81, 153, 225, ... frames.

    Args:
        num_overlap_frames: latent frames that clips share, a multiple of 3.
        background: a picture (H, W, 3) that the drawing begins with, of any size.
        switches: other words by the frame from which they hold, {81: "a horse"}.
        fields: any other field of SketchRequest (seed, model, width, input_video, ...).

    Raises:
        InvalidRequest: a field is unknown or its value is not possible.
        MissingModel: there is no causal model on this disk.
    """
    defaults = {"model": DEFAULT_CAUSAL_MODEL, "fps": CAUSAL_FPS}
    sketch_request = SketchRequest(**{**defaults, **fields, "prompt": prompt})
    request = RolloutRequest(
        sketch=sketch_request, num_rollout=num_rollout, num_overlap_frames=num_overlap_frames
    )
    events = _shared_services().rollouts.run(
        request, background_HW3=background, switches=_as_switches(switches)
    )
    for event in events:
        if isinstance(event, Done):
            return event.drawing
    raise AssertionError("a run ends with Done")


def _as_switches(words: Mapping[int, str] | None) -> list[PromptSwitch]:
    return [PromptSwitch(frame=frame, words=text) for frame, text in (words or {}).items()]


class CoDrawing:
    """A drawing by two hands.

        with api.CoDrawing(concept="a unicorn") as session:
            session.draw([[(60, 80), (120, 60), (180, 90)]])     # you
            for frame in session.generate(24): ...               # the model
            session.undo()
            session.save("outputs")

    Args:
        fields: any field of CoDrawRequest (model, seed, width, height, ...).

    Attributes:
        session: the session itself, with everything that the app can do.

    Raises:
        InvalidRequest: a field is unknown or its value is not possible.
        MissingModel: there is no causal model on this disk.
        SessionsFull: there is no memory for one more session.
    """

    def __init__(self, concept: str = "", **fields: Any) -> None:
        self._service = _shared_services().codraw
        self.session = self._service.open("", CoDrawRequest(**{**fields, "concept": concept}))

    def draw(self, strokes: Sequence[Any]) -> CoDrawing:
        """Your strokes: lists of (x, y), (x, y, seconds) or (x, y, seconds, pressure).

        Raises:
            InvalidRequest: they are no strokes.
        """
        draw_strokes(self.session, strokes)
        return self

    def generate(
        self,
        num_frames: int | None = None,
        *,
        switches: Mapping[int, str] | None = None,
        **how: Any,
    ) -> Iterator[NDArray[np.uint8]]:
        """The model's frames (H, W, 3), as they are made.

        `session.say` between two frames changes the words of the blocks that follow.

        Args:
            switches: other words by the frame of this turn from which they hold.
            how: `until`, `seed`, `over` (a Video to draw over) and `mode` of `Session.generate`.

        Raises:
            AppError: the turn failed.
        """
        changes = _as_switches(switches)
        for event in turn_events(self.session, num_frames, switches=changes, **how):
            if isinstance(event, FrameDrawn):
                yield event.frame_HW3

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The picture (H, W, 3) now."""
        return self.session.picture()

    def undo(self) -> CoDrawing:
        """Takes back the latest stroke or turn."""
        self.session.undo()
        return self

    def redo(self) -> CoDrawing:
        """Takes back an undo."""
        self.session.redo()
        return self

    def branch(self, turn: int | None = None) -> CoDrawing:
        """Goes on from any turn; None is blank paper."""
        self.session.branch(turn)
        return self

    def save(self, folder: Path | str, *, gif: bool = False) -> Path:
        """Writes the files below `folder`, in a folder named after the concept; returns it.

        Raises:
            CannotWrite: the folder cannot be written; nothing is left half-written.
        """
        return publish_session(self.session, Path(folder), gif=gif)

    def close(self) -> None:
        """Ends the session and deletes what it kept for itself."""
        self._service.close(self.session.id, "")

    def __enter__(self) -> CoDrawing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
