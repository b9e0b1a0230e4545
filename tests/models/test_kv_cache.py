"""The KV cache equals a list of all blocks, whatever is appended, rewound and forked.

`PlainPast` is the slow twin: it keeps every key unrotated, forgets nothing, and turns what is in
the window by positions counted from the window's start.
"""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.models.kv_cache import KVCache, Window
from videosketcher_app.models.kv_pool import CacheShape, KVPool
from videosketcher_app.models.wan.forward import dense_attention, rotary_table, rotate

SHAPE = CacheShape(num_layers=2, num_heads=2, head_width=12, block_tokens=4, block_frames=2)
ROWS, COLUMNS = 1, 2  # patches of a latent frame


def turned(x_BNPE, first_frame):
    return rotate(x_BNPE, rotary_table(12, 2, ROWS, COLUMNS, first_frame, "cpu"))


def drawn(block, version, layer):
    """Query, key and value of a pass, unrotated: (B, N, P, E) each."""
    generator = torch.Generator().manual_seed(10_000 * block + 10 * version + layer)
    return tuple(torch.randn(1, 2, 4, 12, generator=generator) for _ in range(3))


class PlainPast:
    """The slow twin: a list of versions, one a block."""

    def __init__(self, window, versions=()):
        self.window, self.versions = window, list(versions)

    def visible(self, block):
        sink = range(min(self.window.sink_blocks, block + 1))
        ring = self.window.blocks - self.window.sink_blocks
        return [*sink, *range(max(self.window.sink_blocks, block + 1 - ring), block + 1)]

    def keys_and_values(self, block, layer, first_position):
        """Of what `block` sees, at positions counted on from `first_position`."""
        keys, values = [], []
        for place, seen in enumerate(self.visible(block)):
            _, k, v = drawn(seen, self.versions[seen], layer)
            keys.append(turned(k, first_position + place * SHAPE.block_frames))
            values.append(v)
        return torch.cat(keys, dim=2), torch.cat(values, dim=2)

    def attend(self, block, layer):
        k, v = self.keys_and_values(block, layer, 0)
        q = drawn(block, self.versions[block], layer)[0]
        here = (len(self.visible(block)) - 1) * SHAPE.block_frames
        return dense_attention(turned(q, here), k, v)

    def contents(self, layer):
        """Keys and values as the cache lays them out: the latest block at its absolute place."""
        latest = len(self.versions) - 1
        seen = self.visible(latest)
        first = (latest - len(seen) + 1) * SHAPE.block_frames
        k, v = self.keys_and_values(latest, layer, first)
        return k.transpose(1, 2), v.transpose(1, 2)


def write(cache, version):
    """One pass over the open block in every layer."""
    outputs = []
    for layer, attend in enumerate(cache.layers):
        q, k, v = drawn(cache.num_blocks, version, layer)
        first = cache.first_frame
        outputs.append(attend(turned(q, first), turned(k, first), v))
    return outputs


def append(cache, twin, version):
    """A noisy pass, then the clean one that stays."""
    cache.begin()
    write(cache, version + 5)
    outputs = write(cache, version)
    cache.commit()
    twin.versions.append(version)
    return outputs


def assert_same(cache, twin):
    assert cache.num_blocks == len(twin.versions)
    if not twin.versions:
        assert cache.window_blocks() == []
        return
    seen = twin.visible(len(twin.versions) - 1)
    # What a block that was taken back had pushed out may be gone; its successor does not see it.
    needed = twin.visible(len(twin.versions))[:-1]
    assert set(needed) <= set(cache.window_blocks()) <= set(seen)
    if cache.window_blocks() != seen:
        return
    for layer, view in enumerate(cache.layers):
        k, v = twin.contents(layer)
        torch.testing.assert_close(view.k, k, atol=2e-5, rtol=0)
        assert torch.equal(view.v, v)


windows = st.builds(
    lambda sink, ring, history: Window(
        blocks=sink + ring, sink_blocks=sink, history_blocks=history
    ),
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(0, 2),
)
moves = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "append", "rewind", "cancel", "fork", "close"]),
        st.integers(0, 3),
        st.integers(0, 4),
    ),
    max_size=30,
)


def checked_append(cache, twin, version):
    for layer, output in enumerate(append(cache, twin, version)):
        expected = twin.attend(len(twin.versions) - 1, layer)
        torch.testing.assert_close(output, expected, atol=2e-5, rtol=0)


def cancelled_append(cache, twin, version):
    cache.begin()
    write(cache, version)
    cache.rewind(len(twin.versions))


def rewound(cache, twin, num_blocks):
    target = max(0, cache.num_blocks - num_blocks)
    within_history = cache.num_blocks - target <= cache.window.history_blocks
    assert cache.can_rewind(target) or not within_history
    if cache.can_rewind(target):
        cache.rewind(target)
        del twin.versions[target:]


