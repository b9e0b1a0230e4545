"""The flags of sparse attention, under the names of the published scripts (Sparse VideoGen).

What those call sparsity is the fraction that is kept, and what their README gives for the first steps
their code has for the first layers; `--sparse-preset` names both sets of values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from videosketcher_app.cli.options import option
from videosketcher_app.core.errors import InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.core.sparse_request import SparseSpec

_SPEED = "Sparse attention"
_FIELDS = {
    "sparsity": "kept_fraction",
    "first_times_fp": "first_steps_fraction",
    "first_layers_fp": "first_layers_fraction",
    "num_sampled_rows": "num_sampled_rows",
}
# Parameters of the drawing commands that together say what is kept.
SPARSE_FLAGS = ("pattern", "sparse_preset", *_FIELDS)

Pattern = Annotated[
    str | None, option("--pattern", "SVG attends sparsely, dense fully.", _SPEED, metavar="NAME")
]
SparsePreset = Annotated[
    str | None,
    option("--sparse-preset", "readme, code, careful: published and other values.", _SPEED),
]
Sparsity = Annotated[float | None, option("--sparsity", "Fraction of attention kept.", _SPEED)]
FirstTimesFp = Annotated[
    float | None, option("--first-times-fp", "Fraction of steps, the first, kept dense.", _SPEED)
]
FirstLayersFp = Annotated[
    float | None, option("--first-layers-fp", "Fraction of layers, the first, kept dense.", _SPEED)
]
NumSampledRows = Annotated[
    int | None, option("--num-sampled-rows", "Queries that a head is judged by.", _SPEED)
]


def sparse_spec(flags: Mapping[str, Any]) -> SparseSpec | None:
    """What the flags say of sparse attention; None if they say nothing.

    Args:
        flags: values by parameter of the command; those of other matters are passed over.

    Raises:
        InvalidRequest: an unknown pattern or preset, an impossible value, or values without
            `--pattern SVG`.
    """
    from videosketcher_app.core.sparse_request import DENSE, PATTERNS, SparseSpec, sparse_preset

    values = {field: flags[flag] for flag, field in _FIELDS.items() if flags.get(flag) is not None}
    preset, given = flags.get("sparse_preset"), flags.get("pattern")
    if given is None:
        if values or preset:
            raise InvalidRequest(
                "Values of sparse attention were given, but no pattern.", hint="Add --pattern SVG."
            )
        return None
    pattern = next((known for known in PATTERNS if known.lower() == given.lower()), None)
    if pattern is None:
        raise InvalidRequest(
            f"There is no attention pattern {given!r}.", hint=f"Known: {', '.join(PATTERNS)}."
        )
    if pattern == DENSE:
        return SparseSpec(pattern=DENSE)
    base = sparse_preset(preset) if preset else SparseSpec()
    return SparseSpec(**{**base.model_dump(), **values})
