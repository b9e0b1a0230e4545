"""Whether a row's files are what was published: by hash where one is known, else strictly by content.

A file without a published hash is judged by its header, by the names and shapes of its tensors, and
by its numbers: none may be NaN or Inf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, InvalidFile
from videosketcher_app.storage.copying import hash_file

if TYPE_CHECKING:
    from torch import Tensor

    from videosketcher_app.models.identify import Identity
    from videosketcher_app.models.model_rows import ModelRow

OnProgress = Callable[[int, int], None]  # bytes done, bytes in all
_WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """How a verification ended.

    Attributes:
        by_hash: files whose SHA-256 is the published one.
        by_content: files without a published hash: header, names, shapes and numbers are right.
        flaws: what is wrong, one sentence a file; empty if nothing is.
    """

    name: str
    by_hash: tuple[str, ...] = ()
    by_content: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """True if nothing is wrong."""
        return not self.flaws

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.flaws:
            return f"{self.name} is damaged: {self.flaws[0]}"
        parts = []
        if self.by_hash:
            parts.append(f"{len(self.by_hash)} of its files have the published hash")
        if self.by_content:
            parts.append(
                f"{len(self.by_content)} have no published hash, and header, names, shapes and "
                "numbers are right"
            )
        return f"{self.name} is whole: {'; '.join(parts) or 'it has no files'}."

    def __str__(self) -> str:
        return self.sentence


class Meter:
    """Counts bytes of several files towards one progress.

    Args:
        total_bytes: of all of them.
    """

    def __init__(self, total_bytes: int, on_progress: OnProgress | None) -> None:
        self._total, self._tell = total_bytes, on_progress
        self._done = 0

    def add(self, num_bytes: int) -> None:
        """So many bytes more have gone by."""
        self._done = min(self._total, self._done + num_bytes)
        if self._tell is not None:
            self._tell(self._done, self._total)


def verify_files(
    row: ModelRow,
    files: Mapping[str, Path],
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelToken | None = None,
) -> VerifyReport:
    """Reads every file of a row.

    Args:
        files: where they are, by the path that the row gives them.

    Raises:
        Cancelled: somebody asked to stop.
    """
    meter = Meter(sum(path.stat().st_size for path in files.values()), on_progress)
    by_hash, unknown, flaws = [], {}, []
    known = {file.path: file for file in row.files}
    for name, path in files.items():
        facts = known.get(name)
        if facts is None or facts.sha256 is None:
            unknown[name] = path
        elif flaw := _hash_flaw(path, facts.num_bytes, facts.sha256, meter, cancel):
            flaws.append(flaw)
        else:
            by_hash.append(name)
    by_content, bad = _by_content(row, unknown, meter, cancel)
    return VerifyReport(
        name=row.name,
        by_hash=tuple(by_hash),
        by_content=tuple(by_content),
        flaws=(*flaws, *bad),
    )


def _hash_flaw(
    path: Path, num_bytes: int | None, sha256: str, meter: Meter, cancel: CancelToken | None
) -> str:
    found = path.stat().st_size
    if num_bytes is not None and found != num_bytes:
        meter.add(found)
        return f"{path.name} has {found:,} bytes instead of {num_bytes:,}."
    if hash_file(path, on_bytes=meter.add, cancel=cancel) != sha256:
        return f"{path.name} is not the published file: its SHA-256 differs."
    return ""


def _by_content(
    row: ModelRow, files: Mapping[str, Path], meter: Meter, cancel: CancelToken | None
) -> tuple[list[str], list[str]]:
    weights = [path for path in files.values() if path.suffix in _WEIGHTS]
    flaws: list[str] = []
    seen: set[Path] = set()
    for path in weights:
        if path in seen:
            continue
        try:
            identity = judged(path, row)
            seen |= set(identity.files)
            check_numbers(identity.files, meter=meter, cancel=cancel)
        except Cancelled:
            raise
        except AppError as error:
            flaws.append(error.message)
    return ([] if flaws else list(files)), flaws


def judged(path: Path, row: ModelRow) -> Identity:
    """The identity of a file that should be a row's.

    Raises:
        InvalidFile: it is something else, or is not whole.
    """
    from videosketcher_app.models.identify import identify

    identity = identify(path)
    identity.require_usable(path.name)
    fits = row.name in identity.candidates or (row.is_own and row.network == identity.network)
    if not fits:
        raise InvalidFile(
            f"{path.name} is {identity.label}, which is not what {row.name} consists of.",
            hint="Download or import it again.",
        )
    return identity


def check_numbers(
    files: Sequence[Path], *, meter: Meter | None = None, cancel: CancelToken | None = None
) -> None:
    """Reads every tensor, one at a time, and refuses NaN and Inf.

    Raises:
        DamagedModel: names the first tensor that is not finite.
        InvalidFile: a file cannot be read.
        Cancelled: somebody asked to stop.
    """
    from videosketcher_app.storage.tensors import check_finite

    for path in files:
        for name, tensor in _tensors_of(path):
            if cancel is not None:
                cancel.raise_if_cancelled()
            check_finite({name: tensor}, source=path.name)
            if meter is not None:
                meter.add(tensor.numel() * tensor.element_size())


def _tensors_of(path: Path) -> Iterator[tuple[str, Tensor]]:
    from videosketcher_app.storage import tensors as tensor_files
    from videosketcher_app.storage.safetensors_format import read_header

    if path.suffix == ".safetensors":
        for name in read_header(path).tensors:
            yield from tensor_files.read_safetensors(path, names={name}).items()
        return
    from videosketcher_app.models.identify.contents import tensors_in_pickle

    yield from tensors_in_pickle(path).items()
