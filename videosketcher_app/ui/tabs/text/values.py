"""Field values of the Text tab: what is offered, and how typed words become numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import PLANNERS, SketchRequest
from videosketcher_app.services.model_facts import ModelFacts, all_facts
from videosketcher_app.services.model_settings import MODEL_SETTINGS
from videosketcher_app.services.presets import Preset
from videosketcher_app.ui.tabs.text.sparse_field import sparse_text
from videosketcher_app.ui.texts import t

MIN_FRAMES = 5
_FIELDS = frozenset(
    ("model", "num_inference_steps", "cfg_scale", "num_frames", "width", "height", "fps", "sparse",
     "loras", "as_written", "planner", *MODEL_SETTINGS)
)  # fmt: skip
OWN_SIZE = ""  # the model's own canvas
# Multiples of 24, which Pocket and Wan can both draw.
SIZES = ("432 x 240", "240 x 432", "312 x 312", "624 x 360", "816 x 480")
_SIZE = re.compile(r"\s*(\d{1,5})\s*(?:[x×*,]|\s)\s*(\d{1,5})\s*(?:px)?\s*", re.I)


def whole(value: Any) -> Any:
    """A number of a field as an integer; anything else stays as it is, for the request to judge."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def open_number(text: Any) -> float | None:
    """The number in a field that may be left open; None if it was.

    Raises:
        InvalidRequest: there is something else in it.
    """
    words = str(text or "").strip().replace(",", ".")
    if not words:
        return None
    try:
        return float(words)
    except ValueError:
        raise InvalidRequest(
            t("text.bad_number", text=words[:20]), hint=t("text.bad_number_hint")
        ) from None


def parse_size(text: Any) -> tuple[int | None, int | None]:
    """Width and height in pixels of "432 x 240"; (None, None) for the model's own.

    Raises:
        InvalidRequest: the text is no size.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return None, None
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidRequest(t("text.bad_size", size=str(text)[:40]), hint=t("text.bad_size_hint"))
    return int(found[1]), int(found[2])


def size_text(request: SketchRequest) -> str:
    """The field's text for a request's size."""
    if request.width is None or request.height is None:
        return OWN_SIZE
    return f"{request.width} x {request.height}"


def size_choices() -> list[tuple[str, str]]:
    """(label, value) of the sizes that are offered; others can be typed."""
    return [(t("text.size_own"), OWN_SIZE), *((size, size) for size in SIZES)]


def planner_choices() -> list[tuple[str, str]]:
    """(label, value) of the planners."""
    return [(t(f"text.planner_{name}"), name) for name in PLANNERS]


def model_choices(started_with: str, *, with_brush: bool = False) -> list[str]:
    """Models that draw whole clips now. The test family is offered only to who started with it.

    Args:
        with_brush: those that need a brush are offered too.
    """
    whole = [facts for facts in all_facts() if facts.here and facts.kind != "causal"]
    here = [facts for facts in whole if facts.family != "tiny"]
    names = [facts.name for facts in here if with_brush or not facts.image_conditioned]
    return names if started_with in names else [started_with, *names]


def draws_with_brush(name: str) -> bool:
    """Whether a model reads a brush beside the words; False for a name that nobody knows."""
    return any(facts.image_conditioned for facts in all_facts() if facts.name == name)


def model_note(name: str) -> str:
    """What a model is."""
    facts = next((one for one in all_facts() if one.name == name), None)
    return "" if facts is None else f"{_first_upper(facts)}."


def _first_upper(facts: ModelFacts) -> str:
    return facts.summary[:1].upper() + facts.summary[1:]


def preset_request(preset: Preset, *, model: str) -> SketchRequest:
    """What a preset sets, on top of the defaults; without a model of its own it keeps `model`."""
    return SketchRequest(prompt="a cat", **{"model": model, **preset.request})


def preset_choices(presets: Sequence[Preset], models: Sequence[str]) -> list[tuple[str, str]]:
    """(label, name) of the presets whose model can draw now; those without one go with any.

    What sets something that this tab has no field for is left to the command line.
    """
    offered = [
        preset
        for preset in presets
        if preset.request.get("model", models[0]) in models
        and preset.request.keys() <= _FIELDS
        and preset.request.get("num_frames", MIN_FRAMES) >= MIN_FRAMES
    ]
    return [(preset.label, preset.name) for preset in offered]


def settings_values(request: SketchRequest) -> list[Any]:
    """Values of the fields model, steps, guidance, frames, size, fps and kept fraction."""
    return [
        request.model,
        _open_text(request.num_inference_steps),
        _open_text(request.cfg_scale),
        request.num_frames,
        size_text(request),
        request.fps,
        sparse_text(request.sparse),
    ]


def _open_text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
