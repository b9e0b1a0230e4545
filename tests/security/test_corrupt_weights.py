"""Corrupt weights are refused by one clear sentence, before anything of ours is touched."""

from __future__ import annotations

import os

import pytest

from tests.models.lora.wrong_loras import WRONG
from tests.security.corrupt_weights import CANARY, CORRUPT, good_pickle, good_safetensors
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.model_store import ModelStore
from videosketcher_app.storage.paths import Workspace

pytestmark = pytest.mark.security
MAX_SENTENCE = 400


@pytest.fixture
def store(tmp_path):
    workspace = tmp_path / "workspace"
    store = ModelStore(Workspace(workspace), AppSettings(workspace=workspace))
    yield store
    store.close()


@pytest.fixture
def given(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


def left_by(store):
    root = store.folder.parent
    return sorted(path for path in root.rglob("*") if path.is_file())


def refuse(store, path):
    with pytest.raises(AppError) as caught:
        store.import_file(path)
    told = caught.value
    assert told.hint
    assert "\n" not in told.message
    assert 10 < len(told.message) <= MAX_SENTENCE
    assert not left_by(store)


def test_there_are_enough_of_them():
    assert len(CORRUPT) >= 200


@pytest.mark.parametrize("good", [good_safetensors, good_pickle])
def test_the_file_that_all_are_made_of_is_taken(good, store, given):
    name = store.import_file(good(given))
    assert store.card(name).state == "here"


@pytest.mark.row("F5", "corrupt files")
@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants:UserWarning")
@pytest.mark.parametrize("case", CORRUPT)
def test_corrupt_weights_are_refused(case, store, given):
    path = CORRUPT[case](given)
    refuse(store, path)
    assert CANARY not in os.environ
    assert not any(CANARY in entry.name for entry in given.iterdir())
    assert not os.path.exists(CANARY)  # noqa: PTH110 - in the working folder


@pytest.mark.row("F6", "wrong LoRAs")
@pytest.mark.parametrize("case", WRONG)
def test_wrong_loras_are_refused_at_the_door(case, store, given):
    make, _ = WRONG[case]
    path = make(given)
    try:
        refuse(store, path)
    except pytest.fail.Exception:
        # Whole, but of another model's size: the shelf of LoRAs takes it, the base will not.
        assert store.disk_use()["models"] == {}
