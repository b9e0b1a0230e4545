"""Which models a person may draw with: the causal ones that are here, and why one is not offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models import published_wan
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.catalogue import lent
from videosketcher_app.models.model_rows import row_from
from videosketcher_app.services.codraw.causal_models import causal_choices
from videosketcher_app.services.codraw.checkpoint import lent_checkpoint
from videosketcher_app.services.model_manager.views import Fit

FITS = Fit(fits=True, plan=None, needed_bytes=1, seconds=None, sentence="It fits: 1 GB.")
TOO_MUCH = Fit(fits=False, plan=None, needed_bytes=9, seconds=None, sentence="It needs 9 GB.")
ENTRY = {"kind": "causal", "family": "wan", "about": "ink", "files": {"model.safetensors": None}}


def test_the_default_comes_first_and_whole_clips_are_left_out() -> None:
    names = [choice.name for choice in causal_choices("pocket-ar", lambda _name: FITS)]
    assert names[0] == "pocket-ar"
    assert "pocket-t2v" not in names
    assert "tiny" not in names
    assert "videosketcher-ar" not in names, "its weights are not here"
    assert causal_choices("tiny", lambda _name: FITS)[0].name == "tiny"


@pytest.mark.parametrize("fit", [FITS, TOO_MUCH])
def test_a_model_that_does_not_fit_says_why(tmp_path: Path, fit: Fit) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    files = {"model.safetensors": tmp_path / "model.safetensors"}
    with lent(row_from("my-ink", ENTRY, is_own=True), files):
        found = {choice.name: choice for choice in causal_choices("pocket-ar", lambda _name: fit)}
    assert found["my-ink"].why_not == ("" if fit.fits else "It needs 9 GB.")
    assert found["my-ink"].multiple_px == 16
    assert found["pocket-ar"].why_not == "", "what comes with the app always fits"
    assert found["pocket-ar"].multiple_px == 24


def test_a_machine_without_the_device_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")

    def no_device(_name: str) -> Fit:
        raise InvalidRequest("This machine has no device 'cuda'.")

    files = {"model.safetensors": tmp_path / "model.safetensors"}
    with lent(row_from("my-ink", ENTRY, is_own=True), files):
        found = {choice.name: choice for choice in causal_choices("pocket-ar", no_device)}
    assert found["my-ink"].why_not == "This machine has no device 'cuda'."


def test_a_checkpoint_is_a_model_only_while_it_is_lent(tmp_path: Path) -> None:
    given = published_wan.write_generator(tmp_path / "mine" / "model.pt")["model.pt"]
    with lent_checkpoint(given, cache=tmp_path / "cache") as name:
        here = [choice.name for choice in causal_choices("pocket-ar", lambda _name: FITS)]
        assert name not in here, "its text encoder and VAE are not here"
    from videosketcher_app.models.catalogue import model_row

    with pytest.raises(InvalidRequest):
        model_row(name)
