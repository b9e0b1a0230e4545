"""Latents of many clips in one LMDB, in the layout that CausVid publishes (facts: reference, 5.5).

    latents_<i>_data   float16, C order          prompts_<i>_data   UTF-8
    latents_shape      "1500 21 16 60 104"       prompts_shape      "1500"

A row is a clip's latents (F, C, h, w), or an ODE trajectory (S, F, C, h, w) from noisy to clean.

Upstream writes the shape of the last file it saw, which is wrong if that file was left out. Here
all rows must have one shape, and it is written once.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, InvalidFile, InvalidRequest
from videosketcher_app.storage.atomic import publish_folder

LATENTS, PROMPTS = "latents", "prompts"
FIRST_MAP_BYTES = 64 << 20  # grows when full: some systems fill the whole map at once
ROWS_PER_COMMIT = 64
MAX_DIMENSIONS = 8


@contextlib.contextmanager
def write_latents(folder: Path) -> Iterator[LatentWriter]:
    """Lends a writer; the folder takes its name when all rows are in it, or stays as it was.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
        InvalidRequest: see `LatentWriter.add`, or no row was added.
    """
    with (
        publish_folder(folder) as where,
        _lmdb().open(str(where), map_size=FIRST_MAP_BYTES, sync=False, lock=False) as environment,
    ):
        writer = LatentWriter(environment)
        yield writer
        writer.finish()


class LatentWriter:
    """Adds rows to an open LMDB; `write_latents` makes one."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._pending: list[tuple[bytes, bytes]] = []
        self._seen: set[bytes] = set()
        self._shape: tuple[int, ...] | None = None
        self._rows = 0

    def add(self, prompt: str, latents: NDArray[Any]) -> bool:
        """One row; False if a row has this very prompt already (it is left out, as published).

        Raises:
            InvalidRequest: another shape than the first row's, or values that float16 cannot hold.
        """
        digest = hashlib.sha256(prompt.encode("utf-8")).digest()
        if digest in self._seen:
            return False
        half = np.ascontiguousarray(latents, dtype=np.float16)
        if self._shape is not None and half.shape != self._shape:
            raise InvalidRequest(
                f"Latents of one LMDB have one shape. Received: {half.shape} after {self._shape}",
                hint="Make one LMDB for each size.",
            )
        if half.ndim == 0 or not np.isfinite(half).all():
            raise InvalidRequest(
                f"The latents of {prompt[:60]!r} hold numbers that are not finite in float16.",
                hint="Compute them again.",
            )
        self._shape = half.shape
        self._pending.append((_row_key(LATENTS, self._rows), half.tobytes()))
        self._pending.append((_row_key(PROMPTS, self._rows), prompt.encode("utf-8")))
        self._seen.add(digest)
        self._rows += 1
        if len(self._pending) >= 2 * ROWS_PER_COMMIT:
            self._commit()
        return True

    def finish(self) -> None:
        """Writes what is pending and the shapes."""
        if self._shape is None:
            raise InvalidRequest("There are no latents to write.", hint="Compute some first.")
        for name, shape in ((LATENTS, (self._rows, *self._shape)), (PROMPTS, (self._rows,))):
            self._pending.append((_shape_key(name), " ".join(map(str, shape)).encode("ascii")))
        self._commit()
        self._environment.sync(True)

    def _commit(self) -> None:
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    for key, value in self._pending:
                        transaction.put(key, value)
                break
            except _lmdb().MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._pending.clear()


class LatentReader:
    """Reads rows by number; for one process, opened again in each worker.

    Attributes:
        row_shape: of every row's latents.

    Raises:
        InvalidFile: there is no LMDB, or its shapes are missing or impossible.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / "data.mdb").is_file():
            raise InvalidFile(
                f"There is no LMDB in {folder.name}.", hint="Give the folder that holds data.mdb."
            )
        try:
            self._environment = _lmdb().open(
                str(folder), readonly=True, lock=False, readahead=False, create=False
            )
        except _lmdb().Error as error:
            raise self._damaged("it cannot be opened") from error
        try:
            rows, *shape = self._shape(LATENTS)
            if self._shape(PROMPTS) != (rows,):
                raise self._damaged("it has another number of prompts than of latents")
        except AppError:
            self.close()
            raise
        self._rows, self.row_shape = rows, tuple(shape)

    def close(self) -> None:
        """Unmaps the file."""
        self._environment.close()

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int) -> tuple[str, NDArray[np.float16]]:
        """Prompt and latents of a row; negative numbers count from the end.

        Raises:
            IndexError: there is no such row.
            InvalidFile: the row is missing or has another size than it should.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        data, prompt = self._get(_row_key(LATENTS, row)), self._get(_row_key(PROMPTS, row))
        if len(data) != 2 * int(np.prod(self.row_shape)):
            raise self._damaged(f"row {row} has another size than it should")
        try:
            text = prompt.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._damaged(f"the prompt of row {row} is not UTF-8") from error
        return text, np.frombuffer(data, np.float16).reshape(self.row_shape).copy()

    def __iter__(self) -> Iterator[tuple[str, NDArray[np.float16]]]:
        return (self[row] for row in range(len(self)))

    def _shape(self, name: str) -> tuple[int, ...]:
        words = self._get(_shape_key(name)).split()
        if not 1 <= len(words) <= MAX_DIMENSIONS or not all(word.isdigit() for word in words):
            raise self._damaged(f"the shape of its {name} is unreadable")
        shape = tuple(map(int, words))
        if name == LATENTS and (len(shape) == 1 or not all(shape[1:])):
            raise self._damaged("it says how many rows there are and not of what shape")
        return shape

    def _get(self, key: bytes) -> bytes:
        try:
            with self._environment.begin() as transaction:
                value = transaction.get(key)
        except _lmdb().Error as error:
            raise self._damaged("it cannot be read") from error
        if value is None:
            raise self._damaged(f"it lacks {key.decode('ascii')}")
        return bytes(value)

    def _damaged(self, reason: str) -> InvalidFile:
        return InvalidFile(
            f"The LMDB {self._folder.name} cannot be used: {reason}.",
            hint="Make or download it again.",
        )


def _row_key(name: str, row: int) -> bytes:
    return f"{name}_{row}_data".encode("ascii")


def _shape_key(name: str) -> bytes:
    return f"{name}_shape".encode("ascii")


def _lmdb() -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise InvalidRequest(
            "LMDB files need the package lmdb, which is not installed.",
            hint="Install it with: pip install 'videosketcher-app[train]'",
        ) from error
    return lmdb
