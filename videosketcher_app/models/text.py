"""Pocket's text side: a word tokenizer with character fallback and a small transformer encoder.

Legend: B batch, L tokens, D width. The encoder's output is zero after the last token, as Wan's
pipeline leaves UMT5 embeddings.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_TOKENS = 256
PAD, END = 0, 1
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;-'\"!?()&/+*%#@_="
_WORD = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]")


def split_words(text: str) -> list[str]:
    """Lower-case words, digits and marks; accents are dropped and dashes made alike."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("–", "-").replace("—", "-"))
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


class PocketTokenizer:
    """Known words are one token; unknown words are spelled with character tokens.

    Args:
        words: the vocabulary; its order defines the ids.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        marks = ["<pad>", "<end>", "<unknown>", *(f"#{c}" for c in CHARACTERS)]
        self._ids = {token: i for i, token in enumerate([*marks, *self.words])}
        assert len(self._ids) == len(marks) + len(self.words), "a word stands twice"

    def __len__(self) -> int:
        return len(self._ids)

    def encode(self, text: str) -> list[int]:
        """Token ids with the end mark, at most MAX_TOKENS; what is longer is cut."""
        ids: list[int] = []
        for word in split_words(text):
            if word in self._ids:
                ids.append(self._ids[word])
            else:
                ids += [self._ids.get(f"#{c}", 2) for c in word]
        return [*ids[: MAX_TOKENS - 1], END]

    def batch(self, texts: Iterable[str], length: int = MAX_TOKENS) -> Tensor:
        """Token ids (B, length) padded with zeros."""
        rows = [self.encode(text)[:length] for text in texts]
        ids_BL = torch.zeros(len(rows), length, dtype=torch.long)
        for row, ids in enumerate(rows):
            ids_BL[row, : len(ids)] = torch.tensor(ids)
        return ids_BL

    def to_json(self) -> str:
        """The vocabulary as text."""
        return json.dumps({"words": self.words}, indent=0)

    @staticmethod
    def from_json(text: str) -> PocketTokenizer:
        """Reads what `to_json` wrote."""
        return PocketTokenizer(json.loads(text)["words"])


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Size of the text encoder."""

    vocabulary: int
    width: int = 256
    layers: int = 3
    heads: int = 4


class TextLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x_BLD: Tensor, mask_B11L: Tensor) -> Tensor:
        """(B, L, D) -> same shape."""
        batch, length, _ = x_BLD.shape
        qkv = self.qkv(self.norm1(x_BLD)).view(batch, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B11L)
        x_BLD = x_BLD + self.out(mixed.transpose(1, 2).flatten(2))
        return x_BLD + self.down(F.gelu(self.up(self.norm2(x_BLD))))


class PocketTextEncoder(nn.Module):
    """Token ids (B, L) -> embeddings (B, L, D), zero where there is no token."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.position = nn.Parameter(torch.randn(1, MAX_TOKENS, config.width) * 0.02)
        self.layers = nn.ModuleList(
            TextLayer(config.width, config.heads) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def config_dict(self) -> dict:
        """The configuration as plain values."""
        return asdict(self.config)

    def forward(self, ids_BL: Tensor) -> Tensor:
        """Raises nothing; ids must be below the vocabulary size."""
        mask_BL = ids_BL != PAD
        x_BLD = self.embedding(ids_BL) + self.position[:, : ids_BL.shape[1]]
        for layer in self.layers:
            x_BLD = layer(x_BLD, mask_BL[:, None, None])
        return self.norm(x_BLD) * mask_BL[..., None].to(x_BLD.dtype)
