"""The part reader: which parts training drawings have and when, what it reads, what it leaves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from videosketcher_app.core.errors import DamagedModel, InvalidFile
from videosketcher_app.data.continuation_source import (
    ContinuationMix,
    ContinuationSource,
    Setting,
)
from videosketcher_app.data.continuations import Continuation
from videosketcher_app.data.grammar.compose import Composition, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.grammar.pseudo import compose_pseudo
from videosketcher_app.data.raster import NEVER, ink_maps, sketch_stamps
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation.renders import distance_to_place, part_box
from videosketcher_app.evaluation.samples import OUTSIDE
from videosketcher_app.evaluation.vocabulary import (
    PLACE_NAMES,
    Vocabulary,
    full_label,
    part_names,
    related,
)
from videosketcher_app.storage.tensors import read_metadata, read_safetensors, write_safetensors
from videosketcher_app.training.part_reader import (
    READER_FILE,
    PartReader,
    load_reader,
    write_reader,
)
from videosketcher_app.training.part_reader_recipe import part_cells
from videosketcher_app.training.part_times import (
    NO_LABEL,
    NUM_ABSENT,
    SLOTS_A_FRAME,
    PartTimes,
    part_fields,
)
from videosketcher_app.training.pocket_ar_batches import WIDEST_NIB

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
WORDS = ("cat", "house", "fish")
LEAST_AGREEMENT = 0.99  # of inked pixels; the rest are of parts pasted in one slot of time


@cache
def words() -> Vocabulary:
    """A few concepts, and all shapes."""
    labels = sorted(f"{name}/{part}" for name in WORDS for part in part_names(programs()[name]))
    return Vocabulary(object_labels=tuple(labels), concepts=WORDS)


def fields_of(drawn: Composition | Continuation, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return part_fields(
        drawn.sketch,
        drawn.source,
        drawn.labels,
        words(),
        rng,
        num_frames=drawn.sketch.num_frames,
    )


def times_of(drawn: Composition | Continuation) -> PartTimes:
    return PartTimes.of([torch.from_numpy(field)[None] for field in fields_of(drawn)], CPU)


def inked(sketch: Sketch) -> Tensor:
    stamps = torch.from_numpy(sketch_stamps(sketch, 432, 240, 8192))[None]
    return ink_maps(stamps, 432, 240, WIDEST_NIB)[1]


def continued(setting: Setting, index: int, longest: float = 0.5) -> Continuation:
    """What another hand has begun."""
    drawn = ContinuationSource(ContinuationMix(longest_plans=longest), 11)(index, setting)
    assert any(drawn.others)
    return drawn


LONG = continued(Setting(first_block=4, given_blocks=4), 3, longest=1.0)  # parts without words


def drawings() -> list[Composition | Continuation]:
    rng = np.random.default_rng(5)
    return [
        compose_primitives(rng),
        compose(programs()["cat"], rng),
        compose(programs()["house"], rng),
        continued(Setting(given_blocks=4), 0),
        continued(Setting(given_blocks=4), 32),  # its beginning is pasted within half a frame
        LONG,
    ]


@pytest.mark.parametrize("drawn", drawings(), ids=lambda drawn: drawn.source)
def test_a_pixel_belongs_to_the_part_whose_strokes_alone_ink_it_first(
    drawn: Composition | Continuation,
) -> None:
    whole = inked(drawn.sketch)
    owners = times_of(drawn).owners(whole)
    assert (owners[whole >= NEVER] == -1).all(), "paper is nobody's"
    parts = sorted({stroke.part for stroke in drawn.sketch.strokes})
    alone = [
        inked(replace(drawn.sketch, strokes=tuple(s for s in drawn.sketch.strokes if s.part == p)))
        for p in parts
    ]
    expected = torch.tensor([max(part, -1) for part in parts])[torch.stack(alone).argmin(0)]
    agreed = (owners == expected)[whole < drawn.sketch.num_frames]
    assert float(agreed.float().mean()) > LEAST_AGREEMENT
    assert (-1 in parts) == (drawn is LONG)
    assert set(owners.unique().tolist()) == {-1, *(part for part in parts if part >= 0)}


def test_what_the_plan_does_not_name_is_nobodys() -> None:
    strokes = tuple(replace(s, part=-1) for s in LONG.sketch.strokes)
    drawn = replace(LONG, sketch=replace(LONG.sketch, strokes=strokes))
    assert (times_of(drawn).owners(inked(drawn.sketch)) == -1).all()


def test_two_parts_with_one_label_have_none() -> None:
    drawn = compose_primitives(np.random.default_rng(2))
    first, *rest = drawn.labels
    drawn = replace(drawn, labels=(first, first, *rest[1:]))
    numbers, _, _ = fields_of(drawn)
    known = [words().query(label) for label in rest[1:]]
    assert numbers[: 2 + len(known)].tolist() == [NO_LABEL, NO_LABEL, *known]
    assert (numbers[len(drawn.labels) :] == NO_LABEL).all()


def test_a_label_that_the_reader_never_saw_is_not_asked_for() -> None:
    drawn = compose(programs()["cat"], np.random.default_rng(1))
    numbers, _, _ = fields_of(replace(drawn, labels=("jetpack", *drawn.labels[1:])))
    assert numbers[0] == NO_LABEL
    assert numbers[1] == words().query(f"cat/{drawn.labels[1]}")


@pytest.mark.parametrize("kind", ["cat", "fish", "primitives", "pseudo"])
def test_absent_labels_are_not_drawn(kind: str) -> None:
    labels = {number: label for label, number in words()._index.items()}
    # In drawings 91, 276 and 861 of pseudo-concepts two parts have one name.
    for seed in (*range(50), 91, 276, 861):
        rng = np.random.default_rng(seed)
        makers = {"primitives": compose_primitives, "pseudo": compose_pseudo}
        drawn = makers[kind](rng) if kind in makers else compose(programs()[kind], rng)
        names = [full_label(drawn.source, label) for label in drawn.labels]
        absent = [
            labels[number]
            for number in fields_of(drawn, {91: 2, 276: 1, 861: 5}.get(seed, seed))[2]
        ]
        assert len(absent) == NUM_ABSENT
        assert not set(absent) & set(names)
        for shape, place in (label.split("@") for label in absent if "@" in label):
            for part, name in enumerate(names):
                low, high = part_box(drawn.sketch, part)
                far = distance_to_place((low + high) / 2 / (432, 240), place)
                assert far >= OUTSIDE or not related(shape, name.split("@")[0]), (seed, shape)


def test_fields_follow_from_the_seed() -> None:
    drawn = compose_pseudo(np.random.default_rng(3))
    for one, other in zip(fields_of(drawn, 7), fields_of(drawn, 7), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(fields_of(drawn, 7)[2], fields_of(drawn, 8)[2])


@pytest.mark.slow
def test_the_grammar_says_nothing_that_the_reader_cannot_be_asked() -> None:
    vocabulary = Vocabulary.of_grammar()
    for name, program in programs().items():
        for seed in range(3):
            drawn = compose(program, np.random.default_rng([seed, 9]))
            unknown = {f"{drawn.source}/{x}" for x in drawn.labels} - set(vocabulary._index)
            assert not unknown, name


def reader_of(seed: int = 0) -> PartReader:
    """A random reader that has seen a batch, frozen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = PartReader(words())
    reader(latents(4, seed=9), torch.zeros(4, 1, dtype=torch.long))
    return reader.eval().requires_grad_(False)


