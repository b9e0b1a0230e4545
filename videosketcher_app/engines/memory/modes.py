"""Modes of speed: `exact`, `fast` and `sketch`, and what each of them leaves out.

`exact` is the default. The others trade likeness for speed; what they do is written into the
drawing's files, and how far each of them is from `exact` stands in docs/guide/acceleration.md,
measured with `python -m benchmarks.approximations`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from videosketcher_app.core.sparse_request import DENSE, SPARSE_PRESETS, SparseSpec

Mode = Literal["exact", "fast", "sketch"]
StepCache = Literal["teacache", "magcache"]


@dataclass(frozen=True, kw_only=True)
class Acceleration:
    """Everything that a sampler may leave out; the defaults leave nothing out.

    Attributes:
        mode: the name under which a person chose it.
        sparse: what Sparse VideoGen keeps of attention; None is dense.
        step_cache: which method plans the skipped steps; None computes every step.
        cache_error: how much estimated error a run of skipped steps may gather.
        cache_max_skips: steps skipped in a row (MagCache).
        cache_start: share of the steps that is always computed first (MagCache).
        cfg_skip: share of the steps that take the last guidance direction again.
        culling: share of the steps after which keys of blank paper are merged; None keeps all.
        frozen_paper: share of the steps after which settled paper is left alone; None never.
        merged_keys: the keys of frozen paper are merged by squares, which takes less memory.
        fp8: linear layers multiply in 8 bits.
        compiled: blocks are computed by kernels made for this device (equal within rounding).
    """

    mode: Mode = "exact"
    sparse: SparseSpec | None = None
    step_cache: StepCache | None = None
    cache_error: float = 0.0
    cache_max_skips: int = 0
    cache_start: float = 0.2
    cfg_skip: float = 0.0
    culling: float | None = None
    frozen_paper: float | None = None
    merged_keys: bool = False
    fp8: bool = False
    compiled: bool = False

    @property
    def is_exact(self) -> bool:
        """Nothing is left out: the plain sampler draws."""
        return replace(self, mode="exact") == Acceleration()

    @property
    def watches_paper(self) -> bool:
        """It must know where the paper stays blank."""
        return self.culling is not None or self.frozen_paper is not None

    def to_mapping(self) -> dict[str, Any]:
        """What goes into a drawing's files: the mode, and only what it leaves out."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        told = {name: value for name, value in given.items() if value != getattr(EXACT, name)}
        if self.sparse is not None:
            told["sparse"] = self.sparse.model_dump()
        return {"mode": self.mode, **told}


EXACT = Acceleration()
_CACHED = Acceleration(mode="fast", step_cache="teacache", cache_error=0.06, cfg_skip=0.25)
_FROZEN = replace(_CACHED, mode="sketch", frozen_paper=0.4)
_STUDIO = Acceleration(
    mode="fast",
    sparse=SPARSE_PRESETS["careful"],
    step_cache="magcache",
    cache_error=0.1,
    cache_max_skips=1,
    cache_start=0.1,
    fp8=True,
    compiled=True,
)
# By the beginning of a model's name in the catalogue; the longest that fits counts.
PRESETS: dict[str, dict[Mode, Acceleration]] = {
    "": {"fast": Acceleration(mode="fast"), "sketch": Acceleration(mode="sketch")},
    "pocket": {"fast": _CACHED, "sketch": _FROZEN},
    "tiny": {"fast": _CACHED, "sketch": _FROZEN},
    "wan2.1": {
        "fast": _STUDIO,
        "sketch": replace(_STUDIO, mode="sketch", frozen_paper=0.4, merged_keys=True),
    },
}


def acceleration_of(mode: Mode, model: str, sparse: SparseSpec | None = None) -> Acceleration:
    """What a mode means for a model of the catalogue.

    Args:
        model: its name; models that nothing was measured for draw exactly in every mode.
        sparse: what a request says of attention itself; it counts before the mode's own.
    """
    chosen = EXACT
    if mode != "exact":
        prefix = max((known for known in PRESETS if model.startswith(known)), key=len)
        chosen = PRESETS[prefix][mode]
    if sparse is None:
        return chosen
    return replace(chosen, sparse=None if sparse.pattern == DENSE else sparse)


def fitted(acceleration: Acceleration, model: Any) -> Acceleration:
    """What of a mode a loaded model can do; the rest is left off, and not recorded.

    Weights that memory management moves about can be neither compiled nor quantized here, and a
    few-step model samples in its own way.
    """
    if getattr(model, "few_steps", None) is not None:
        return replace(Acceleration(mode=acceleration.mode), sparse=acceleration.sparse)
    pipe = getattr(model, "pipe", None)
    if getattr(pipe, "vram_management_enabled", False):
        return replace(acceleration, fp8=False, compiled=False)
    return acceleration
