"""T6: a hundred imports under names that are taken, in any case: nothing that was there changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.ledger import Count
from tests.models.lora.made import made, modules_of
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.requests import BrushSpec
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.brushes.own import save_own
from videosketcher_app.services.container import Services, build
from videosketcher_app.storage.tensors import sha256_of

pytestmark = pytest.mark.security
NUM_CASES = 100
# The same name as people and disks may spell it: cases, accents in two forms, ends that are cut.
SPELLINGS = (
    "ink",
    "Ink",
    "INK",
    "iNk",
    "ink ",
    "ink.",
    "ink.safetensors",
    "i\u0301nk",
    "ínk",
    "in\u200bk",
)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def loras(folder: Path) -> Iterator[Path]:
    """LoRAs that differ from each other, endlessly."""
    modules = modules_of(tiny_model().transformer)
    for seed in itertools.count(1):
        path = folder / f"{seed}.safetensors"
        write_lora(path, adapter_from(made(modules, seed=seed, rank=1)))
        yield path


def attempts(services: Services, folder: Path) -> Iterator[Callable[[], object]]:
    """Imports under every spelling in turn: LoRAs, a LoRA as a model, own brushes, sketchbooks."""
    given, preview = loras(folder), np.full((8, 8, 3), 255, np.uint8)
    own = services.settings.workspace / "brushes"
    for name in itertools.cycle(SPELLINGS):
        yield lambda name=name: services.loras.add(next(given), name=name)
        yield lambda name=name: services.model_store.import_file(next(given), name=name)
        yield lambda name=name: save_own(
            own, name, BrushSpec(name="pencil"), picture=None, preview_HW3=preview
        )
        yield lambda name=name: services.sketchbooks.create(name)


def refusal(attempt: Callable[[], object]) -> AppError | None:
    """Why an import was refused; None if it found a name of its own."""
    try:
        attempt()
    except AppError as error:
        return error
    return None


@pytest.mark.row("T6", "imports with colliding names")
def test_no_import_changes_what_was_there(
    services: Services, tmp_path: Path, ledger: Count
) -> None:
    home = services.settings.workspace
    refusals = []
    for attempt in itertools.islice(attempts(services, tmp_path), NUM_CASES):
        before = hashes(home)
        refusals.append(refusal(attempt))
        after = hashes(home)
        assert {path: after.get(path) for path in before} == before
        if refusals[-1] is not None:
            assert refusals[-1].hint
            assert after == before
    assert NUM_CASES / 2 < sum(each is not None for each in refusals) < NUM_CASES
    ledger("T6", cases=len(refusals))
