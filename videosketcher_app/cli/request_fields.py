"""From the flags of a drawing command to the fields of its request: the same for every command.

Commands declare their flags as parameters, for the help, and hand all of them over at once, as
`request_fields(context.params)`: a new flag is added to the commands that have it and to this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videosketcher_app.core.errors import InvalidRequest

# Flags whose name is not the field's own.
_OTHER_NAMES = {"refine_backend": "planner", "lora": "loras"}
_FIELDS = (
    "prompt", "seed", "num_frames", "width", "height", "fps", "planner", "as_written", "model",
    "loras", "num_inference_steps", "cfg_scale", "negative_prompt", "attention", "mode",
)  # fmt: skip


def request_fields(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a person gave; a command without one of these flags just has it not.

    Args:
        flags: values by parameter of the command, `typer.Context.params`. Flags that are no field
            of a request, such as where files go, are left out, and so is what was not given.

    Raises:
        InvalidRequest: two flags exclude each other, or a LoRA is not written as FILE[=SCALE].
    """
    from videosketcher_app.core.requests import LoraSpec

    if flags.get("extend_prompt") and flags.get("as_written"):
        raise InvalidRequest(
            "--extend-prompt and --as-written exclude each other.", hint="Leave one out."
        )
    fields = {_OTHER_NAMES.get(flag, flag): value for flag, value in flags.items()}
    fields["as_written"] = fields.get("as_written") or None
    fields["loras"] = tuple(map(LoraSpec.parse, fields.get("loras") or ())) or None
    return {name: fields[name] for name in _FIELDS if fields.get(name) is not None}
