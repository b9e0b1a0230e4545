"""The same requests from Python: scripts and notebooks.

    from videosketcher_app import api
    drawing = api.sketch("a cat", seed=7)
    drawing.save("outputs")          # mp4, png, svg, config, run record

The first call loads the model; later calls reuse it until `close()`.
"""

from __future__ import annotations

import threading
from typing import Any

from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.outputs import Drawing

__all__ = ["Drawing", "SketchRequest", "close", "sketch"]

_lock = threading.Lock()
_services: Services | None = None


def sketch(prompt: str, **fields: Any) -> Drawing:
    """Draws a concept ("a cat") or a whole plan; nothing is written until `Drawing.save`.

    Args:
        fields: any other field of SketchRequest (seed, model, num_frames, width, ...).

    Raises:
        InvalidRequest: a field is unknown or its value is not possible.
        MissingModel: the model's weights are not on this disk.
    """
    request = SketchRequest(**{**fields, "prompt": prompt})
    for event in _shared_services().generation.run(request):
        if isinstance(event, Done):
            return event.drawing
    raise AssertionError("a run ends with Done")


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
