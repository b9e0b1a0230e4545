"""What a LoRA is, in words and figures: what `lora inspect` and the list of LoRAs show."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.families import family_of, num_blocks
from videosketcher_app.models.lora.trigger_words import trigger_words_in

_IN_BLOCK = re.compile(r"^blocks\.\d+\.")


@dataclass(frozen=True, kw_only=True)
class LoraFacts:
    """One LoRA, described.

    Attributes:
        fits: the size of Wan transformer by its matrices ("Wan 14B", "Pocket", ...); empty if it
            is of none that is known.
        targets: kinds of adapted modules ("self_attn.q") and how many blocks have each.
        alphas: every alpha that occurs; equal to the ranks where the file says nothing.
        numbers: formats of its numbers ("bfloat16").
        note: what one should know before using it; empty if nothing.
    """

    source: str
    sha256: str
    layout: str
    fits: str
    ranks: tuple[int, ...]
    alphas: tuple[float, ...]
    targets: dict[str, int]
    num_blocks: int
    num_modules: int
    num_values: int
    numbers: tuple[str, ...]
    trigger_words: tuple[str, ...]
    metadata: dict[str, str]
    note: str

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def describe(adapter: LoraAdapter) -> LoraFacts:
    """The facts of an adapter that was read."""
    modules = [*adapter.pairs, *adapter.differences]
    matrices = [m for pair in adapter.pairs.values() for m in (pair.down_RI, pair.up_OR)]
    formats = {str(m.dtype).removeprefix("torch.") for m in matrices}
    return LoraFacts(
        source=adapter.source,
        sha256=adapter.sha256,
        layout=adapter.layout,
        fits=family_of(adapter.shapes()),
        ranks=adapter.ranks,
        alphas=tuple(sorted({pair.alpha for pair in adapter.pairs.values()})),
        targets=dict(sorted(Counter(_IN_BLOCK.sub("", module) for module in modules).items())),
        num_blocks=num_blocks(modules),
        num_modules=len(adapter.pairs),
        num_values=adapter.num_values,
        numbers=tuple(sorted(formats)),
        trigger_words=trigger_words_in(adapter.metadata),
        metadata=dict(adapter.metadata),
        note="It changes nothing: it is not trained yet." if adapter.does_nothing else "",
    )
