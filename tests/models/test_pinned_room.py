"""Memory that a card reads by itself: how it is asked for, and what if there is none."""

from __future__ import annotations

import pytest
import torch

from tests.models.streamed_wan import LAYERS, model_of
from videosketcher_app.models.pinned_room import Room
from videosketcher_app.models.streaming import StreamedBlocks


@pytest.fixture
def plain():
    return torch.empty


def test_blocks_that_wait_share_chunks_of_memory(monkeypatch, plain):
    monkeypatch.setattr(torch, "empty", lambda *size, pin_memory, **how: plain(*size, **how))
    room = Room(100, 7, pinned=True)
    buffers = [room.next() for _ in range(7)]
    assert [buffer.storage_offset() for buffer in buffers] == [0, 100, 200, 300, 400, 0, 100]
    assert buffers[-1].untyped_storage().nbytes() == 200, "the last chunk is as large as needed"
    assert not room.pinning_refused


def test_a_system_that_locks_no_memory_gives_ordinary_memory(monkeypatch, caplog, plain):
    def refusing(*size, pin_memory=False, **how):
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory\nmore of it")
        return plain(*size, **how)

    monkeypatch.setattr(torch, "empty", refusing)
    room = Room(256, 6, pinned=True)
    buffers = [room.next() for _ in range(6)]
    assert room.pinning_refused
    assert [len(buffer) for buffer in buffers] == [256] * 6
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, "once"
    assert "does not lock more memory" in told[0]
    assert "more of it" not in told[0]


@pytest.mark.parametrize(
    ("block_bytes", "chunk_blocks"), [(703e6, 3), (351.5e6, 3), (807e6, 5), (93e6, 23)]
)
def test_pinned_memory_is_asked_for_in_sizes_that_lose_little(block_bytes, chunk_blocks):
    room = Room(int(block_bytes), 40, pinned=True)
    assert room.chunk_blocks == chunk_blocks
    pinned = 2 ** (int(chunk_blocks * block_bytes) - 1).bit_length()
    assert chunk_blocks * block_bytes > 0.93 * pinned


@pytest.mark.gpu
def test_on_a_gpu_blocks_are_whole_whatever_was_left_before():
    model = model_of("resident")
    x = {"latents": torch.randn(1, 16, 5, 16, 24), "timestep": torch.tensor([500.0])}
    given = {k: v.cuda() for k, v in {**x, "context": torch.randn(1, 8, 32)}.items()}
    resident = model.transformer.cuda()
    with torch.inference_mode():
        expected = model.pipe.model_fn(dit=resident, **given)
        resident.blocks = StreamedBlocks(list(resident.blocks), "cuda")
        assert not resident.blocks.pinning_refused
        for left_at in [*range(LAYERS), *range(LAYERS)]:
            for number, _ in enumerate(resident.blocks):
                if number == left_at:
                    break
            if left_at % 2:
                resident.blocks.offload()
            assert torch.equal(model.pipe.model_fn(dit=resident, **given), expected)
