"""From the LoRAs that a request names to a model that draws with them, or to files with them merged.

A drawing's own request holds the hash of every LoRA, so that its replay notices another file.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, DamagedModel, InvalidRequest
from videosketcher_app.core.requests import LoraSpec, SketchRequest
from videosketcher_app.services.loras import SUFFIX, LoraLibrary
from videosketcher_app.storage.tensors import read_metadata

if TYPE_CHECKING:
    from videosketcher_app.models.lora.adapter import LoraAdapter


@dataclass(frozen=True, kw_only=True)
class ChosenLora:
    """A LoRA of a request, read and checked by itself.

    Attributes:
        spec: as asked for, with the hash of the file that was read.
    """

    spec: LoraSpec
    adapter: LoraAdapter


def choose(
    library: LoraLibrary, specs: Sequence[LoraSpec], *, role: Role = Role.OWNER
) -> tuple[ChosenLora, ...]:
    """The LoRAs of a request, each checked by itself.

    Raises:
        MissingModel: one is not on this disk.
        DamagedModel: one is another file than the request means, or holds NaN.
        InvalidFile: one is no LoRA for a Wan transformer.
        InvalidRequest: one is named twice.
        Forbidden: a guest names a file.
    """
    chosen: list[ChosenLora] = []
    for spec in specs:
        adapter = library.read(spec.path, role=role)
        _check_same(spec, adapter.sha256)
        if adapter.sha256 in {other.spec.sha256 for other in chosen}:
            raise InvalidRequest(
                f"The LoRA {spec.path[:80]!r} is named twice.",
                hint="Name it once, with the sum of the scales.",
            )
        chosen.append(ChosenLora(spec=_with_hash(spec, adapter.sha256), adapter=adapter))
    library.keep([lora.adapter for lora in chosen])
    return tuple(chosen)


@contextmanager
def applied_to(model: Any, chosen: Sequence[ChosenLora]) -> Generator[None, None, None]:
    """The model draws with these LoRAs inside the block, and is the very same after it.

    Raises:
        InvalidFile: one does not fit this model; nothing was touched.
    """
    if not chosen:
        yield
        return
    from videosketcher_app.models.lora.applying import applied

    stack = [(lora.adapter, lora.spec.scale) for lora in chosen]
    with applied(model.transformer, stack, base=model.name):
        yield


def with_hashes(request: SketchRequest, chosen: Sequence[ChosenLora]) -> SketchRequest:
    """The request with the hashes of the files that were read; without LoRAs the very same."""
    return request.replaced(loras=[lora.spec for lora in chosen]) if chosen else request


def hashes_of(chosen: Sequence[ChosenLora]) -> dict[str, str]:
    """SHA-256 by LoRA, for a run's files."""
    return {lora.spec.path: lora.adapter.sha256 for lora in chosen}


def pinned(
    library: LoraLibrary, specs: Sequence[LoraSpec], *, role: Role = Role.OWNER
) -> tuple[LoraSpec, ...]:
    """The same LoRAs with the hashes of the files that are there now; nothing is read further.

    Raises:
        MissingModel: one is not on this disk.
        DamagedModel: one is another file than its hash says.
        Forbidden: a guest names a file.
    """
    from videosketcher_app.models.lora.reading import lora_hash

    found = []
    for spec in specs:
        sha256 = lora_hash(library.path_of(spec.path, role=role))
        _check_same(spec, sha256)
        found.append(_with_hash(spec, sha256))
    return tuple(found)


def unsaid(library: LoraLibrary, specs: Sequence[LoraSpec], prompt: str) -> tuple[str, ...]:
    """One sentence for each LoRA none of whose trigger words is in the prompt."""
    sentences = []
    for spec in specs:
        words = _trigger_words(library, spec)
        if words and not any(word.casefold() in prompt.casefold() for word in words):
            told = ", ".join(words)
            sentences.append(f"{spec.path[:80]} answers to words of its own: {told}.")
    return tuple(sentences)


def merge_files(
    library: LoraLibrary, base: str, specs: Sequence[LoraSpec], out: Path
) -> tuple[Path, ...]:
    """Writes a model with LoRAs merged into it; returns its files of weights.

    Args:
        base: a name of the catalogue, a folder of weights, or a .safetensors file.
        out: a free name: of a folder, or of a .safetensors file if the base is one.

    Raises:
        MissingModel: the base or a LoRA is not on this disk.
        InvalidFile: a LoRA does not fit the base.
        InvalidRequest: `out` is taken or of another kind.
        CannotWrite: the disk is full or `out` cannot be written.
    """
    from videosketcher_app.models.lora.merged_model import write_merged

    if not specs:
        raise InvalidRequest("There is no LoRA to merge.", hint="Name one with --lora FILE.")
    stack = [(lora.adapter, lora.spec.scale) for lora in choose(library, specs)]
    return write_merged(_files_of_model(base), stack, out)


def _with_hash(spec: LoraSpec, sha256: str) -> LoraSpec:
    return LoraSpec(path=spec.path, scale=spec.scale, sha256=sha256)


def _check_same(spec: LoraSpec, sha256: str) -> None:
    if spec.sha256 is not None and spec.sha256 != sha256:
        raise DamagedModel(
            f"The LoRA {spec.path[:80]!r} has changed: it is not the file that this request means.",
            hint="Bring the old file back, or name the LoRA anew with --lora.",
        )


def _trigger_words(library: LoraLibrary, spec: LoraSpec) -> tuple[str, ...]:
    """Without reading any tensor; none if the file cannot tell."""
    from videosketcher_app.models.lora.trigger_words import trigger_words_in

    try:
        return library.entry(spec.path).trigger_words
    except AppError:
        file = Path(spec.path)
    try:
        return trigger_words_in(read_metadata(file)) if file.suffix == SUFFIX else ()
    except AppError:  # drawing will say what is wrong with it
        return ()


def _files_of_model(base: str) -> Path:
    """Where a model's weights are: a name of the catalogue, or a path."""
    from videosketcher_app.models.catalogue import folder_of_model

    path = Path(base)
    return path if path.exists() else folder_of_model(base)
