"""The shipped table of waves: it knows every medium, and says what measuring would say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from videosketcher_app.data.brushes import wave_figures
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.likeness import brush_like
from videosketcher_app.data.brushes.mark import find_mark
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points
from videosketcher_app.data.brushes.wave_figures import (
    LAST_STEP,
    figures_of,
    key_of,
    measured,
    media_of,
    plain,
    step_of,
)

LIBRARY = load_brushes()[0]
MEDIA = media_of(LIBRARY)


def test_the_table_holds_every_medium_at_every_width():
    table = wave_figures._table()
    assert set(table) == {key_of(brush) for brush in MEDIA.values()}, (
        "run scripts/measure_brushes.py"
    )
    assert {len(steps) for steps in table.values()} == {LAST_STEP + 1}
    missing = sum(figures is None for steps in table.values() for figures in steps)
    assert missing <= 4, "only lines as fine as a hair may be lost"


@pytest.mark.parametrize(("medium", "step"), [("crayon", 7), ("marker", 5)])
def test_an_entry_is_what_measuring_gives_now(medium, step):
    brush = MEDIA[medium]
    shipped, now = plain(figures_of(brush, step)), plain(measured(brush, step))
    assert shipped == pytest.approx(now, rel=0.02, abs=0.005), "run scripts/measure_brushes.py"


def test_a_picture_is_answered_without_painting_waves(monkeypatch):
    def measure(*_):
        raise AssertionError("a shipped brush was measured again")

    monkeypatch.setattr(wave_figures, "measured", measure)
    sketch = sketch_of_path(wave_points(576, 360, 60.0, 86.0), 576, 360)
    mark = find_mark(picture(sketch, replace(LIBRARY["crayon_red"].brush, width_px=14), seed=2))
    assert brush_like(mark, LIBRARY).kind in ("crayon", "charcoal", "pencil")


def test_a_brush_that_the_table_does_not_know_is_measured():
    brush = replace(MEDIA["marker"], width_px=MEDIA["marker"].width_px + 1)
    assert key_of(brush) not in wave_figures._table()
    assert figures_of(brush, 6) == measured(brush, 6)


def test_steps_grow_with_the_width_and_end():
    assert [step_of(width) for width in (0.1, 1.0, 1.4, 2.0, 1e6)] == [0, 0, 1, 2, LAST_STEP]
