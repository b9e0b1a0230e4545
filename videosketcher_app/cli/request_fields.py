"""From the flags of a drawing command to the fields of its request: the same for every command.

Commands declare their flags as parameters, for the help, and hand all of them over at once, as
`request_fields(context.params)`: a new flag is added to the commands that have it and to this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videosketcher_app.cli.acceleration_flags import SPARSE_FLAGS, sparse_spec
from videosketcher_app.core.errors import InvalidRequest

# Flags whose name is not the field's own.
_OTHER_NAMES = {
    "refine_backend": "planner", "lora": "loras", **dict.fromkeys(SPARSE_FLAGS, "sparse"),
}  # fmt: skip
_FIELDS = (
    "prompt", "seed", "num_frames", "width", "height", "fps", "planner", "as_written", "model",
    "loras", "num_inference_steps", "cfg_scale", "negative_prompt", "attention", "mode", "sparse",
    "rounding", "input_video", "strength",
)  # fmt: skip


def request_fields(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a person gave; a command without one of these flags just has it not.

    Args:
        flags: values by parameter of the command, `typer.Context.params`. Flags that are no field
            of a request, such as where files go, are left out, and so is what was not given.

    Raises:
        InvalidRequest: two flags exclude each other, a LoRA is not written as FILE[=SCALE], or
            sparse attention is asked for in an impossible way.
    """
    from videosketcher_app.core.requests import LoraSpec

    if flags.get("extend_prompt") and flags.get("as_written"):
        raise InvalidRequest(
            "--extend-prompt and --as-written exclude each other.", hint="Leave one out."
        )
    fields = {_OTHER_NAMES.get(flag, flag): value for flag, value in flags.items()}
    fields["as_written"] = fields.get("as_written") or None
    fields["loras"] = tuple(map(LoraSpec.parse, fields.get("loras") or ())) or None
    fields["sparse"] = sparse_spec(flags)
    if fields.get("input_video") is not None:
        fields["input_video"] = str(Path(fields["input_video"]).absolute())
    return {name: fields[name] for name in _FIELDS if fields.get(name) is not None}


def with_preset(name: str | None, fields: Mapping[str, Any], settings: Any) -> dict[str, Any]:
    """The fields of a preset, and over them those that a person gave.

    Args:
        name: of a shipped preset or one in the workspace; None is none.

    Raises:
        InvalidRequest: there is no such preset.
    """
    if name is None:
        return dict(fields)
    from videosketcher_app.core.requests import SketchRequest
    from videosketcher_app.services.presets import PRESETS, load_presets

    presets, _ = load_presets(PRESETS, Path(settings.workspace) / "presets")
    known = {preset.name: preset for preset in presets}
    if name not in known:
        raise InvalidRequest(
            f"There is no preset named {name[:80]!r}.", hint=f"Known presets: {', '.join(known)}."
        )
    given = known[name].request
    request = SketchRequest(**{"prompt": "a cat", **given})
    return {**{field: getattr(request, field) for field in given}, **fields}
