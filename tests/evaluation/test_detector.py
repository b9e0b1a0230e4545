from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.evaluation.drawings import shapes_drawing
from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.calibration import (
    CHECK_SEED,
    cases,
    fit_limits,
    read_cases,
    recognition,
)
from videosketcher_app.evaluation.cases import KINDS
from videosketcher_app.evaluation.degrade import degrade
from videosketcher_app.evaluation.detector import (
    WEIGHTS_FOLDER,
    WEIGHTS_NAME,
    Detector,
    load_detector,
)
from videosketcher_app.evaluation.reading import ordered_pairs
from videosketcher_app.evaluation.renders import render
from videosketcher_app.evaluation.vocabulary import Vocabulary, full_label, part_names

TINY = (8, 8, 8, 8, 8)


@pytest.fixture(scope="module")
def shipped() -> Detector:
    return load_detector()


def test_shipped_weights_are_small_and_calibrated(shipped: Detector) -> None:
    assert (WEIGHTS_FOLDER / WEIGHTS_NAME).stat().st_size <= 3_000_000
    assert sum(p.numel() for p in shipped.parts.parameters()) <= 1_500_000
    for source in ("primitives", "heldout_primitives", "heldout_concepts"):
        figures = shipped.calibration["figures"][source]
        assert figures["present"] >= 0.99
        assert figures["false_alarms_removed"] <= 0.02
        assert figures["false_alarms_moved"] <= 0.02
        assert figures["order"] >= 0.99
        assert figures["order_shuffled"] <= 0.55
    whole = shipped.calibration["figures"]["objects_whole"]
    assert min(whole["present"], whole["in_place"]) >= 0.99
    objects = shipped.calibration["figures"]["objects"]
    assert objects["present"] >= 0.985
    assert objects["false_alarms_removed"] <= 0.02
    assert objects["false_alarms_moved"] <= 0.025
    assert objects["order"] >= 0.99
    assert objects["order_shuffled"] <= 0.55
    assert shipped.calibration["recognised"]["whole"] >= 0.99


def test_shipped_vocabulary_names_every_part_of_the_grammar(shipped: Detector) -> None:
    assert shipped.vocabulary.concepts == tuple(programs())
    unknown = [
        full_label(name, part)
        for name, program in programs().items()
        for part in part_names(program)
        if full_label(name, part) not in shipped.vocabulary
    ]
    assert not unknown


@pytest.mark.parametrize("source", ["objects", "heldout_primitives", "heldout_concepts"])
def test_a_small_sample_confirms_the_calibration(shipped: Detector, source: str) -> None:
    """Renders with seeds that the committed figures did not use."""
    names = shipped.vocabulary.concepts
    jobs = [
        (source, kind, names, [CHECK_SEED, 77, KINDS.index(kind), 7 * index])
        for kind in ("true", "removed")
        for index in range(16)
    ]
    there, alarms, right, shuffled, total = [], [], 0.0, 0.0, 0
    rng = np.random.default_rng(0)
    for case, reading in read_cases(shipped, cases(jobs)):
        for part, is_there in zip(reading.parts, case.there, strict=True):
            (there if is_there else alarms).append(part.present)
        right += reading.pairs_right
        total += reading.pairs
        frames = [part.frame for part in reading.parts]
        shuffled += ordered_pairs([frames[i] for i in rng.permutation(len(frames))])[0]
    assert np.mean(there) >= 0.96
    assert np.mean(alarms) <= 0.07
    assert right / total >= 0.98
    assert shuffled / total <= 0.62


def test_the_classifier_names_fresh_renders(shipped: Detector) -> None:
    assert recognition(shipped, check=30)["whole"] >= 0.93


def test_saved_weights_load_with_the_same_answers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    detector = Detector(Vocabulary.of_primitives(), widths=TINY)
    state = detector.parts.state_dict()
    detector.parts.load_state_dict({k: v.half().to(v.dtype) for k, v in state.items()})
    detector.calibration = {"thresholds": {"star": 3.5}}
    detector.save(tmp_path)
    loaded = load_detector(tmp_path)
    drawing = shapes_drawing()
    ink = render(drawing.sketch, 5).ink_HW
    before, after = (d.masks([ink], [list(drawing.labels)])[0] for d in (detector, loaded))
    np.testing.assert_allclose(before.probability_QN, after.probability_QN, atol=1e-6)
    assert loaded.calibration == detector.calibration


def test_missing_and_damaged_weights_are_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match=r"detector\.safetensors is missing"):
        load_detector(tmp_path)
    Detector(Vocabulary.of_primitives(), widths=TINY).save(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(b"\x00" * 100)
    with pytest.raises(InvalidFile):
        load_detector(tmp_path)


def test_thresholds_lie_between_present_and_absent_scores() -> None:
    torch.manual_seed(0)
    detector = Detector(Vocabulary.of_primitives(), widths=TINY)
    jobs = [("primitives", kind, (), [2, 0, index]) for kind in KINDS for index in range(2)]
    thresholds, tolerances = fit_limits(detector, cases(jobs))
    assert thresholds
    assert all(value >= 0 for value in thresholds.values())
    assert tolerances == {}


def test_degraded_drawings_are_reproducible_and_recognisable() -> None:
    ink = torch.from_numpy(render(shapes_drawing().sketch, 5).ink_HW).expand(6, -1, -1)
    one, same = (degrade(ink, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, same)
    assert not torch.equal(one[0], one[1])
    assert torch.equal(degrade(ink, torch.Generator().manual_seed(4), strength=0.0), ink)
    kept = (one > 0.15)[ink > 0.6].float().mean()
    assert kept > 0.85
