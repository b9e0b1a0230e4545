"""Trains the classifier of brush kinds: python -m videosketcher_app.training.texture --seconds 600 --out DIR.

A part of the time paints a bank of patches, the rest learns from it. Run again with the same folders,
the bank grows and the weights are learned on. In the end the classifier is calibrated on other
drawings, with brushes like those of training and with unseen ones, clean and through the VAE.

Legend: N patches, S side of a patch.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from videosketcher_app.data.brushes.model import KINDS
from videosketcher_app.evaluation.texture import (
    FILE,
    MOST_DENSITY,
    SIDE_PX,
    TextureJudge,
    TextureNet,
    load_judge,
)
from videosketcher_app.models.pocket import best_dtype, load_pocket
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.texture_bank import (
    ROOM_PX,
    KindDataset,
    PatchBank,
    grow_bank,
    painted_pictures,
    read_bank,
    through_vae,
)

logger = logging.getLogger(__name__)
TRAIN_SEED, CHECK_SEED = 31, 32
_LOG_EVERY = 200


@dataclass(frozen=True, kw_only=True)
class TextureConfig:
    """The recipe.

    Attributes:
        seconds: of painting and learning together.
        painting_share: of the seconds; 0 learns from the bank as it is.
        checked: drawings of each set that calibrates; 0 leaves it for a later run.
    """

    seconds: float = 600.0
    painting_share: float = 0.5
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    checked: int = 240
    num_workers: int = 0
    device: str = "cpu"


def train_texture(
    config: TextureConfig, vae: PocketVAE, bank_folder: Path, *, init: TextureNet | None = None
) -> TextureJudge:
    """Paints, learns and calibrates; progress goes to the log.

    Args:
        bank_folder: of the shards that are there, and of those that this run paints.
        init: weights to go on from.
    """
    painting_s = config.painting_share * config.seconds
    if painting_s > 0:
        grow_bank(
            bank_folder, vae, TRAIN_SEED,
            seconds=painting_s, device=config.device, num_workers=config.num_workers,
        )  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    net = (init or TextureNet()).to(config.device)
    _learn(net, read_bank(bank_folder), config, config.seconds - painting_s)
    judge = TextureJudge(net)
    if config.checked:
        judge.calibration = calibration(judge, vae, config)
        logger.info("%s", judge.calibration)
    return judge


def calibration(judge: TextureJudge, vae: PocketVAE, config: TextureConfig) -> dict:
    """Accuracy on other drawings, clean and decoded, with brushes like those of training and unseen ones."""
    figures: dict[str, float] = {}
    for name, unseen in (("training_brushes", False), ("unseen_brushes", True)):
        dataset = KindDataset(CHECK_SEED, config.checked, unseen=unseen)
        right = {"clean": 0, "decoded": 0}
        painted = painted_pictures(dataset, config.device, num_workers=config.num_workers)
        for clean, kinds_B in painted:
            for look, pictures in (("clean", clean), ("decoded", through_vae(vae, clean))):
                pixels = (255 * pictures).round().byte().permute(0, 2, 3, 1).cpu().numpy()
                named = judge.kinds(list(pixels))
                right[look] += sum(n == KINDS[int(k)] for n, k in zip(named, kinds_B, strict=True))
        for look, count in right.items():
            figures[f"{name}_{look}"] = round(count / len(dataset), 4)
    return {"drawings": config.checked, **figures}


def _learn(net: TextureNet, bank: PatchBank, config: TextureConfig, seconds: float) -> None:
    """Cross entropy on patches moved, turned and mirrored at random; the rate falls to zero."""
    optimizer = torch.optim.AdamW(
        net.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    net.train().requires_grad_(True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    dtype = best_dtype(config.device)
    begun = time.monotonic()
    for step, (patches, kinds) in enumerate(_batches(bank, config), 1):
        progress = (time.monotonic() - begun) / seconds
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1.0, step / 50, 1.4 * (1 - progress))
        with torch.autocast(config.device, dtype, enabled=dtype != torch.float32):
            loss = functional.cross_entropy(net(patches), kinds, label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % _LOG_EVERY == 0:
            logger.info("step %d loss %.3f", step, loss.item())


def _batches(bank: PatchBank, config: TextureConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """Random patches (N, 1, S, S) for ever; all of a batch are moved and turned alike."""
    generator = torch.Generator().manual_seed(TRAIN_SEED)

    def chance(high: int, count: int = 1) -> list[int]:
        return torch.randint(high, (count,), generator=generator).tolist()

    while True:
        chosen = torch.randint(len(bank.kinds_N), (config.batch_size,), generator=generator)
        (top, left), (turns, mirrored) = chance(ROOM_PX + 1, 2), chance(4) + chance(2)
        patches = bank.patches_NSS[chosen, top : top + SIDE_PX, left : left + SIDE_PX]
        patches = torch.rot90(patches, turns, (1, 2))
        patches = patches.flip(1) if mirrored else patches
        scaled = patches[:, None].to(config.device).float() * (MOST_DENSITY / 255)
        yield scaled.to(memory_format=torch.channels_last), bank.kinds_N[chosen].to(config.device)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--painting-share", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--bank", type=Path, help="folder of painted patches; OUT/bank if not given"
    )
    parser.add_argument("--base", type=Path, default=Path("checkpoints/pocket"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--checked", type=int, default=240)
    parser.add_argument("--num-workers", type=int, default=0)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    config = TextureConfig(
        seconds=given.seconds,
        painting_share=given.painting_share,
        device=given.device,
        batch_size=given.batch_size,
        checked=given.checked,
        num_workers=given.num_workers,
    )
    init = load_judge(given.out).net if (given.out / FILE).is_file() else None
    vae = load_pocket(given.base, given.device).vae
    judge = train_texture(config, vae, given.bank, init=init)
    judge.save(given.out)


if __name__ == "__main__":
    main()
