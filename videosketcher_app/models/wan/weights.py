"""The files that Wan's networks are published in, told apart by their tensors and read strictly.

A transformer lies in one safetensors file, in shards, or in a trainer's pickle; the text encoder,
the VAE and the image encoder in pickles of plain tensors (facts: reference 1.1, diffsynth 3). What a
file is called does not matter. Names and shapes of safetensors are compared before a number is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.conversion import PICKLE_SUFFIXES, converted
from videosketcher_app.models.conversion_child import generator_of
from videosketcher_app.models.published import plain_names, refuse_other_tensors
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.storage.safetensors_format import read_header

SAFETENSORS = ".safetensors"
TOKENIZER_FILE = "tokenizer.json"
TRANSFORMER, TEXT, VAE = "transformer", "text encoder", "VAE"
IMAGE, PREVIEW = "image encoder", "preview decoder"
# A tensor that every published file of a part has.
_MARKS = {
    "patch_embedding.weight": TRANSFORMER,
    "token_embedding.weight": TEXT,
    "encoder.conv1.weight": VAE,
    "visual.patch_embedding.weight": IMAGE,
    "decoder.1.weight": PREVIEW,
}
_PREFIXES = {VAE: "model.", IMAGE: "model."}  # diffsynth holds these one level deeper
_UNUSED = {IMAGE: "textual.", PREVIEW: "encoder."}  # the other halves of these files

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class PartWeights:
    """One network's weights, from however many files.

    Attributes:
        part: TRANSFORMER, TEXT, VAE, IMAGE or PREVIEW.
        source: what messages call it.
        shapes: by the network's own names.
        stored: the network's own name -> the name in the file.
        files: safetensors files that hold them; empty if they are in memory already.
        tensors: by the names in the file, if they are in memory.
    """

    part: str
    source: str
    shapes: Mapping[str, Shape]
    stored: Mapping[str, str]
    files: Sequence[Path] = ()
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def read(self) -> dict[str, Tensor]:
        """All tensors on the CPU by the network's own names.

        Raises:
            InvalidFile: a file was cut short.
            DamagedModel: a number is NaN or Inf.
        """
        found = dict(self.tensors)
        for file in self.files:
            found.update(tensor_files.read_safetensors(file))
        own = {name: found[stored] for name, stored in self.stored.items()}
        tensor_files.check_finite(own, source=self.source)
        return own

    def check(self, network: nn.Module) -> None:
        """Compares names and shapes with a network's.

        Raises:
            InvalidFile: names what is missing, too much, or of another shape.
        """
        expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        refuse_other_tensors(self.source, expected=expected, found=self.shapes)


def find_parts(paths: Iterable[Path], *, cache: Path, on_disk: bool) -> dict[str, PartWeights]:
    """The networks that some files hold, by part.

    Args:
        paths: files in any order; those without weights are passed over.
        cache: folder for converted pickles.
        on_disk: weights are read from their files again and again, so pickles are converted.

    Raises:
        InvalidFile: a file holds something else, is damaged, or two hold the same tensors.
        MissingModel: there is no such file.
    """
    shards: dict[Path, dict[str, Shape]] = {}
    parts: dict[str, PartWeights] = {}
    for path in sorted(set(paths)):
        if path.suffix in PICKLE_SUFFIXES:
            _add(parts, _from_pickle(path, cache, on_disk=on_disk))
        elif path.suffix == SAFETENSORS:
            shards[path] = _shapes_in(path)
    for group in _grouped(shards):
        _add(parts, _from_safetensors(group, shards))
    return parts


def tokenizer_folder(paths: Iterable[Path]) -> Path | None:
    """The folder of the tokenizer among a model's files; None if there is none."""
    return next((path.parent for path in paths if path.name == TOKENIZER_FILE), None)


def _from_pickle(path: Path, cache: Path, *, on_disk: bool) -> PartWeights:
    """Plain tables are read here; what a trainer wrapped up is converted in a child process."""
    if on_disk:
        return _from_converted(path, cache)
    try:
        table = tensor_files.read_pickle_weights(path, mapped=True)
    except tensor_files.MoreThanTensors:
        return _from_converted(path, cache)
    _, tensors = generator_of(table, path.name)
    whole = (name for name, value in tensors.items() if not value.is_floating_point())
    _refuse_whole_numbers(path, next(whole, None))
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    return _part(path.name, shapes, tensors=tensors)


