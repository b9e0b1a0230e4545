"""Text encoder, VAE, image encoder and tiny decoder: recognised by a few names, compared by all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from videosketcher_app.models.identify.comparing import differences
from videosketcher_app.models.identify.contents import Contents, Entry
from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.identify.networks import LABELS, shapes_of

Table = Mapping[str, Entry]


@dataclass(frozen=True, kw_only=True)
class Part:
    """How one published network is recognised.

    Attributes:
        kind: of its identity.
        signs: names of which all must be there.
        optional: the beginnings of names that may be missing or too much.
        adjusted: what of a table counts.
    """

    network: str
    kind: str
    signs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    adjusted: Callable[[Table], Table] = dict


def _without_model(tensors: Table) -> Table:
    """Some write the VAE below "model.", as their class holds it."""
    return {name.removeprefix("model."): entry for name, entry in tensors.items()}


def _grown(tensors: Table) -> Table:
    """The first growth in time may be stored twice as wide; its last half is what counts."""
    name = "decoder.7.conv.weight"
    wide = tensors.get(name)
    if wide is None or wide.shape != (512, 256, 1, 1):
        return tensors
    half = Entry(shape=(256, 256, 1, 1), is_float=wide.is_float, num_bytes=wide.num_bytes)
    return {**tensors, name: half}


PARTS = (
    Part(
        network="umt5-xxl",
        kind="text encoder",
        signs=("token_embedding.weight", "blocks.0.attn.q.weight"),
    ),
    Part(
        network="wan2.1-vae",
        kind="vae",
        signs=("encoder.conv1.weight", "decoder.conv1.weight", "conv2.weight"),
        adjusted=_without_model,
    ),
    Part(
        network="clip-vit-h",
        kind="image encoder",
        signs=("visual.patch_embedding.weight", "visual.cls_embedding"),
        optional=("textual.",),
        adjusted=_without_model,
    ),
    Part(
        network="taew2.1",
        kind="decoder",
        signs=("decoder.1.weight", "decoder.3.conv.0.weight"),
        optional=("encoder.",),
        adjusted=_grown,
    ),
)


def part_identity(contents: Contents) -> Identity | None:
    """The part that a table is; None if it is none."""
    for part in PARTS:
        tensors = part.adjusted(contents.tensors)
        if all(sign in tensors for sign in part.signs):
            flaws = differences(shapes_of(part.network), tensors, optional=part.optional)
            return Identity(
                kind=part.kind,
                label=LABELS[part.network],
                network=part.network,
                num_tensors=len(contents.tensors),
                num_bytes=contents.num_bytes,
                problems=(*contents.problems, *flaws),
                files=contents.files,
                facts={"container": contents.container},
            )
    return None
