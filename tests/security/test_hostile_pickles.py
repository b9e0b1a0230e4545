"""T7: no door of the app lets a pickle act, whatever it calls itself."""

from __future__ import annotations

import pickle  # noqa: TID251 - shows that the payloads would act
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.hostile_pickles import ACTS, CONTAINERS, hostile_pickle
from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.storage import tensors

pytestmark = pytest.mark.security


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("app")
    settings = load_settings(workspace=folder / "home", output_dir=folder / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.mark.parametrize("act", [act for act in ACTS if act != "import"])
def test_the_payloads_would_act(tmp_path: Path, act: str) -> None:
    path = hostile_pickle(tmp_path, "bare pickle", act, tmp_path / "canary")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # an open file of the payload
        pickle.loads(path.read_bytes())
    assert (tmp_path / "canary").exists()


@pytest.mark.row("T7", "hostile pickles")
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("act", ACTS)
def test_no_pickle_acts(services: Services, tmp_path: Path, container: str, act: str) -> None:
    canary = tmp_path / "canary"
    path = hostile_pickle(tmp_path, container, act, canary)
    for door in (tensors.read_safetensors, services.loras.add, services.model_store.import_file):
        with pytest.raises(AppError) as caught:
            door(path)
        assert caught.value.hint
    with pytest.raises(InvalidFile):
        tensors.read_pickle_weights(path)
    assert not canary.exists()
    assert "canary_canary" not in sys.modules
    assert services.loras.entries() == ()
