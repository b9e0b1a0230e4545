"""Attention under a band in pieces that need no mask: rectangles and triangles for cuDNN.

A run of queries that follow one another sees most of its keys together: a rectangle. What is left of
the band are two triangles as wide as the run: the keys that fall out of sight below while the run goes
on, and those that come into sight above. The upper one is what causal attention computes, the lower
one is so with queries and keys reversed. What everybody sees is one more piece, for all queries at
once. All pieces of a query are put together by their sums.

In the band's middle all runs are alike, so each kind of piece is one call there: the runs are a batch,
whose keys overlap in memory and are not copied.

Legend: B batch, N heads, L tokens, E head width, R queries of a run, W runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from videosketcher_app.models.compiling import can_compile, compiled
from videosketcher_app.models.partial_attention import (
    Part,
    attention_part,
    joined,
    joined_plainly,
)
from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.wan.forward import dense_attention

RUN_TOKENS = 2048  # longer ones have larger triangles, shorter ones leave a GPU's processors idle
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Queries `first` to `end`, and what they see of the band.

    Attributes:
        whole: keys that all of them see; None for none.
        below, above: the triangles, as many keys as queries; None where the band's end cuts them off.
    """

    first: int
    end: int
    whole: Span | None
    below: Span | None
    above: Span | None


@dataclass(frozen=True, kw_only=True)
class Middle:
    """Runs of one length, one after another, with both triangles whole.

    Attributes:
        first: query.
        run: queries of each.
    """

    first: int
    run: int
    count: int

    @property
    def end(self) -> int:
        """After the last query."""
        return self.first + self.run * self.count


def in_pieces(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask) -> Tensor:
    """Attention under a band: (B, N, L, E) -> same shape."""
    out_BNLE = torch.empty_like(q_BNLE)
    always = _seen_by_all(q_BNLE, k_BNLE, v_BNLE, band)
    middle = middle_of(band, RUN_TOKENS)
    for run in runs(band, RUN_TOKENS, middle):
        parts = _of_run(run, q_BNLE, k_BNLE, v_BNLE)
        if always is not None:
            low, high = run.first - band.query_start, run.end - band.query_start
            parts.append((always[0][:, :, low:high], always[1][:, :, low:high]))
        out_BNLE[:, :, run.first : run.end] = joined(parts)
    if middle is not None:
        for each in range(len(q_BNLE)):
            own = None if always is None else (always[0][each], always[1][each])
            q_NLE, k_NLE, v_NLE = q_BNLE[each], k_BNLE[each], v_BNLE[each]
            _fill_middle(out_BNLE[each], q_NLE, k_NLE, v_NLE, band, middle, own)
    for first, end, low, high in _others(band):
        out_BNLE[:, :, first:end] = dense_attention(
            q_BNLE[:, :, first:end], k_BNLE[:, :, low:high], v_BNLE[:, :, low:high]
        )
    return out_BNLE


def _seen_by_all(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask) -> Part | None:
    """The video's queries over the keys outside of the band."""
    spans = [s for s in ((0, band.band_start), (band.band_end, band.real_end)) if s[0] < s[1]]
    if not spans:
        return None
    k, v = (torch.cat([x[:, :, low:high] for low, high in spans], dim=2) for x in (k_BNLE, v_BNLE))
    return attention_part(q_BNLE[:, :, band.query_start : band.query_end], k, v)


