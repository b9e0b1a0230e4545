"""The field for sparse attention: "0.3", or all four of its values, "0.25 / 0.025 / 0.075 / 64"."""

from __future__ import annotations

import re
from typing import Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SparseSpec
from videosketcher_app.core.sparse_request import DENSE, SPARSE_PRESETS
from videosketcher_app.ui.texts import t

# Who gives the fraction alone gets the careful values of the rest.
BASE = SPARSE_PRESETS["careful"]
MAX_CHARACTERS = 40
_ORDER = ("kept_fraction", "first_steps_fraction", "first_layers_fraction", "num_sampled_rows")


def sparse_text(spec: SparseSpec | None) -> str:
    """The field's text for what a request says."""
    if spec is None:
        return ""
    if spec.pattern == DENSE:
        return DENSE
    values = [f"{getattr(spec, name):g}" for name in _ORDER]
    if spec == BASE.model_copy(update={"kept_fraction": spec.kept_fraction}):
        return values[0]
    return " / ".join(values)


def parse_sparse(text: Any) -> SparseSpec | None:
    """What the field's text means; None if it was left open.

    Raises:
        InvalidRequest: there is something else in it, or a value is not possible.
    """
    words = str(text or "").strip().lower()
    if not words:
        return None
    if words == DENSE:
        return SparseSpec(pattern=DENSE)
    parts = [part for part in re.split(r"[/;\s]+", words.replace(",", ".")) if part]
    try:
        values: list[float] = [float(part) for part in parts]
    except ValueError:
        values = []
    if not 1 <= len(values) <= len(_ORDER):
        raise InvalidRequest(t("sparse.bad", text=str(text)[:20]), hint=t("sparse.bad_hint"))
    given: dict[str, Any] = dict(zip(_ORDER, values, strict=False))
    rows = given.get("num_sampled_rows")
    if rows is not None and rows.is_integer():
        given["num_sampled_rows"] = int(rows)
    return SparseSpec(**{**BASE.model_dump(), **given})
