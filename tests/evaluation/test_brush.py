"""Brush figures tell right from wrong: true paintings pass, other colors, widths and boxes do not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.engines.brush_frames import boxed
from videosketcher_app.evaluation import brush as scored
from videosketcher_app.evaluation.brush_cases import SHELF, UNSEEN, brush_cases
from videosketcher_app.evaluation.brush_ink import (
    box_error,
    brush_figures,
    color_difference,
    paint_figures,
    references,
)
from videosketcher_app.evaluation.brush_reading import read_brush_clip
from videosketcher_app.evaluation.detector import load_detector
from videosketcher_app.evaluation.texture import (
    PATCHES,
    SIDE_PX,
    TextureJudge,
    TextureNet,
    ink_patches,
    load_judge,
)

SHELF_BRUSHES = load_brushes()[0]


def as_decoded(frames_THW3):
    """A decoder's blur and noise; every eighth frame is enough here."""
    rng = np.random.default_rng(0)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.6) for frame in frames_THW3[::8]])
    noisy = soft.astype(np.float32) + rng.standard_normal(soft.shape, dtype=np.float32) * 2
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def test_cases_are_24_shelf_and_40_unseen_brushes_times_5_plans():
    cases = brush_cases()
    assert len(cases) == 64 * 5
    groups = {group: {c.name for c in cases if c.group == group} for group in (SHELF, UNSEEN)}
    assert {group: len(names) for group, names in groups.items()} == {SHELF: 24, UNSEEN: 40}
    assert all("brush shown in the top-left corner" in str(case.plan) for case in cases[:5])
    assert "brush" not in str(cases[0].task.plan)


@pytest.mark.parametrize("name", ["gouache_teal", "marker_blue", "ink_black", "crayon_green"])
def test_true_paintings_have_the_brushs_color_and_width(name):
    brush = SHELF_BRUSHES[name].brush
    true = brush_figures(brush)
    found = paint_figures(picture(references()[0], brush, seed=9))
    assert color_difference(true.color, found.color) < 4
    assert found.width_px == pytest.approx(true.width_px, rel=0.25)
    other = paint_figures(picture(references()[0], replace(brush, color=(0.9, 0.2, 0.6))))
    assert color_difference(true.color, other.color) > 12
    wide = paint_figures(picture(references()[0], replace(brush, width_px=1.8 * brush.width_px)))
    assert wide.width_px > 1.3 * true.width_px
    assert paint_figures(np.full((240, 432, 3), 255, np.uint8)) is None


def test_ciede2000_agrees_with_published_pairs():
    assert color_difference((1, 1, 1), (1, 1, 1)) == 0
    assert color_difference((1, 1, 1), (0, 0, 0)) == pytest.approx(100, abs=0.1)


def test_the_box_error_sees_a_box_that_moved_but_not_a_drawing_over_it():
    case = brush_cases(plans=("house",), limit=1)[0]
    clip = np.full((6, 240, 432, 3), 255, np.uint8)
    clip[3:, 30:36, 50:200] = 40
    raw = boxed(clip, case.condition)
    assert box_error(raw, case.condition) == 0
    assert box_error(np.roll(raw, 2, axis=2), case.condition) > 1


def test_broad_drawings_are_read_by_their_middle_line():
    case = brush_cases(plans=("house",), limit=1)[0]
    brush = SHELF_BRUSHES["gouache_teal"].brush
    clip = replace(case, brush=brush).true_clip()
    detector = load_detector()
    row = scored.sketch_row([case], [read_brush_clip(clip)], detector)
    assert row["recognised"] == 1
    assert row["present"] >= 0.8
    backward = read_brush_clip(clip[::-1].copy()[np.r_[0 : len(clip)]])
    assert backward.raw.persistence < 0.5, "ink that vanishes is noticed"


def test_rows_compare_drawings_with_what_can_be_reached():
    cases = brush_cases(plans=("house",), limit=3)
    wrong = [replace(c, brush=replace(c.brush, color=(0.8, 0.1, 0.7))) for c in cases]
    drawn = (as_decoded(boxed(c.true_clip(), c.condition)) for c in wrong)
    scores = scored.score_brush_clips(cases, drawn, round_trip=as_decoded)
    true = scored.score_brush_clips(
        cases, scored.true_clips(cases, as_decoded), round_trip=as_decoded
    )
    every = scored.brush_rows(scores, true)
    rows = {(row["set"], row.get("of")): row for row in every}
    missed = rows["missed by part", None]
    assert {name.split("/")[0] for name in missed if name != "set"} == {"house"}
    assert all(0 <= share <= 1 for name in missed if name != "set" for share in missed[name])
    assert "missed by kind" in {row["set"] for row in every}
    bad, good = rows["brush:all", "drawn"], rows["brush:all", "true, through the VAE"]
    assert bad["color_median"] > 12 > 6 > good["color_median"]
    assert good["width_ratio"] == pytest.approx(1, abs=0.25)
    assert good["box_ratio"] == pytest.approx(1, abs=0.35)
    assert good["blank"] == 0
    clip = as_decoded(boxed(wrong[2].true_clip(), cases[2].condition))
    blank = boxed(np.full_like(wrong[2].true_clip(), 255), cases[2].condition)
    (painted,), (mended,) = scored.score_finished(cases[2:], [[blank, clip]], round_trip=as_decoded)
    for found in (mended, painted):
        assert found.color < 6 < found.raw_color, "the engine gives the ink its color"
    assert (mended.painted, painted.painted) == (False, True)
    ratio = painted.width_px / painted.true_width_px
    assert ratio == pytest.approx(1, abs=0.15), "and strokes their width"
    assert good["recognised"] >= 2 / 3


def test_patches_see_ink_but_neither_its_color_nor_its_place():
    brush = SHELF_BRUSHES["gouache_teal"].brush
    pixels = torch.from_numpy(picture(references()[0], brush)).float().permute(2, 0, 1)[None] / 255
    patches = ink_patches(pixels, torch.Generator().manual_seed(1))
    assert patches.shape == (1, PATCHES, 1, SIDE_PX, SIDE_PX)
    half = SIDE_PX // 2
    assert (patches[0, :, 0, half, half] > 0).all(), "a patch has ink in its middle"
    moved = ink_patches(torch.roll(pixels, 3, dims=3), torch.Generator().manual_seed(1))
    assert moved.shape == patches.shape
    blank = ink_patches(torch.ones(1, 3, 60, 80), torch.Generator().manual_seed(1))
    assert (blank == 0).all()


def test_the_judge_survives_its_file(tmp_path):
    torch.manual_seed(0)
    judge = TextureJudge(TextureNet(), {"drawings": 2})
    pictures = [picture(references()[0], SHELF_BRUSHES["spray_blue"].brush)]
    judge.save(tmp_path)
    again = load_judge(tmp_path)
    assert again.calibration == {"drawings": 2}
    assert again.kinds(pictures) == judge.kinds(pictures)


def test_the_shipped_judge_names_brushes_and_says_how_well():
    judge = load_judge()
    assert judge.calibration["training_brushes_clean"] >= 0.9
    assert 0.5 < judge.calibration["unseen_brushes_decoded"] < 1
    pictures = {
        brush.kind: picture(references()[0], brush)
        for brush in (
            SHELF_BRUSHES[n].brush for n in ("spray_blue", "crayon_green", "gouache_teal")
        )
    }
    assert judge.kinds(list(pictures.values())) == list(pictures)
