"""Re-ink and SVG: any recovered drawing in another brush, fast."""

from __future__ import annotations

import base64
import io
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from svgelements import SVG, Path

from tests.data.clips import clip, drawing, line
from videosketcher_app.data import renderer
from videosketcher_app.data.brushes import painting, reink
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.svg_layer import RASTER_SCALE, painted_svg
from videosketcher_app.data.recover import recover_sketch

LIBRARY = load_brushes()[0]


def test_a_recovered_drawing_is_painted_again_at_its_own_pace() -> None:
    sketch = recover_sketch(clip("cat"))
    brush = LIBRARY["ink_indigo"].brush
    start = time.process_time()
    frames = np.stack(list(reink.reinked_frames(sketch, brush, seed=1)))
    assert time.process_time() - start < 1.0
    assert frames.shape == clip("cat").shape
    for index in (0, 20, 40, 60, 80):
        inked, truth = (frames[index] < 200).any(-1), clip("cat")[index, ..., 0] < 128
        near = ndimage.binary_dilation(inked, iterations=3)
        assert truth.sum() == 0 or (near & truth).sum() > 0.9 * truth.sum()
    assert (frames[0] == 255).all()


def test_constant_pressure_gets_a_hand_and_a_hand_is_kept() -> None:
    stroke = line([(0, 0), (20, 5), (40, 20), (60, 20), (80, 5)], 0, 9)
    lively = reink.with_hand_pressure(stroke)
    assert lively.pressure_N.min() < 0.8
    assert reink.with_hand_pressure(lively) is lively


def test_pen_tips_lie_on_the_ink() -> None:
    sketch = drawing("cat").sketch
    tips = reink.pen_tips(sketch)
    assert tips.shape == (sketch.num_frames, 2)
    down = ~np.isnan(tips[:, 0])
    assert down.mean() > 0.3
    level = renderer.picture(sketch)[..., 0]
    columns, rows = np.round(tips[down]).astype(int).T
    assert (level[rows, columns] < 200).mean() > 0.95


@pytest.mark.parametrize("name", ["calligraphy_black", "marker_blue", "dry_brush_ochre"])
def test_outlines_cover_what_is_painted(name: str) -> None:
    sketch = drawing("house").sketch
    text = painted_svg(sketch, LIBRARY[name].brush, seed=1)
    assert text == painted_svg(sketch, LIBRARY[name].brush, seed=1)
    paths = [e for e in SVG.parse(io.StringIO(text)).elements() if isinstance(e, Path)]
    assert 0 < len(paths) <= len(sketch.strokes)
    root = ElementTree.fromstring(text)
    first = root.find(".//{*}path")
    assert first is not None
    assert float(first.get("data-end")) >= float(first.get("data-start"))
    painted = painting.picture(sketch, LIBRARY[name].brush, seed=1)
    rows, columns = np.nonzero((painted < 200).any(-1))
    boxes = np.array([path.bbox() for path in paths])
    found = [boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()]
    np.testing.assert_allclose(
        found, [columns.min(), rows.min(), columns.max(), rows.max()], atol=2.5
    )


def test_the_raster_layer_is_the_painting() -> None:
    sketch, brush = drawing("bird").sketch, LIBRARY["charcoal_black"].brush
    text = painted_svg(sketch, brush, style="raster", seed=5)
    image = ElementTree.fromstring(text).find("{*}image")
    assert image is not None
    data = base64.b64decode(image.get("href").split(",")[1])
    rgba = np.asarray(Image.open(io.BytesIO(data))).astype(np.float32) / 255
    over = 1 + rgba[..., 3:] * (rgba[..., :3] - 1)
    size = {"width_px": 432 * RASTER_SCALE, "height_px": 240 * RASTER_SCALE}
    truth = painting.picture(sketch, brush, seed=5, **size)
    assert np.abs(over * 255 - truth).max() <= 2
