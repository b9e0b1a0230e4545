"""Which Wan transformer a table is, and what its trainer's table says of how it draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.identify.comparing import differences
from videosketcher_app.models.identify.contents import Contents, Entry
from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.identify.networks import LABELS, WAN_NETWORKS, WanShape, wan_shapes

RUN_FILE, CAUSAL_STAGES = "run.json", ("causal", "ode", "dmd")
_MAX_RUN_BYTES = 1_000_000
_PATCH = "patch_embedding.weight"
_SIGNS = (_PATCH, "blocks.0.self_attn.q.weight")
_SIZES = {  # what is known and not drawn with here
    (3072, 48): "Wan 2.2 TI2V 5B",
    (1536, 48): "Wan 2.1 Fun Control 1.3B",
    (5120, 48): "Wan 2.1 Fun Control 14B",
    (1536, 36): "Wan 2.1 Fun InP 1.3B",
}


def is_wan(names: Mapping[str, Entry]) -> bool:
    """True if these are the bare names of a Wan transformer."""
    return all(sign in names for sign in _SIGNS)


def transformer_identity(contents: Contents, tensors: Mapping[str, Entry]) -> Identity:
    """The identity of a Wan transformer.

    Args:
        tensors: the contents' tensors under bare names.

    Raises:
        InvalidFile: its sizes contradict each other.
    """
    size = _size_of(tensors, contents.source)
    network = next((name for name, known in WAN_NETWORKS.items() if known == size), "")
    problems = (*contents.problems, *differences(wan_shapes(size), tensors), *_limits(size))
    kind, how, trainer = _how_it_draws(contents)
    label = LABELS.get(network) or _described(size)
    if len(contents.files) > 1:
        label += f", {len(contents.files)} shards"
    return Identity(
        kind=kind,
        label=f"{label} ({how})" if how else label,
        network=network,
        num_tensors=len(tensors),
        num_bytes=contents.num_bytes,
        problems=problems,
        files=contents.files,
        facts={"trainer": trainer},
    )


def _size_of(tensors: Mapping[str, Entry], source: str) -> WanShape:
    def side(name: str, axis: int, axes: int) -> int:
        entry = tensors.get(name)
        if entry is None or len(entry.shape) != axes or not all(entry.shape):
            raise InvalidFile(
                f"{source} looks like a Wan transformer, but {name!r} is missing or has an "
                "impossible shape.",
                hint="Download or copy it again.",
            )
        return entry.shape[axis]

    patch = side(_PATCH, 4, 5)
    return WanShape(
        dim=side(_PATCH, 0, 5),
        in_dim=side(_PATCH, 1, 5),
        ffn_dim=side("blocks.0.ffn.0.weight", 0, 2),
        out_dim=max(1, side("head.head.weight", 0, 2) // patch**2),
        text_dim=side("text_embedding.0.weight", 1, 2),
        freq_dim=side("time_embedding.0.weight", 1, 2),
        num_layers=len({name.split(".")[1] for name in tensors if name.startswith("blocks.")}),
        patch=patch,
        with_image=any(name.startswith("img_emb.") for name in tensors),
    )


def _limits(size: WanShape) -> tuple[str, ...]:
    """What no engine here draws with, though it may be whole."""
    if size in WAN_NETWORKS.values() or (size.in_dim == size.out_dim and not size.with_image):
        return ()
    return (f"it is a {_described(size)}, which no engine of this app draws with",)


def _described(size: WanShape) -> str:
    known = _SIZES.get((size.dim, size.in_dim))
    if known is not None:
        return f"{known} transformer"
    reads = "" if size.in_dim == 16 else f" that reads {size.in_dim} channels"
    return f"Wan transformer of width {size.dim} with {size.num_layers} blocks{reads}"


def _how_it_draws(contents: Contents) -> tuple[str, str, str]:
    """(kind, what the label adds, whose trainer wrote the table), from the tables' names."""
    beside, container = set(contents.beside), contents.container
    if container == "generator_ema":
        return "causal", "Self-Forcing, moving average", "self-forcing"
    if container == "generator" and "critic" in beside:
        return "causal", "few steps, with its critic: CausVid's, causal or bidirectional", "causvid"
    if container == "generator" and beside & {"epoch", "config"}:
        return "causal", "VideoSketcher AR", "videosketcher"
    if container == "generator":
        return "causal", "generator of a causal trainer", "causvid"
    if "container" in contents.metadata or _stage_beside(contents.files[0]) is not None:
        return "causal", "causal", ""
    return "transformer", "", ""


def _stage_beside(file: Path) -> str | None:
    """The stage of the run that left this file (`train causal`, `ode`, `dmd`); None if none did."""
    for folder in (file.parent, file.parent.parent):
        stage = stage_of_run(folder)
        if stage is not None:
            return stage
    return None


def stage_of_run(folder: Path) -> str | None:
    """The stage that the run.json of a training run names, if it makes causal models."""
    path = folder / RUN_FILE
    try:
        if not path.is_file() or path.stat().st_size > _MAX_RUN_BYTES:
            return None
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    stage = content.get("stage") if isinstance(content, dict) else None
    return stage if stage in CAUSAL_STAGES else None