MOVES = {"append": checked_append, "cancel": cancelled_append, "rewind": rewound}


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(window=windows, moves=moves)
def test_any_order_of_moves_equals_the_slow_twin(window, moves):
    pool = KVPool(SHAPE, 4 * window.num_pages)
    branches = [(KVCache(pool, window), PlainPast(window))]
    for move, which, number in moves:
        index = which % len(branches)
        cache, twin = branches[index]
        if move in MOVES:
            MOVES[move](cache, twin, number)
        elif move == "fork" and len(branches) < 4:
            branches.append((cache.fork(), PlainPast(window, twin.versions)))
        elif move == "close" and len(branches) > 1:
            cache.reset()
            del branches[index]
        for pair in branches:
            assert_same(*pair)
    for cache, _ in branches:
        cache.reset()
    assert pool.free_pages == pool.num_pages


def test_a_full_window_is_read_without_a_copy():
    window = Window(blocks=4, sink_blocks=1, history_blocks=1)
    cache = KVCache(KVPool(SHAPE, window.num_pages), window)
    twin = PlainPast(window)
    for version in range(12):
        append(cache, twin, version)
    cache.rewind(11)
    append(cache, twin, 0)
    keys = cache.pool.gather(cache.pool.keys[0], cache._read_order)
    assert keys.data_ptr() == cache.pool.keys[0].data_ptr()
    assert keys.shape[1] == 4 * SHAPE.block_tokens


@pytest.mark.parametrize("way", ["rewound", "forked"])
def test_rewound_and_forked_caches_equal_a_fresh_one_bit_for_bit(way):
    window = Window(blocks=4, sink_blocks=1, history_blocks=3)
    pool = KVPool(SHAPE, 3 * window.num_pages)
    fresh, other = KVCache(pool, window), KVCache(pool, window)
    for version in range(6):
        append(fresh, PlainPast(window), version)
        append(other, PlainPast(window), version)
    branch = other
    if way == "forked":
        branch = other.fork()
        append(other, PlainPast(window), 3)
    else:
        for version in (7, 8, 9):
            append(other, PlainPast(window), version)
        other.rewind(6)
    for version in (20, 21, 22, 23, 24):
        a = append(fresh, PlainPast(window), version)
        b = append(branch, PlainPast(window), version)
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    for one, two in zip(fresh.layers, branch.layers, strict=True):
        assert torch.equal(one.k, two.k)
        assert torch.equal(one.v, two.v)


def test_a_fork_takes_no_page_until_it_writes():
    window = Window(blocks=3)
    pool = KVPool(SHAPE, 6)
    cache = KVCache(pool, window)
    for version in range(3):
        append(cache, PlainPast(window), version)
    before = cache.layers[0].k.clone()
    branch = cache.fork()
    assert pool.free_pages == 3
    append(branch, PlainPast(window), 9)
    assert pool.free_pages == 2
    assert torch.equal(cache.layers[0].k, before)
    assert branch.num_bytes == 3 * pool.page_bytes


def test_the_pool_knows_its_bytes_and_says_when_it_is_full():
    window = Window(blocks=3)
    pool = KVPool(SHAPE, 3)
    buffers = [*pool.keys, *pool.values]
    assert pool.num_bytes == sum(b.numel() * b.element_size() for b in buffers)
    cache, other = KVCache(pool, window), KVCache(pool, window)
    twin = PlainPast(window)
    for version in range(3):
        append(cache, twin, version)
    with pytest.raises(OutOfMemory, match="3 pages"):
        other.begin()
    assert not other.is_open
    assert_same(cache, twin)
    append(cache, twin, 3)  # a full window needs no page more
    assert cache.num_bytes == pool.num_bytes


def test_history_gives_way_before_the_pool_is_full():
    window = Window(blocks=2, history_blocks=2)
    cache = KVCache(KVPool(SHAPE, 3), window)
    twin = PlainPast(window)
    for version in range(6):
        append(cache, twin, version)
    assert_same(cache, twin)
    assert cache.can_rewind(5)
    assert not cache.can_rewind(3)


def test_a_window_filled_anew_equals_one_that_grew():
    window = Window(blocks=4, sink_blocks=1)
    grown, filled = (KVCache(KVPool(SHAPE, 8), window) for _ in range(2))
    twin = PlainPast(window)
    for version in range(9):
        append(grown, twin, version)
    append(filled, PlainPast(window), 0)
    filled.skip_to(7)
    for version in (7, 8):
        append(filled, PlainPast(window), version)
    a, b = (append(cache, PlainPast(window), 9) for cache in (grown, filled))
    for one, two in zip(a, b, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)


def test_far_positions_stay_exact():
    """The thousandth block attends as the slow twin does, whose positions begin at the window."""
    window = Window(blocks=3, sink_blocks=1)
    cache, twin = KVCache(KVPool(SHAPE, window.num_pages), window), PlainPast(window)
    for version in range(1000):
        outputs = append(cache, twin, version % 7)
    torch.testing.assert_close(outputs[1], twin.attend(999, 1), atol=2e-6, rtol=0)


def test_a_copied_module_keeps_the_same_past():
    cache = KVCache(KVPool(SHAPE, 2), Window(blocks=2))
    assert copy.deepcopy(cache) is cache
