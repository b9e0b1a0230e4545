"""Sketches as data: strokes, the renderer, time of ink, the grammar, datasets, exports."""
