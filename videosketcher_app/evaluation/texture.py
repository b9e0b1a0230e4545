"""TextureNet: which kind of brush painted this? Trained on the engine's renders only.

It sees small patches of ink, scaled to the density of the drawing's own ink, so that neither color
nor place tells it anything, and adds up what they say.

Legend: B pictures, N patches, H/W pixels, S side of a patch, K kinds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import DamagedModel
from videosketcher_app.data.brushes.model import KINDS
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files

WEIGHTS = Path(__file__).with_name("weights")
FILE, CALIBRATION_FILE = "texture.safetensors", "texture_calibration.json"
SIDE_PX, PATCHES = 48, 24
MOST_DENSITY = 2.0  # ink twice as dense as the drawing's own is as dark as any
_WIDTHS = (24, 48, 64, 96)
_INK = 0.12  # density from which a pixel may be the middle of a patch
_PATCH_SEED = 5


class TextureNet(nn.Module):
    """Patches (N, 1, S, S) of scaled ink -> logits (N, K).

    The first layer halves the patch without losing any of its 2 x 2 pixels: grain is that fine.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = _WIDTHS
        self.layers = nn.Sequential(
            *_convolution(1, first, 4, stride=2),
            *_convolution(first, second, 3, stride=2),
            *_convolution(second, third, 3),
            *_convolution(third, third, 3, stride=2),
            *_convolution(third, last, 3),
        )
        self.kinds = nn.Linear(2 * last, len(KINDS))

    def forward(self, patches_N1SS: Tensor) -> Tensor:
        """The logits of every patch."""
        x = self.layers(patches_N1SS)
        return self.kinds(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))


def ink_patches(
    pictures_B3HW: Tensor, generator: torch.Generator, count: int = PATCHES, side_px: int = SIDE_PX
) -> Tensor:
    """Patches (B, count, 1, S, S) around random pixels of ink, scaled to the drawing's density.

    Args:
        pictures_B3HW: in [0, 1], on white paper, without a box.
        generator: on the pictures' device.

    Returns:
        densities in [0, MOST_DENSITY]; 1 where the ink is as dense as it mostly is.
    """
    darkness_BHW = (1 - pictures_B3HW).amax(1)
    dense_B = darkness_BHW.square().sum((1, 2)) / darkness_BHW.sum((1, 2)).clamp(min=1e-3)
    scaled_BHW = darkness_BHW / dense_B.clamp(min=0.05).view(-1, 1, 1)
    weight_BP = (scaled_BHW > _INK).flatten(1).float()
    weight_BP = torch.where(weight_BP.sum(1, keepdim=True) > 0, weight_BP, 1.0)
    chosen = torch.multinomial(weight_BP, count, replacement=True, generator=generator)
    width, half = pictures_B3HW.shape[3], side_px // 2
    padded = nn.functional.pad(scaled_BHW.clamp(max=MOST_DENSITY), (half, half, half, half))
    windows = padded.unfold(1, side_px, 1).unfold(2, side_px, 1)  # B, H+1, W+1, S, S
    index = torch.arange(len(pictures_B3HW), device=chosen.device)[:, None].expand_as(chosen)
    return windows[index, chosen // width, chosen % width][:, :, None]


class TextureJudge:
    """Names the kind of brush of finished pictures.

    Args:
        net: trained.
        calibration: what it reaches on renders.
    """

    def __init__(self, net: TextureNet, calibration: dict | None = None) -> None:
        self.net = net.eval().requires_grad_(False)
        self.calibration = calibration or {}

    @torch.inference_mode()
    def kinds(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """The kind (one of KINDS) of each picture (H, W, 3) uint8."""
        device = next(self.net.parameters()).device
        named = []
        for picture in pictures:
            pixels = torch.from_numpy(np.ascontiguousarray(picture)).to(device).float() / 255
            generator = torch.Generator(device=device).manual_seed(_PATCH_SEED)
            patches = ink_patches(pixels.permute(2, 0, 1)[None], generator)[0]
            scores = self.net(patches).log_softmax(1).mean(0)
            named.append(KINDS[int(scores.argmax())])
        return named

    def save(self, folder: Path) -> None:
        """Writes weights and calibration."""
        weights = {k: v.detach().cpu() for k, v in self.net.state_dict().items()}
        half = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
        tensor_files.write_safetensors(folder / FILE, half)
        atomic.write_json(folder / CALIBRATION_FILE, self.calibration)


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, side, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def load_judge(folder: Path = WEIGHTS, device: str = "cpu") -> TextureJudge:
    """Reads what `TextureJudge.save` wrote.

    Raises:
        MissingModel: there is no such file.
        DamagedModel: it does not fit the network.
    """
    stored = tensor_files.read_safetensors(folder / FILE)
    net = TextureNet()
    try:
        net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in stored.items()}
        )
    except RuntimeError as error:
        raise DamagedModel(
            f"{FILE} does not hold the weights of the texture classifier.",
            hint="Restore it from the repository, or train it again.",
        ) from error
    calibration = json.loads((folder / CALIBRATION_FILE).read_text("utf-8"))
    return TextureJudge(net.to(device), calibration)