def latents(batch: int = 2, frames: int = 3, seed: int = 1) -> Tensor:
    return torch.randn(batch, 16, frames, 12, 18, generator=torch.Generator().manual_seed(seed))


LABELS = torch.tensor([[0, 3, NO_LABEL], [5, words().num_queries - 1, 2]])


def test_every_latent_frame_is_read_by_itself_at_two_cells_a_latent_cell() -> None:
    reader, x = reader_of(), latents()
    logits = reader(x, LABELS)
    assert logits.shape == (2, 3, 3, 24, 36)
    x[:, :, 0] += 1
    changed = reader(x, LABELS)
    assert not torch.allclose(changed[:, 0], logits[:, 0], atol=1e-3)
    torch.testing.assert_close(changed[:, 1:], logits[:, 1:], atol=1e-5, rtol=0)


def test_a_label_is_read_the_same_whatever_else_is_asked() -> None:
    reader, x = reader_of(), latents()
    alone = reader(x, LABELS[:, 1:2])
    torch.testing.assert_close(alone, reader(x, LABELS)[:, :, 1:2], atol=1e-5, rtol=0)
    assert not torch.allclose(alone, reader(x, LABELS[:, :1]), atol=1e-3)


def test_a_label_has_the_row_of_its_number_and_a_bias() -> None:
    reader, vocabulary = reader_of(), words()
    rows = reader.embedded(torch.tensor([[vocabulary.query("star@bottom right"), 2]]))[0]
    shape = vocabulary.shapes.index("star")
    place = PLACE_NAMES.index("bottom right")
    assert torch.equal(rows[0], reader.shapes.weight[shape] + reader.places.weight[place])
    assert torch.equal(rows[1], reader.objects.weight[2])
    before = reader(latents(), LABELS)
    reader.objects.weight[3, -1] += 1
    change = torch.tensor([[0.0, 1, 0], [0, 0, 0]])[:, None, :, None, None]
    torch.testing.assert_close(reader(latents(), LABELS) - before, change.expand_as(before))


