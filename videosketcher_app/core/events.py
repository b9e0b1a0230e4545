"""What an engine or a service reports while it works; numpy only, no torch, no Gradio.

Legend: T frames, H/W canvas pixels. An engine yields Progress and Preview any number of times and
ends with exactly one Frames; a service passes them on, adds Planned and Waiting in front, and ends
with exactly one Done. Failure and cancellation are exceptions (core.errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy takes a fifth of the time that --help takes
    import numpy as np
    from numpy.typing import NDArray

STAGES = ("loading", "planning", "drawing", "decoding", "saving")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The job waits for the device.

    Attributes:
        position: jobs before this one; 0 means that it is next.
    """

    position: int


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The plan is known.

    Attributes:
        planned: services.planner.PlannedDrawing: plan, model_plan, planner, note.
    """

    planned: Any


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the work is.

    Attributes:
        step: denoising steps done, 0 to num_steps (within the stage).
        num_steps: denoising steps in all; 0 if the stage has no countable steps.
        seconds_left: estimate for the whole request; None while unknown.
        stage: one of STAGES.
    """

    step: int
    num_steps: int
    seconds_left: float | None = None
    stage: str = "drawing"

    def __post_init__(self) -> None:
        assert self.stage in STAGES, self.stage
        assert 0 <= self.step <= self.num_steps, (self.step, self.num_steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview:
    """What the drawing looks like so far.

    Attributes:
        frame_HW3: uint8 picture of the drawing as the model expects it to end.
        step: denoising steps behind it.
    """

    frame_HW3: NDArray[np.uint8]
    step: int

    def __post_init__(self) -> None:
        assert self.frame_HW3.ndim == 3
        assert self.frame_HW3.dtype == "uint8"


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """An engine's last event: the raw decode.

    Attributes:
        frames_THW3: uint8, before compositing.
        timings: seconds by stage ("text", "denoise", "decode", "first_preview", ...).
        settings: what None in the request came to: num_inference_steps, cfg_scale, width, height...
    """

    frames_THW3: NDArray[np.uint8]
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        assert self.frames_THW3.ndim == 4
        assert self.frames_THW3.dtype == "uint8"


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """A service's last event.

    Attributes:
        drawing: engines.base.Drawing.
    """

    drawing: Any


Event = Waiting | Planned | Progress | Preview | Frames | Done
