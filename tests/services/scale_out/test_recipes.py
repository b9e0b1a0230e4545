"""A recipe opens the maker that one process uses: same bytes, in any order, and nothing twice."""

from __future__ import annotations

import json
import pickle  # noqa: TID251 - what Ray does with a recipe; nothing is read from a file

import pytest

from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.batch import Summary, run_batch
from videosketcher_app.services.container import build
from videosketcher_app.services.latent_making import make_clip_latents, make_ode_pairs, open_items
from videosketcher_app.services.scale_out.latents import ClipRecipe, PairRecipe
from videosketcher_app.services.scale_out.sketches import sketch_recipe
from videosketcher_app.training.causal_parts import load_parts
from videosketcher_app.training.ode_pairs import pair_settings

FIELDS = {"model": "tiny", "num_frames": 9, "width": 48, "height": 48}
PROMPTS = ["a cat", "?!", "a house"]
SIZE = (48, 48, 9)


def settings_in(tmp_path, name, **more):
    folders = {"workspace": tmp_path / "home", "output_dir": tmp_path / name}
    return load_settings(**folders, device="cpu", **more)


@pytest.fixture
def drawn(tmp_path):
    """A batch drawn in one process."""
    settings = settings_in(tmp_path, "drawn")
    with build(settings) as services:
        folder = settings.output_dir
        entries = [
            event.entry
            for event in run_batch(services.generation, PROMPTS, FIELDS, output_dir=folder)
            if event.entry
        ]
    return folder, entries


def everything(folder, but=("_run.json", "batch_summary.json")):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(but)
    }


def open_sent(recipe):
    """As a worker does, after the recipe's journey."""
    return pickle.loads(pickle.dumps(recipe)).open("cpu")


def test_recipes_leave_the_bytes_of_one_process(tmp_path, drawn):
    folder, entries = drawn
    recipe = sketch_recipe(settings_in(tmp_path, "sent"), PROMPTS, FIELDS)
    maker = open_sent(recipe)
    made = {index: maker.make(index) for index in (3, 1, 2)}
    maker.close()
    assert everything(tmp_path / "sent") == everything(folder)
    for entry in entries:
        other = made[entry.index]
        assert (entry.status, entry.folder, entry.error) == (
            other.status,
            other.folder,
            other.error,
        )
    assert not (tmp_path / "home").exists() or not [*(tmp_path / "home").rglob("unfinished/*")]
    again = open_sent(recipe)
    assert [again.make(index).status for index in (1, 3)] == ["skipped", "skipped"]
    again.close()

    parts = load_parts("tiny", tmp_path / "converted")
    make_clip_latents(open_items(folder), tmp_path / "here", parts, size=SIZE)
    clips = ClipRecipe(dataset=folder, target=tmp_path / "clips", model="tiny", size=SIZE)
    maker = open_sent(clips)
    assert [maker.make(row).status for row in (1, 0, 1)] == ["made", "made", "kept"]
    assert everything(tmp_path / "clips") == everything(tmp_path / "here")

    few = {"model": "tiny", "width": 48, "height": 48, "num_frames": 9, "num_inference_steps": 2}
    settings = pair_settings({**few, "keep": (0, -1), "count": 3}, "These settings")
    make_ode_pairs(["a cat"], tmp_path / "pairs here", parts, settings)
    pairs = PairRecipe(
        prompts=("a cat",), target=tmp_path / "pairs", settings=settings, model="tiny"
    )
    maker = open_sent(pairs)
    assert [maker.make(row).status for row in (2, 0, 1, 2)] == ["made", "made", "made", "kept"]
    assert everything(tmp_path / "pairs") == everything(tmp_path / "pairs here")


def test_no_key_leaves_this_machine(tmp_path):
    settings = settings_in(tmp_path, "out", openai_api_key="sk-secret", hf_token="hf-secret")
    recipe = sketch_recipe(settings, PROMPTS, FIELDS)
    assert b"-secret" not in pickle.dumps(recipe)
    assert recipe.output_dir.is_absolute()


def test_a_summary_is_in_the_order_of_the_prompts(tmp_path, drawn):
    _, entries = drawn
    summary = Summary(tmp_path / "sum", total=3)
    for entry in reversed(entries):
        summary.add(entry)
    summary.write_if_new()
    text = (tmp_path / "sum" / "batch_summary.json").read_text(encoding="utf-8")
    assert [result["index"] for result in json.loads(text)["results"]] == [1, 2, 3]
