"""The detector: where the parts of a plan are in a finished picture, and what the picture shows.

Legend: B drawings, H/W the detector's grid (120 x 216), D features, Q labels, N ink pixels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.errors import MissingModel
from videosketcher_app.evaluation.network import WIDTHS, ConceptNet, PartNet
from videosketcher_app.evaluation.renders import GRID_HEIGHT, GRID_WIDTH, INK_PIXEL
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.storage import atomic
from videosketcher_app.storage.tensors import (
    read_metadata,
    read_safetensors,
    write_safetensors,
)

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
WEIGHTS_NAME, CALIBRATION_NAME = "detector.safetensors", "calibration.json"
FEATURE_BATCH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Masks:
    """What the detector says of one drawing.

    Attributes:
        ink_HW: coverage in [0, 1].
        rows_N, columns_N: the ink pixels.
        probability_QN: for every label asked, how surely each ink pixel belongs to it.
    """

    ink_HW: NDArray[np.float32]
    rows_N: NDArray[np.int64]
    columns_N: NDArray[np.int64]
    probability_QN: NDArray[np.float32]


class Detector:
    """Both networks with the labels that they know and the thresholds of their calibration."""

    def __init__(
        self, vocabulary: Vocabulary, *, device: str = "cpu", widths: Sequence[int] = WIDTHS
    ) -> None:
        self.vocabulary = vocabulary
        self.widths = tuple(widths)
        self.device = torch.device(device)
        self.parts = PartNet(vocabulary, widths).to(self.device)
        self.concepts = ConceptNet(len(vocabulary.concepts)).to(self.device)
        self.calibration: dict = {}
        self.eval()

    def eval(self) -> Detector:
        """Puts both networks into inference mode."""
        self.parts.eval()
        self.concepts.eval()
        return self

    @torch.inference_mode()
    def masks(
        self, inks: Sequence[NDArray[np.float32]], labels: Sequence[Sequence[str]]
    ) -> list[Masks]:
        """Where each drawing's labels are.

        Args:
            inks: coverage (H, W) of every drawing.
            labels: the labels to look for in each of them.

        Raises:
            InvalidRequest: a label is not in the vocabulary.
        """
        found: list[Masks] = []
        for start in range(0, len(inks), FEATURE_BATCH):
            part = list(inks[start : start + FEATURE_BATCH])
            features = self.parts(self._batch(part)).float()
            for ink, features_DHW, names in zip(
                part, features, labels[start : start + FEATURE_BATCH], strict=True
            ):
                found.append(self._read(ink, features_DHW, names))
        return found

    def _read(self, ink_HW: NDArray, features_DHW: Tensor, names: Sequence[str]) -> Masks:
        rows, columns = np.nonzero(ink_HW > INK_PIXEL)
        queries = torch.tensor([self.vocabulary.query(name) for name in names], dtype=torch.long)
        features_DN = features_DHW[:, torch.from_numpy(rows), torch.from_numpy(columns)]
        logits = self.parts.logits(features_DN[None], queries[None].to(self.device))[0]
        return Masks(
            ink_HW=ink_HW,
            rows_N=rows,
            columns_N=columns,
            probability_QN=logits.sigmoid().cpu().numpy(),
        )

    @torch.inference_mode()
    def classify(self, inks: Sequence[NDArray[np.float32]]) -> list[str]:
        """The concept that each drawing looks like most."""
        names: list[str] = []
        for start in range(0, len(inks), FEATURE_BATCH):
            logits = self.concepts(self._batch(inks[start : start + FEATURE_BATCH]))
            names += [self.vocabulary.concepts[i] for i in logits.argmax(1).tolist()]
        return names

    def _batch(self, inks: Sequence[NDArray[np.float32]]) -> Tensor:
        stacked = np.stack(inks).astype(np.float32)
        assert stacked.shape[1:] == (GRID_HEIGHT, GRID_WIDTH), stacked.shape
        return torch.from_numpy(stacked).to(self.device)

    def save(self, folder: Path) -> None:
        """Writes the weights as fp16 safetensors and the calibration beside them."""
        tensors = {
            f"{name}.{key}": value.detach().cpu().half()
            if value.is_floating_point()
            else value.cpu()
            for name, network in (("parts", self.parts), ("concepts", self.concepts))
            for key, value in network.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        metadata = {
            "vocabulary": self.vocabulary.to_json(),
            "widths": json.dumps(self.widths),
        }
        write_safetensors(folder / WEIGHTS_NAME, tensors, metadata)
        atomic.write_json(folder / CALIBRATION_NAME, self.calibration)


def load_detector(folder: Path = WEIGHTS_FOLDER, *, device: str = "cpu") -> Detector:
    """The trained detector with its calibration.

    Raises:
        MissingModel: the weights or the calibration are not there.
        InvalidFile: the weight file is damaged.
    """
    weights, calibration = folder / WEIGHTS_NAME, folder / CALIBRATION_NAME
    for path in (weights, calibration):
        if not path.is_file():
            raise MissingModel(
                f"The evaluator's file {path.name} is missing in {folder}.",
                hint="Get it back from the repository, or train it: "
                "python -m videosketcher_app.training.detector",
            )
    metadata = read_metadata(weights)
    tensors = {key: value.float() for key, value in read_safetensors(weights).items()}
    vocabulary = Vocabulary.from_json(metadata["vocabulary"])
    detector = Detector(vocabulary, device=device, widths=json.loads(metadata["widths"]))
    for name, network in (("parts", detector.parts), ("concepts", detector.concepts)):
        own = {k[len(name) + 1 :]: v for k, v in tensors.items() if k.startswith(f"{name}.")}
        own |= {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
        network.load_state_dict(own)
    detector.calibration = json.loads(calibration.read_text("utf-8"))
    return detector
