"""A causal checkpoint that is only a file: a model by name for as long as it is lent, imported nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidFile

if TYPE_CHECKING:
    from videosketcher_app.models.identify import Identity

_HINT = "Give the causal checkpoint of VideoSketcher, CausVid or Self-Forcing, or of your training."
_LENT_AS = "checkpoint"  # without a name of its own in the catalogue


@contextmanager
def lent_checkpoint(path: Path, *, cache: Path) -> Iterator[str]:
    """The name of a causal model that is this file or folder, inside the block.

    Args:
        cache: folder for converted pickles.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: it is damaged, or no causal model.
    """
    from videosketcher_app.models.catalogue import lent, model_row
    from videosketcher_app.models.identify import identify
    from videosketcher_app.models.model_rows import row_from
    from videosketcher_app.services.model_imports import planned_import

    identity = identify(path)
    identity.require_usable(path.name)
    _require_causal(identity, path)
    # Which of the published trainings it is decides its timesteps; its file's name may say so.
    published = identity.model_name
    incoming = planned_import(identity, path, published or _LENT_AS, cache)
    if incoming.row is None:
        row = replace(model_row(incoming.name), is_own=True)
    else:
        files: Mapping[str, Any] = dict.fromkeys(incoming.files)
        entry = {**incoming.row, "kind": "causal", "files": files}
        row = row_from(incoming.name, entry, is_own=True)
    with lent(row, incoming.files):
        yield row.name


def _require_causal(identity: Identity, path: Path) -> None:
    """Refuses what no block-causal pass can be made of.

    A bare transformer may be one: its tensors do not say what it was trained for.
    """
    from videosketcher_app.models.catalogue import model_rows

    rows = {row.name: row for row in model_rows()}
    published = rows.get(identity.model_name or "")
    named = published or rows.get(str(identity.facts.get("name") or ""))
    reads_a_frame = named is not None and named.image_conditioned
    can_be = identity.kind in ("causal", "transformer", "pocket", "pocket adapter")
    if can_be and not reads_a_frame and (published is None or published.kind == "causal"):
        return
    raise InvalidFile(
        f"{path.name} is {identity.label}, which does not draw block by block.", hint=_HINT
    )