def _from_converted(path: Path, cache: Path) -> PartWeights:
    file = converted(path, cache)
    return _part(path.name, _shapes_in(file), files=(file,))


def _from_safetensors(
    group: Sequence[Path], shards: Mapping[Path, Mapping[str, Shape]]
) -> PartWeights:
    shapes: dict[str, Shape] = {}
    for path in group:
        twice = shapes.keys() & shards[path].keys()
        if twice:
            raise InvalidFile(
                f"{path.name} holds {min(twice)[:80]!r}, which another shard holds too.",
                hint="Keep the files of one model only.",
            )
        shapes.update(shards[path])
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return _part(f"{group[0].name}{more}", shapes, files=tuple(group))


def _part(
    source: str,
    shapes: Mapping[str, Shape],
    *,
    files: Sequence[Path] = (),
    tensors: Mapping[str, Tensor] | None = None,
) -> PartWeights:
    """Finds out which part it is and what its network calls the tensors."""
    plain = plain_names({name: name for name in shapes}, source)
    part = next((part for mark, part in _MARKS.items() if mark in plain), None)
    if part is None:
        raise InvalidFile(
            f"{source} holds no part of a Wan model; its first tensor is "
            f"{next(iter(shapes), '')[:80]!r}.",
            hint="Remove it from the model's folder, or look with `models identify`.",
        )
    prefix = _PREFIXES.get(part, "")
    unused = _UNUSED.get(part)
    stored = {
        prefix + short: name
        for short, name in plain.items()
        if unused is None or not short.startswith(unused)
    }
    return PartWeights(
        part=part,
        source=source,
        shapes={own: shapes[name] for own, name in stored.items()},
        stored=stored,
        files=files,
        tensors=tensors or {},
    )


def _grouped(shards: Mapping[Path, Mapping[str, Shape]]) -> list[list[Path]]:
    """Shards of a folder belong together unless a file is a whole part by itself."""
    whole = [[path] for path, shapes in shards.items() if _other_part(shapes)]
    by_folder: dict[Path, list[Path]] = {}
    for path in shards:
        if [path] not in whole:
            by_folder.setdefault(path.parent, []).append(path)
    return [*whole, *by_folder.values()]


def _other_part(shapes: Mapping[str, Shape]) -> bool:
    """True for a file of an encoder or decoder; a transformer's may be a shard."""
    marks = (mark for mark, part in _MARKS.items() if part != TRANSFORMER)
    return any(mark in shapes for mark in marks)


def _add(parts: dict[str, PartWeights], found: PartWeights) -> None:
    if found.part in parts:
        raise InvalidFile(
            f"{found.source} and {parts[found.part].source} both hold a {found.part}.",
            hint="Keep one of them in the model's folder.",
        )
    parts[found.part] = found


def _shapes_in(path: Path) -> dict[str, Shape]:
    tensors = read_header(path).tensors
    whole = (name for name, entry in tensors.items() if "F" not in entry.dtype)
    _refuse_whole_numbers(path, next(whole, None))
    return {name: tuple(entry.shape) for name, entry in tensors.items()}


def _refuse_whole_numbers(path: Path, name: str | None) -> None:
    if name is not None:
        raise InvalidFile(
            f"{path.name} holds whole numbers in {name[:80]!r}, where weights should be.",
            hint="Quantized files of other programs cannot be used; take the published ones.",
        )


def layers_of(names: Iterable[str], prefix: str) -> int:
    """How many numbered layers there are below a prefix ("blocks.")."""
    return len(
        {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    )


def shape_of(shapes: Mapping[str, Shape], name: str, axes: int, source: str) -> Shape:
    """The shape of a tensor that sizes are read from.

    Raises:
        InvalidFile: it is missing, or has another number of axes.
    """
    shape = shapes.get(name, ())
    if len(shape) != axes or not math.prod(shape):
        raise InvalidFile(
            f"{source} cannot be used: {name!r} is missing or has another shape.",
            hint="Download or copy the file again.",
        )
    return shape
