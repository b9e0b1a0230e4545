"""Plans follow from one formula, which gives back what was measured and published."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tests.services.model_manager.machines import card, processor
from videosketcher_app.models.fp8 import small_bytes
from videosketcher_app.models.identify.networks import shapes_of
from videosketcher_app.models.lean_block import TOKEN_CHUNKS
from videosketcher_app.models.machine import Machine
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.streaming import NUM_SLOTS, _Layout
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.weights import TRANSFORMER, PartWeights
from videosketcher_app.services.model_manager.cards import CARDS, card_of
from videosketcher_app.services.model_manager.footprint import (
    CONTEXT_BYTES,
    LEAN_PIECES,
    STREAMED_BLOCKS,
    activation_bytes,
    cache_bytes,
    footprint,
    lora_bytes,
    twin_bytes,
)
from videosketcher_app.services.model_manager.planning import (
    WISHES,
    Room,
    best_plan,
    leanest,
    lower,
    needs_of,
    room_of,
)
from videosketcher_app.services.model_manager.plans import clip_of
from videosketcher_app.services.model_manager.sizes import (
    CAUSAL_1_3B,
    I2V_14B,
    NETWORKS,
    T2V_1_3B,
    T2V_14B,
    Clip,
    ModelSizes,
    sizes_of,
)
from videosketcher_app.services.model_manager.speed import (
    Rates,
    drawing_seconds,
    pass_flops,
    pass_seconds,
)
from videosketcher_app.services.model_manager.views import GIB

RESIDENT = MemoryPlan(budget_bytes=1)
H200 = CARDS[-1]
ALL = {**NETWORKS, "causal": CAUSAL_1_3B}


def room_on(machine: Machine) -> Room:
    return room_of(machine, machine.free_bytes)


def chosen(sizes: ModelSizes, machine: Machine) -> tuple[str, str, bool] | None:
    placed = best_plan(sizes, sizes.clip, room_on(machine))
    return placed and (placed.plan.tier, placed.plan.weights_dtype, placed.plan.vae_tiled)


# What a 14B does on each size of card beside 64 GB, and beside 32 GB, of the computer's memory.
EXPECTED_14B = [
    (6, 64, ("stream_ram", "fp8", False)),
    (8, 64, ("stream_ram", "bf16", False)),
    (12, 64, ("stream_ram", "bf16", False)),
    (16, 64, ("stream_ram", "bf16", False)),
    (24, 64, ("stream_ram", "bf16", False)),
    (48, 64, ("resident", "bf16", False)),
    (80, 64, ("resident", "bf16", False)),
    (8, 32, ("stream_ram", "fp8", False)),
    (24, 32, ("stream_ram", "fp8", False)),
    (32, 32, ("resident", "fp8", False)),
    (8, 16, ("stream_disk", "bf16", False)),
    (6, 16, ("stream_disk", "bf16", False)),
    (80, 16, ("resident", "bf16", False)),
]


@pytest.mark.parametrize(("gigabytes", "ram", "plan"), EXPECTED_14B)
def test_the_14b_on_every_size_of_card(
    gigabytes: float, ram: float, plan: tuple[str, str, bool]
) -> None:
    assert chosen(T2V_14B, card(gigabytes, ram=ram)) == plan


@pytest.mark.parametrize("name", ALL)
def test_a_chosen_plan_keeps_within_its_room_and_more_room_is_never_worse(name: str) -> None:
    sizes, before = ALL[name], None  # the wish that the card before fulfilled
    for gigabytes in (3, 4, 6, 8, 12, 16, 24, 48, 80):
        room = room_on(card(gigabytes))
        placed = best_plan(sizes, sizes.clip, room)
        if placed is None:
            assert before is None, "a smaller card had room for it"
            assert leanest(sizes, sizes.clip, room).footprint.device_bytes > room.device_bytes
            continue
        assert placed.footprint.device_bytes <= room.device_bytes
        assert placed.footprint.ram_bytes <= room.ram_bytes
        wish = WISHES.index((placed.plan.tier, placed.plan.weights_dtype))
        assert before is None or (wish, placed.plan.vae_tiled) <= before
        before = wish, placed.plan.vae_tiled
    assert before is not None


def test_what_was_measured_on_an_h200_comes_out_of_the_formula() -> None:
    linear, attention = pass_flops(T2V_14B, T2V_14B.clip)
    assert linear == pytest.approx(785e12, rel=0.01)
    assert attention == pytest.approx((879 + 13.7) * 1e12, rel=0.01)
    assert pass_seconds(T2V_14B, T2V_14B.clip, RESIDENT, H200.rates) == pytest.approx(
        3.24, rel=0.02
    )
    assert pass_seconds(T2V_1_3B, T2V_1_3B.clip, RESIDENT, H200.rates) == pytest.approx(
        0.61, rel=0.02
    )
    assert cache_bytes(CAUSAL_1_3B, CAUSAL_1_3B.clip, 2) == pytest.approx(6.04e9, rel=0.01)
    # Measured without the text encoder on the device.
    causal = footprint(replace(CAUSAL_1_3B, text_waits=True), CAUSAL_1_3B.clip, RESIDENT)
    assert causal.device_bytes - CONTEXT_BYTES == pytest.approx(12.7 * GIB, rel=0.02)
    # Measured with the transformer and the VAE alone on the device.
    drawing = T2V_14B.transformer.num_params * 2 + activation_bytes(
        T2V_14B, T2V_14B.clip, RESIDENT, 2
    )
    assert drawing == pytest.approx(30.8 * GIB, rel=0.02)


def test_blocks_are_as_large_as_counted() -> None:
    assert T2V_14B.transformer.block_params * 2 == pytest.approx(703e6, rel=0.001)
    for sizes in (T2V_14B, I2V_14B, T2V_1_3B):
        network = sizes.transformer
        assert 0 < network.other_params < 0.03 * network.num_params
    assert 24 * T2V_14B.text.block_params + T2V_14B.text.table_params == pytest.approx(
        T2V_14B.text.num_params, rel=0.001
    )


def test_a_text_encoder_that_waits_is_in_the_other_memory() -> None:
    text = CAUSAL_1_3B.text.num_params * 2
    stays, waits = (
        footprint(replace(CAUSAL_1_3B, text_waits=waits), CAUSAL_1_3B.clip, RESIDENT)
        for waits in (False, True)
    )
    assert stays.frames - waits.frames == waits.ram_bytes - stays.ram_bytes == text
    assert waits.words < waits.frames, "words are read before anything else is computed"
    alone = footprint(
        replace(CAUSAL_1_3B, text_waits=True), CAUSAL_1_3B.clip, RESIDENT, shares_memory=True
    )
    assert alone.frames == stays.frames - CONTEXT_BYTES


def test_layers_in_8_bits_take_what_is_kept_beside_a_causal_network() -> None:
    shapes = shapes_of("wan-t2v-1.3b")
    weights = PartWeights(
        part=TRANSFORMER, source="causal", shapes=shapes, stored={k: k for k in shapes}
    )
    exact, quick = (clip_of(CAUSAL_1_3B, {"mode": mode}) for mode in ("exact", "fast"))
    assert twin_bytes(CAUSAL_1_3B, quick) == small_bytes(empty_network(weights))
    assert twin_bytes(CAUSAL_1_3B, exact) == twin_bytes(CAUSAL_1_3B, CAUSAL_1_3B.clip) == 0
    assert twin_bytes(T2V_1_3B, quick) == 0, "whole clips are drawn with one set of layers"
    for has_fp8 in (False, True):
        room = room_on(card(80, has_fp8=has_fp8))
        one, other = (needs_of(CAUSAL_1_3B, clip, RESIDENT, room) for clip in (exact, quick))
        more = twin_bytes(CAUSAL_1_3B, quick) * has_fp8
        assert other == one.without(-more)


def test_a_lora_takes_what_the_published_ones_take() -> None:
    for sizes, numbers in ((T2V_14B, 153e6), (T2V_1_3B, 43.7e6)):
        two = clip_of(sizes, {"loras": [{"path": "a"}, {"path": "b"}]})
        assert lora_bytes(sizes, sizes.clip, 2) == 0
        assert lora_bytes(sizes, two, 2) == pytest.approx(2 * numbers * 2, rel=0.01)
        needs = [footprint(sizes, clip, RESIDENT).denoising for clip in (sizes.clip, two)]
        assert needs[1] - needs[0] == lora_bytes(sizes, two, 2)


def test_the_bars_of_streaming_are_kept() -> None:
    streamed = MemoryPlan(budget_bytes=1, tier="stream_ram")
    small = replace(streamed, weights_dtype="fp8")
    assert footprint(T2V_14B, T2V_14B.clip, streamed).device_bytes <= 8e9
    assert footprint(T2V_14B, T2V_14B.clip, small).device_bytes <= 6e9
    slower = pass_seconds(T2V_14B, T2V_14B.clip, streamed, H200.rates)
    assert slower <= 1.06 * pass_seconds(T2V_14B, T2V_14B.clip, RESIDENT, H200.rates)


def test_streaming_is_counted_as_it_is_done() -> None:
    assert (STREAMED_BLOCKS, LEAN_PIECES) == (NUM_SLOTS, TOKEN_CHUNKS)
    for name, sizes in NETWORKS.items():
        shapes = shapes_of(name)
        weights = PartWeights(
            part=TRANSFORMER, source=name, shapes=shapes, stored={k: k for k in shapes}
        )
        block = empty_network(weights).get_submodule("blocks.0").to(torch.bfloat16)
        assert _Layout(block).num_bytes == pytest.approx(
            sizes.transformer.block_params * 2, rel=2e-3
        )
        rows = footprint(sizes, sizes.clip, MemoryPlan(budget_bytes=1, tier="stream_ram"))
        small = MemoryPlan(budget_bytes=1, tier="stream_ram", weights_dtype="fp8")
        lean = footprint(sizes, sizes.clip, small)
        assert lean.denoising < rows.denoising
        assert lean.ram_bytes < 0.7 * rows.ram_bytes


def test_a_slow_link_or_disk_is_what_one_waits_for() -> None:
    rates = Rates(matmul_flops=1e18, attention_flops=1e18, memory_bytes_s=1e15, copy_bytes_s=1e10)
    streamed = MemoryPlan(budget_bytes=1, tier="stream_ram")
    weights = T2V_14B.transformer.num_params * 2
    assert pass_seconds(T2V_14B, T2V_14B.clip, streamed, rates) == pytest.approx(weights / 1e10)
    from_disk = replace(streamed, tier="stream_disk")
    assert pass_seconds(T2V_14B, T2V_14B.clip, from_disk, rates) == pytest.approx(weights / 2e9)


def test_every_rung_takes_less_and_there_is_an_end() -> None:
    room = room_on(card(80))
    plan, said = MemoryPlan(budget_bytes=GIB, tier="resident"), []
    needs = [needs_of(T2V_14B, T2V_14B.clip, plan, room)]
    while (rung := lower(plan)) is not None:
        plan, sentence = rung
        said.append(sentence)
        needs.append(needs_of(T2V_14B, T2V_14B.clip, plan, room))
    assert (plan.tier, plan.weights_dtype, plan.vae_tiled) == ("stream_disk", "fp8", True)
    assert len(said) == len(set(said)) == 4
    for before, after in pairwise(needs):
        assert after.device_bytes <= before.device_bytes
        assert (
            after.device_bytes < before.device_bytes
            or after.frames < before.frames
            or after.ram_bytes < before.ram_bytes
        )
    assert lower(MemoryPlan(budget_bytes=1), streams=False) is None


def test_a_processor_never_streams_from_its_own_memory() -> None:
    assert chosen(T2V_14B, processor(64)) == ("resident", "bf16", False)
    assert chosen(T2V_14B, processor(32)) == ("resident", "fp8", False)
    assert chosen(T2V_14B, processor(16)) == ("stream_disk", "bf16", False)
    tiers, plan = [], MemoryPlan(budget_bytes=1)
    while (rung := lower(plan, shares_memory=True)) is not None:
        plan = rung[0]
        tiers.append(plan.tier)
    assert "stream_ram" not in tiers
    assert tiers[-1] == "stream_disk"
    assert room_on(card(16, ram=16, device="cpu", has_bf16=False)).number_bytes == 4


def test_what_is_missing_is_named() -> None:
    """The device has room, so what counts is the least that one needs of the other memory."""
    room = Room(device_bytes=8 * GIB, ram_bytes=GIB)
    assert best_plan(T2V_14B, T2V_14B.clip, room) is None
    assert leanest(T2V_14B, T2V_14B.clip, room).footprint.ram_bytes == 2e9
    small = Room(device_bytes=GIB, ram_bytes=64 * GIB)
    assert leanest(T2V_14B, T2V_14B.clip, small).plan.weights_dtype == "fp8"


def test_a_larger_clip_takes_more_of_everything() -> None:
    small = Clip(width=416, height=240, num_frames=17, num_inference_steps=4, cfg_scale=1.0)
    large = T2V_14B.clip

    def of_pass(clip: Clip) -> int:
        return activation_bytes(T2V_14B, clip, RESIDENT, 2)

    assert of_pass(small) < of_pass(large) / 10
    for card_ in CARDS:
        quick = drawing_seconds(T2V_14B, small, RESIDENT, card_.rates)
        assert quick < drawing_seconds(T2V_14B, large, RESIDENT, card_.rates) / 100


def test_a_card_is_known_by_its_name_and_its_memory() -> None:
    found = card_of("NVIDIA GeForce RTX 4090", int(23.6 * GIB))
    assert found is not None
    assert found.memory_gb == 24
    assert card_of("NVIDIA GeForce RTX 4090 Laptop GPU", 16 * GIB) is None
    six = card_of("NVIDIA GeForce RTX 3050", 6 * GIB)
    assert six is not None
    assert six.name == "GeForce RTX 3050 6GB"
    assert card_of("NVIDIA GeForce RTX 3050", 8 * GIB) is None
    assert card_of("NVIDIA H200", 140 * GIB) is H200
    assert len({card_.memory_gb for card_ in CARDS}) == len(CARDS)


def test_every_drawing_model_of_the_catalogue_has_sizes() -> None:
    from videosketcher_app.models.catalogue import model_rows

    for row in model_rows():
        sizes = sizes_of(row.name)
        if row.draws and row.family == "wan":
            assert sizes is not None
            assert sizes.is_causal == (row.kind == "causal")
            assert sizes.transformer.image_words == ("i2v" in row.network)
        assert (sizes is None) == (row.family == "tiny" or not row.draws)
    pocket = sizes_of("pocket-t2v")
    assert pocket is not None
    assert not pocket.has_plan
    assert 20e6 < pocket.num_params < 23e6
