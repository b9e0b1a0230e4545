"""Attention under a band in pieces that need no mask: rectangles and triangles for cuDNN.

A run of queries that follow one another sees most of its keys together: a rectangle. What is left of
the band are two triangles as wide as the run: the keys that fall out of sight below while the run goes
on, and those that come into sight above. The upper one is what causal attention computes, the lower
one is so with queries and keys reversed. All pieces of a run are put together by their sums.

Legend: B batch, N heads, L tokens, E head width, R queries of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from videosketcher_app.models.partial_attention import Part, attention_part, joined
from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.wan.forward import dense_attention

RUN_TOKENS = 2048  # longer ones have larger triangles, shorter ones leave a GPU's processors idle
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Queries `first` to `end`, and what they see.

    Attributes:
        whole: spans of keys that all of them see.
        below, above: the triangles, as many keys as queries; None where the band's end cuts them off.
    """

    first: int
    end: int
    whole: tuple[Span, ...]
    below: Span | None
    above: Span | None


def in_pieces(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask) -> Tensor:
    """Attention under a band: (B, N, L, E) -> same shape."""
    out_BNLE = torch.empty_like(q_BNLE)
    for run in runs(band, RUN_TOKENS):
        q_BNRE = q_BNLE[:, :, run.first : run.end]
        parts: list[Part] = []
        if run.whole:
            keys = (_taken(x_BNLE, run.whole) for x_BNLE in (k_BNLE, v_BNLE))
            parts.append(attention_part(q_BNRE, *keys))
        if run.above is not None:
            keys = (_taken(x_BNLE, (run.above,)) for x_BNLE in (k_BNLE, v_BNLE))
            parts.append(attention_part(q_BNRE, *keys, is_causal=True))
        if run.below is not None:
            keys = (_taken(x_BNLE, (run.below,)).flip(2) for x_BNLE in (k_BNLE, v_BNLE))
            out, sums = attention_part(q_BNRE.flip(2), *keys, is_causal=True)
            parts.append((out.flip(2), sums.flip(2)))
        out_BNLE[:, :, run.first : run.end] = joined(parts)
    for first, end, low, high in _others(band):
        out_BNLE[:, :, first:end] = dense_attention(
            q_BNLE[:, :, first:end], k_BNLE[:, :, low:high], v_BNLE[:, :, low:high]
        )
    return out_BNLE


def runs(band: BandMask, longest: int) -> Iterator[Run]:
    """The video's queries in runs whose triangles are whole or not there."""
    reach = band.half_width
    longest = max(1, min(longest, 2 * reach))
    edges = {
        band.band_start - reach,  # from here on the band is in sight
        band.band_start + reach,  # its first key falls out of sight
        band.band_end - 1 - reach,  # its last key is in sight
        band.band_end + reach,  # out of sight altogether
    }
    inside = {each for each in edges if band.query_start < each < band.query_end}
    ends = sorted({band.query_start, band.query_end, *inside})
    for begin, finish in pairwise(ends):
        count = -(-(finish - begin) // longest)
        cuts = [begin + (finish - begin) * number // count for number in range(count + 1)]
        for first, end in pairwise(cuts):
            yield _run(band, first, end)


def _run(band: BandMask, first: int, end: int) -> Run:
    reach, low, high = band.half_width, band.band_start, band.band_end
    always = [(0, low), (high, band.real_end)]
    if first < low - reach or first >= high + reach:  # sees nothing of the band
        return Run(first=first, end=end, whole=_spans(*always), below=None, above=None)
    below = above = None
    if first >= low + reach:
        below, low = (first - reach, end - reach), end - reach
    if first < high - 1 - reach:
        above, high = (first + reach, end + reach), first + reach
    whole = _spans(always[0], (low, high), always[1])
    return Run(first=first, end=end, whole=whole, below=below, above=above)


def _spans(*spans: Span) -> tuple[Span, ...]:
    """Those that are not empty, neighbours as one."""
    found: list[Span] = []
    for low, high in spans:
        if low >= high:
            continue
        if found and found[-1][1] == low:
            low = found.pop()[0]
        found.append((low, high))
    return tuple(found)


def _taken(x_BNLE: Tensor, spans: tuple[Span, ...]) -> Tensor:
    pieces = [x_BNLE[:, :, low:high] for low, high in spans]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)


def _others(band: BandMask) -> Iterator[tuple[int, int, int, int]]:
    """Words, which see everything real, and padding, which sees itself: queries, then keys."""
    if band.query_start:
        yield 0, band.query_start, 0, band.real_end
    if band.query_end < band.real_end:
        yield band.query_end, band.real_end, 0, band.real_end
    if band.real_end < band.num_tokens:
        yield band.real_end, band.num_tokens, band.real_end, band.num_tokens