def _of_run(run: Run, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> list[Part]:
    q_BNRE = q_BNLE[:, :, run.first : run.end]
    parts: list[Part] = []
    if run.whole is not None:
        low, high = run.whole
        parts.append(attention_part(q_BNRE, k_BNLE[:, :, low:high], v_BNLE[:, :, low:high]))
    if run.above is not None:
        low, high = run.above
        k, v = k_BNLE[:, :, low:high], v_BNLE[:, :, low:high]
        parts.append(attention_part(q_BNRE, k, v, is_causal=True))
    if run.below is not None:
        low, high = run.below
        k, v = k_BNLE[:, :, low:high].flip(2), v_BNLE[:, :, low:high].flip(2)
        out, sums = attention_part(q_BNRE.flip(2), k, v, is_causal=True)
        parts.append((out.flip(2), sums.flip(2)))
    return parts


def _fill_middle(
    out_NLE: Tensor,
    q_NLE: Tensor,
    k_NLE: Tensor,
    v_NLE: Tensor,
    band: BandMask,
    middle: Middle,
    always: Part | None,
) -> None:
    """Writes the middle of one clip, each kind of piece computed for all runs together."""
    reach, first, end, run = band.half_width, middle.first, middle.end, middle.run

    def windows(x_NLE: Tensor, start: int, length: int) -> Tensor:
        return _windows(x_NLE, start, length, middle)

    q = windows(q_NLE, first, run)
    width = 2 * reach - run
    k, v = (windows(x, first + run - reach, width) for x in (k_NLE, v_NLE))
    parts = [attention_part(q, k, v)] if width else []
    k, v = (windows(x, first + reach, run) for x in (k_NLE, v_NLE))
    parts.append(attention_part(q, k, v, is_causal=True))
    turned = q_NLE[:, first:end].flip(1)
    others = (x[:, first - reach : end - reach].flip(1) for x in (k_NLE, v_NLE))
    below = attention_part(*(windows(x, 0, run) for x in (turned, *others)), is_causal=True)
    if always is not None:
        low = first - band.query_start
        outs = windows(always[0], low, run)
        sums = always[1][:, low : low + end - first].unflatten(1, (middle.count, run))
        parts.append((outs, sums.transpose(0, 1)))
    compiles = q_NLE.is_cuda and can_compile("cuda")
    join = compiled(_joined_with_turned, dynamic=True) if compiles else _joined_with_turned
    windows(out_NLE, first, run).copy_(join(tuple(parts), below))


def _joined_with_turned(parts: tuple[Part, ...], turned: Part) -> Tensor:
    """`partial_attention.joined` of runs (W, N, R, E), the last part's runs and queries reversed."""
    below = (turned[0].flip(0, 2), turned[1].flip(0, 2))
    return joined_plainly([*parts, below])


def _windows(x_NLE: Tensor, start: int, length: int, middle: Middle) -> Tensor:
    """A view (W, N, length, E) of a stretch for every run; stretches may overlap."""
    whole = middle.run * (middle.count - 1) + length
    stretch = x_NLE[:, start : start + whole]
    return stretch.unfold(1, length, middle.run).permute(1, 0, 3, 2)


def middle_of(band: BandMask, longest: int) -> Middle | None:
    """The runs that are alike; None if there are fewer than two."""
    reach = band.half_width
    first = max(band.band_start + reach, band.query_start)
    end = min(band.band_end - 1 - reach, band.query_end)
    longest = max(1, min(longest, 2 * reach))
    if end - first < 2 * longest:
        return None
    count = -(-(end - first) // longest)
    return Middle(first=first, run=(end - first) // count, count=count)


def runs(band: BandMask, longest: int, middle: Middle | None = None) -> Iterator[Run]:
    """The video's queries outside of the middle, in runs whose triangles are whole or not there."""
    reach = band.half_width
    longest = max(1, min(longest, 2 * reach))
    edges = {
        band.band_start - reach,  # from here on the band is in sight
        band.band_start + reach,  # its first key falls out of sight
        band.band_end - 1 - reach,  # its last key is in sight
        band.band_end + reach,  # out of sight altogether
    }
    if middle is not None:
        edges |= {middle.first, middle.end}
    inside = {each for each in edges if band.query_start < each < band.query_end}
    ends = sorted({band.query_start, band.query_end, *inside})
    for begin, finish in pairwise(ends):
        if middle is not None and middle.first <= begin < middle.end:
            continue
        count = -(-(finish - begin) // longest)
        cuts = [begin + (finish - begin) * number // count for number in range(count + 1)]
        for first, end in pairwise(cuts):
            yield _run(band, first, end)


def _run(band: BandMask, first: int, end: int) -> Run:
    reach, low, high = band.half_width, band.band_start, band.band_end
    if first < low - reach or first >= high + reach:  # sees nothing of the band
        return Run(first=first, end=end, whole=None, below=None, above=None)
    below = above = None
    if first >= low + reach:
        below, low = (first - reach, end - reach), end - reach
    if first < high - 1 - reach:
        above, high = (first + reach, end + reach), first + reach
    whole = (low, high) if low < high else None
    return Run(first=first, end=end, whole=whole, below=below, above=above)


def _others(band: BandMask) -> Iterator[tuple[int, int, int, int]]:
    """Words, which see everything real, and padding, which sees itself: queries, then keys."""
    if band.query_start:
        yield 0, band.query_start, 0, band.real_end
    if band.query_end < band.real_end:
        yield band.query_end, band.real_end, 0, band.real_end
    if band.real_end < band.num_tokens:
        yield band.real_end, band.num_tokens, band.real_end, band.num_tokens
