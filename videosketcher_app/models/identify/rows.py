"""Which row of the catalogue an identity satisfies: by network and kind, then by its file's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.model_rows import ModelRow, shipped_rows

_KINDS = {
    "transformer": ("model",),
    "causal": ("causal", "model"),
    "text encoder": ("part",),
    "vae": ("part",),
    "image encoder": ("part",),
    "decoder": ("decoder",),
    "lora": ("lora",),
    "dataset": ("dataset",),
}
# Sizes of LoRAs, as `models.lora.families` names them, and the network that they adapt.
_FAMILIES = {"Wan 14B": ("wan-t2v-14b", "wan-i2v-14b"), "Wan 1.3B": ("wan-t2v-1.3b",)}


def with_row(identity: Identity, path: Path) -> Identity:
    """The identity with the rows that it fits, and the one that it is."""
    rows = [row for row in shipped_rows().values() if _fits(row, identity)]
    named = [row for row in rows if _is_named(row, path)]
    certain = named or (rows if len(rows) == 1 and identity.kind not in _UNCERTAIN else [])
    return replace(
        identity,
        candidates=tuple(row.name for row in rows),
        model_name=certain[0].name if len(certain) == 1 else None,
    )


# Many files have the same names and shapes; only where they came from tells them apart.
_UNCERTAIN = ("lora", "dataset")


def _fits(row: ModelRow, identity: Identity) -> bool:
    if row.kind not in _KINDS.get(identity.kind, ()):
        return False
    if identity.kind == "lora":
        networks = _FAMILIES.get(identity.facts.get("family", ""), ())
        return any(shipped_rows()[needed].network in networks for needed in row.needs)
    if identity.kind == "dataset":
        return row.family == "lmdb"
    trainer = identity.facts.get("trainer", "")
    if identity.kind == "causal" and not trainer:
        return False  # somebody's own
    return row.network == identity.network and row.trainer == trainer


def _is_named(row: ModelRow, path: Path) -> bool:
    """True if a file lies as its repository has it: `bidirectional_checkpoint2/model.pt`."""
    given = path.absolute().as_posix()
    for file in row.files:
        parts = file.repo_path.split("/")
        tail = "/".join(parts[-2:]) if parts[-1].startswith(("model.", "data.")) else parts[-1]
        if given == tail or given.endswith(f"/{tail}"):
            return True
        if path.is_dir() and given.endswith("/" + "/".join(parts[-2:-1])) and len(parts) > 1:
            return True
    return False
