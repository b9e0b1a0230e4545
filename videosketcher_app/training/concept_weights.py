"""Which concepts a training run draws more often: those whose plans the last model followed worst."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.storage.keyed_yaml import read_keys

LEAST, MOST = 0.6, 2.5  # nothing is forgotten, and nothing crowds out the rest


def read_weights(path: Path) -> dict[str, float]:
    """Reads weights by program name from a flat YAML file.

    Raises:
        InvalidRequest: the file cannot be read, names an unknown concept or a weight that is no
            positive number.
    """
    values = read_keys(path, what="file of weights")
    for name, value in values.items():
        if name not in programs():
            raise InvalidRequest(
                f"Unknown concept in {path.name}: {name}.", hint="Use names of the grammar."
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise InvalidRequest(
                f"The weight of {name} in {path.name} is {value!r}.",
                hint="Give a number above 0.",
            )
    return {name: float(value) for name, value in values.items()}


def weights_of_reports(paths: Sequence[Path]) -> dict[str, float]:
    """Weights by concept from `report.json` files of `evaluate text`.

    A concept counts by its share of pairs of planned parts that are out of order or lack a part,
    relative to the mean over all concepts.
    """
    lost: dict[str, list[float]] = {}
    for path in paths:
        sets = json.loads(path.read_text("utf-8"))["by_name"]
        for name, figures in (row for rows in sets.values() for row in rows.items()):
            if name in programs() and "order_all_pairs" in figures:
                lost.setdefault(name, []).append(1 - figures["order_all_pairs"])
    return weights_of_losses({name: sum(v) / len(v) for name, v in lost.items()})


def weights_of_losses(lost: Mapping[str, float]) -> dict[str, float]:
    """Losses relative to their mean, kept between LEAST and MOST."""
    mean = sum(lost.values()) / max(1, len(lost))
    if mean == 0:
        return dict.fromkeys(lost, 1.0)
    return {
        name: round(min(MOST, max(LEAST, value / mean)), 2) for name, value in sorted(lost.items())
    }