def test_gradients_pass_frozen_weights_and_reach_the_latents() -> None:
    reader, x = reader_of(), latents().requires_grad_(True)
    reader(x, LABELS)[:, 1].sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad[:, :, 1].any()
    assert not x.grad[:, :, 0].any(), "another latent frame"
    assert all(param.grad is None for param in reader.parameters())


def test_a_written_reader_reads_the_same(tmp_path: Path) -> None:
    reader = reader_of()
    write_reader(tmp_path, words(), reader.state_dict())
    loaded = load_reader(tmp_path, CPU)
    assert loaded.vocabulary == words()
    assert not loaded.training
    assert not any(param.requires_grad for param in loaded.parameters())
    before, after = (r(latents(), LABELS) for r in (reader, loaded))
    torch.testing.assert_close(after, before, atol=5e-3, rtol=5e-3)


def test_a_torn_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        load_reader(tmp_path, CPU)
    write_reader(tmp_path, words(), reader_of().state_dict())
    path = tmp_path / READER_FILE
    torn, metadata = read_safetensors(path), read_metadata(path)
    del torn["features.weight"]
    write_safetensors(path, torn, metadata=metadata)
    with pytest.raises(DamagedModel, match="does not hold the weights"):
        load_reader(tmp_path, CPU)


def test_cells_are_those_of_a_plain_loop() -> None:
    rng, moments = np.random.default_rng(0), [0, 1, 3]
    coverage = rng.random((2, 16, 24)).astype(np.float32) ** 3
    when = (rng.integers(0, 64, (2, 16, 24)) / 4).astype(np.float32)  # also a frame's very end
    when[rng.random(when.shape) < 0.4] = NEVER
    slots = rng.integers(-1, 3, (2, 13 * SLOTS_A_FRAME)).astype(np.int8)
    fields = (np.zeros((2, 3), np.int64), slots, np.zeros((2, 8), np.int64))
    parts = PartTimes.of([torch.from_numpy(field) for field in fields], CPU)
    cells, ink = part_cells(torch.from_numpy(coverage), torch.from_numpy(when), parts, moments)
    expected = np.zeros((2, 3, 4, 4, 6), np.float32)  # the last "part" is all ink
    for clip, y, x in np.ndindex(coverage.shape):
        for at, moment in enumerate(moments):
            if when[clip, y, x] > 4 * moment:
                continue
            slot = int(when[clip, y, x] * SLOTS_A_FRAME)
            owner = slots[clip, slot] if slot < slots.shape[1] else -1
            for part in (owner, 3) if owner >= 0 else (3,):
                cell = clip, at, part, y // 4, x // 4
                expected[cell] = max(expected[cell], coverage[clip, y, x])
    assert np.array_equal(cells.numpy(), expected[:, :, :3])
    assert np.array_equal(ink.numpy(), expected[:, :, 3:])
